// Outcomes of images as JSON: the form that stores keep and queues carry.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

// [["cat", 0.9], …]
nlohmann::json predictions_to_json(const Predictions& predictions);
// kInvalidArgument for anything else, and for an empty list.
Result<Predictions> predictions_from_json(const nlohmann::json& list);
// The result of an image whose stored predictions are `text`, a list of predictions_to_json. Where
// it cannot be read, the result is the error.
std::variant<Predictions, Error> result_from_text(std::string_view text);

// "undecodable" for kUndecodable. Stored data contains the names, so they never change.
std::string_view error_code_name(ErrorCode code);
// kInternal for an unknown name, such as one of a later version.
ErrorCode error_code_from_name(std::string_view name);

// {"index", "generation", "predictions" | "error": {"code", "message"}, "output_key"?, "reused"?,
// "ms"}.
// The job's id is not part of it, since many outcomes share one.
nlohmann::json outcome_to_json(const ImageOutcome& outcome);
// kInvalidArgument, with the reason, where a field is missing or out of range.
Result<ImageOutcome> outcome_from_json(const nlohmann::json& body, std::string_view job_id);

}  // namespace classifier
