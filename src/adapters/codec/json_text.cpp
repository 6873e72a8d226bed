#include "adapters/codec/json_text.hpp"

#include <spdlog/fmt/fmt.h>

namespace classifier {
namespace {

using nlohmann::json;

// Exact for JSON. For other text the result does not matter: the parser refuses it.
bool nests_too_deeply(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<json> parse_json(std::string_view text) {
  if (nests_too_deeply(text)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("it nests lists and objects deeper than {} levels", kMaxJsonDepth));
  }
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) return fail(ErrorCode::kInvalidArgument, "it is not valid JSON");
  return value;
}

std::string utf8_json(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string utf8_json(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string ascii_json(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

std::string text_or_empty(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string text_field(const json& object, const char* name) {
  return text_or_empty(json_field(object, name));
}

const json& json_field(const json& object, const char* name) {
  static const json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

}  // namespace classifier
