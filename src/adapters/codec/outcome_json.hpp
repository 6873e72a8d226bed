// Outcomes of images as JSON, as stores keep them and queues carry them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

// [["cat", 0.9], …]
nlohmann::json predictions_to_json(const Predictions& predictions);
// kInvalidArgument where it is anything else, an empty list too.
Result<Predictions> predictions_from_json(const nlohmann::json& list);
// The same, of text as predictions_to_json wrote it.
Result<Predictions> predictions_from_text(std::string_view text);

// "undecodable" of kUndecodable; part of stored data, so names never change.
std::string_view error_code_name(ErrorCode code);
// kInternal for a name that this version does not know.
ErrorCode error_code_from_name(std::string_view name);

// {"index", "generation", "predictions" | "error": {"code", "message"}, "output_key"?, "ms"};
// the job's id is left out, since many outcomes share it.
nlohmann::json outcome_to_json(const ImageOutcome& outcome);
// kInvalidArgument says what is wrong with it.
Result<ImageOutcome> outcome_from_json(const nlohmann::json& body, std::string_view job_id);

}  // namespace classifier
