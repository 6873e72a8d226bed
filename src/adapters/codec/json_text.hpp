// JSON that others wrote: read without exceptions, and without a depth that ends the stack.
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

// Copying and writing a value go down its levels by recursion; nothing of this program's own comes
// near this.
inline constexpr std::size_t kMaxJsonDepth = 64;

// kInvalidArgument: "it is not valid JSON", or that it nests too deeply.
Result<nlohmann::json> parse_json(std::string_view text);

// In ASCII alone, for those that do not take every character of Unicode, such as U+FFFF. Bytes that
// are not UTF-8 are replaced.
std::string ascii_json(const nlohmann::json& value);

// Of a string; empty for anything else.
std::string text_or_empty(const nlohmann::json& value);
// Of a field of an object; empty where either is something else.
std::string text_field(const nlohmann::json& object, const char* name);

// The field `name` of an object; null where there is none, or no object.
const nlohmann::json& json_field(const nlohmann::json& object, const char* name);

// nullopt where the value is no whole number, or does not fit.
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
