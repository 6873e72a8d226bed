#include "support/collation.hpp"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace classifier {
namespace {

std::string folded(std::string_view name) {
  utf8proc_uint8_t* mapped = nullptr;
  constexpr int kOptions = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
                           UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                                   static_cast<utf8proc_ssize_t>(name.size()), &mapped,
                                   static_cast<utf8proc_option_t>(kOptions));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, std::free);
  if (length < 0) return std::string(name);
  return {reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string collation_key(std::string_view name, std::size_t max_bytes) {
  const std::string text = folded(name);
  std::string key;
  for (std::size_t i = 0; i < text.size() && key.size() < max_bytes;) {
    if (!is_digit(text[i])) {
      key += text[i++];
      continue;
    }
    std::size_t begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    while (begin + 1 < i && text[begin] == '0') ++begin;
    // The number of digits comes first, as a byte among the digits' own, so that longer numbers
    // come later and all of them before letters.
    const std::size_t digits = i - begin;
    key += static_cast<char>('0' + (digits < 9 ? digits : 9));
    key.append(text, begin, digits);
  }
  if (key.size() > max_bytes) key.resize(max_bytes);
  return key;
}

}  // namespace classifier
