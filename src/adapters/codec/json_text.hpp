// Reading JSON that others wrote, without exceptions and with a bounded depth; and writing it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "domain/error.hpp"

namespace classifier {

// The most levels of lists and objects that are accepted: copying and writing a value recurse once
// for each level. The program's own documents have far fewer.
inline constexpr std::size_t kMaxJsonDepth = 64;

// kInvalidArgument where the text is not JSON, or nests deeper than kMaxJsonDepth.
Result<nlohmann::json> parse_json(std::string_view text);

// On one line, in UTF-8. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string utf8_json(const nlohmann::json& value);
std::string utf8_json(const nlohmann::ordered_json& value);

// The same in ASCII alone, for services that refuse some characters of Unicode, such as U+FFFF.
std::string ascii_json(const nlohmann::json& value);

// The text of a string; empty for any other value.
std::string text_or_empty(const nlohmann::json& value);
// The text of an object's field; empty where `object` is no object or the field no string.
std::string text_field(const nlohmann::json& object, const char* name);

// The field `name` of an object; null where `object` is no object or has no such field.
const nlohmann::json& json_field(const nlohmann::json& object, const char* name);

// nullopt where the value is no integer, or does not fit into T.
template <std::integral T>
std::optional<T> whole_number(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  } else if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  }
  return std::nullopt;
}

}  // namespace classifier
