#include "adapters/rest/json_fields.hpp"

#include <charconv>

#include "domain/text.hpp"

namespace classifier::rest {
namespace {

using nlohmann::json;

bool absent(const json& body, const char* name) {
  const auto found = body.find(name);
  return found == body.end() || found->is_null();
}

// The value as the user wrote it, cut to a readable length.
std::string shown(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 60 ? text : std::string(utf8_prefix(text, 60)) + "…";
}

std::unexpected<Error> must_be(const std::string& name, const std::string& what,
                               const json& value) {
  return fail(ErrorCode::kInvalidArgument, name + " must be " + what + ", not " + shown(value));
}

}  // namespace

Result<json> json_body(const Request& request) {
  const std::string type = request.header("content-type");
  if (trim(type.substr(0, type.find(';'))) != "application/json") {
    return fail(ErrorCode::kUnsupported,
                "the body must be JSON: send it with Content-Type: application/json");
  }
  try {
    json body = json::parse(request.body);
    if (!body.is_object())
      return fail(ErrorCode::kInvalidArgument, "the body must be a JSON object");
    return body;
  } catch (const json::parse_error& error) {
    return fail(
        ErrorCode::kInvalidArgument,
        "the body is not valid JSON: something is wrong at byte " + std::to_string(error.byte));
  }
}

Result<std::string> string_field(const json& body, const char* name, std::string fallback) {
  if (absent(body, name)) return fallback;
  const json& value = body[name];
  if (!value.is_string()) return must_be(name, "a string", value);
  return value.get<std::string>();
}

Result<std::vector<std::string>> strings_field(const json& body, const char* name) {
  std::vector<std::string> strings;
  if (absent(body, name)) return strings;
  const json& value = body[name];
  if (!value.is_array()) return must_be(name, "a list of strings", value);
  strings.reserve(value.size());
  for (const auto& entry : value) {
    if (!entry.is_string()) {
      return must_be(std::string(name) + "[" + std::to_string(strings.size()) + "]", "a string",
                     entry);
    }
    strings.push_back(entry.get<std::string>());
  }
  return strings;
}

Result<int> integer_field(const json& body, const char* name, int fallback, int least, int most) {
  if (absent(body, name)) return fallback;
  const json& value = body[name];
  const bool valid = value.is_number_integer() && value >= least && value <= most;
  if (!valid) {
    return must_be(name,
                   "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
                   value);
  }
  return value.get<int>();
}

Result<double> number_field(const json& body, const char* name, double fallback, double least,
                            double most) {
  if (absent(body, name)) return fallback;
  const json& value = body[name];
  const bool valid =
      value.is_number() && value.get<double>() >= least && value.get<double>() <= most;
  if (!valid)
    return must_be(name, "a number from " + short_number(least) + " to " + short_number(most),
                   value);
  return value.get<double>();
}

Result<std::int64_t> query_integer(const Request& request, const char* name, std::int64_t fallback,
                                   std::int64_t least, std::int64_t most) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return fallback;
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    return must_be(
        name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most), text);
  }
  return value;
}

}  // namespace classifier::rest
