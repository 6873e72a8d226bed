#include "adapters/codec/outcome_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

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

// The double that is written with as few digits as the float needs: 0.9, not 0.89999998.
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

Predictions predictions_from_json(const json& list) {
  Predictions predictions;
  for (const auto& entry : list)
    predictions.push_back({entry.at(0).get<std::string>(), entry.at(1).get<float>()});
  return predictions;
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
  }
  if (!outcome.output_key.empty()) body["output_key"] = outcome.output_key;
  return body;
}

Result<ImageOutcome> outcome_from_json(const json& body, std::string_view job_id) {
  try {
    ImageOutcome outcome;
    outcome.job_id = job_id;
    outcome.index = body.at("index").get<std::int64_t>();
    outcome.generation = body.at("generation").get<int>();
    outcome.processing_time_ms = body.at("ms").get<double>();
    if (const auto error = body.find("error"); error != body.end()) {
      outcome.result = Error{error_code_from_name(error->at("code").get<std::string>()),
                             error->at("message").get<std::string>()};
    } else {
      outcome.result = predictions_from_json(body.at("predictions"));
    }
    outcome.output_key = body.value("output_key", "");
    return outcome;
  } catch (const json::exception& exception) {
    return fail(ErrorCode::kInvalidArgument,
                std::string("an outcome cannot be read: ") + exception.what());
  }
}

}  // namespace classifier
