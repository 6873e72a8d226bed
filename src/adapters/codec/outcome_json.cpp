#include "adapters/codec/outcome_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/codec/json_text.hpp"

namespace classifier {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<ErrorCode, std::string_view>, 11> kCodes{{
    {ErrorCode::kInvalidArgument, "invalid_argument"},
    {ErrorCode::kUnauthorized, "unauthorized"},
    {ErrorCode::kForbidden, "forbidden"},
    {ErrorCode::kNotFound, "not_found"},
    {ErrorCode::kConflict, "conflict"},
    {ErrorCode::kTooLarge, "too_large"},
    {ErrorCode::kUnsupported, "unsupported"},
    {ErrorCode::kUndecodable, "undecodable"},
    {ErrorCode::kUnavailable, "unavailable"},
    {ErrorCode::kExhausted, "exhausted"},
    {ErrorCode::kInternal, "internal"},
}};

// The double with the float's shortest decimal form, so that JSON has 0.9 and not 0.89999998.
double shortest(float value) {
  std::array<char, 32> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  double result = value;
  std::from_chars(text.data(), written.ptr, result);
  return result;
}

}  // namespace

json predictions_to_json(const Predictions& predictions) {
  json list = json::array();
  for (const auto& prediction : predictions)
    list.push_back({prediction.label, shortest(prediction.score)});
  return list;
}

Result<Predictions> predictions_from_json(const json& list) {
  const auto unreadable = [] {
    return fail(ErrorCode::kInvalidArgument,
                "predictions cannot be read: they must be a list of labels and scores");
  };
  if (!list.is_array() || list.empty()) return unreadable();
  Predictions predictions;
  for (const auto& entry : list) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
      return unreadable();
    const auto score = entry[1].get<double>();
    if (std::abs(score) > static_cast<double>(std::numeric_limits<float>::max()))
      return unreadable();
    predictions.push_back({entry[0].get<std::string>(), static_cast<float>(score)});
  }
  return predictions;
}

std::variant<Predictions, Error> result_from_text(std::string_view text) {
  const auto list = parse_json(text);
  if (!list) return list.error();
  auto predictions = predictions_from_json(*list);
  if (!predictions) return std::move(predictions.error());
  return std::move(*predictions);
}

std::string_view error_code_name(ErrorCode code) {
  const auto* const row = std::ranges::find(kCodes, code, [](const auto& r) { return r.first; });
  return row == kCodes.end() ? "internal" : row->second;
}

ErrorCode error_code_from_name(std::string_view name) {
  const auto* const row = std::ranges::find(kCodes, name, [](const auto& r) { return r.second; });
  return row == kCodes.end() ? ErrorCode::kInternal : row->first;
}

json outcome_to_json(const ImageOutcome& outcome) {
  json body = {{"index", outcome.index},
               {"generation", outcome.generation},
               {"ms", outcome.processing_time_ms}};
  if (const auto* error = std::get_if<Error>(&outcome.result)) {
    body["error"] = {{"code", error_code_name(error->code)}, {"message", error->message}};
  } else {
    body["predictions"] = predictions_to_json(std::get<Predictions>(outcome.result));
    if (!outcome.warning.empty()) body["warning"] = outcome.warning;
  }
  if (!outcome.output_key.empty()) body["output_key"] = outcome.output_key;
  if (outcome.reused) body["reused"] = true;
  return body;
}

Result<ImageOutcome> outcome_from_json(const json& body, std::string_view job_id) {
  const auto index = whole_number<std::int64_t>(json_field(body, "index"));
  const auto generation = whole_number<int>(json_field(body, "generation"));
  const json& ms = json_field(body, "ms");
  if (!index || *index < 0 || !generation || *generation < 0 || !ms.is_number()) {
    return fail(ErrorCode::kInvalidArgument,
                "an outcome cannot be read: it must have index, generation and ms");
  }
  ImageOutcome outcome;
  outcome.job_id = job_id;
  outcome.index = *index;
  outcome.generation = *generation;
  outcome.processing_time_ms = ms.get<double>();
  outcome.output_key = text_field(body, "output_key");
  outcome.reused = json_field(body, "reused") == json(true);
  if (const json& error = json_field(body, "error"); error.is_object()) {
    outcome.result =
        Error{error_code_from_name(text_field(error, "code")), text_field(error, "message")};
    return outcome;
  }
  auto predictions = predictions_from_json(json_field(body, "predictions"));
  if (!predictions) return std::unexpected(std::move(predictions.error()));
  outcome.result = std::move(*predictions);
  outcome.warning = text_field(body, "warning");
  return outcome;
}

}  // namespace classifier
