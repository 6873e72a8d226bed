#include "support/collation.hpp"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <utility>

namespace classifier {
namespace {

// The text as it is if it is not UTF-8.
std::string mapped_text(std::string_view name, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                                   static_cast<utf8proc_ssize_t>(name.size()), &mapped,
                                   static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, std::free);
  if (length < 0) return std::string(name);
  return {reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length)};
}

bool is_part_of_word(utf8proc_int32_t character) {
  switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_CO:
      return true;
    default:
      return false;
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string collation_key(std::string_view name, std::size_t max_bytes) {
  const std::string text =
      mapped_text(name, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                            UTF8PROC_STRIPMARK);
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

std::string sameness_key(std::string_view text) {
  const std::string folded =
      mapped_text(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                            UTF8PROC_IGNORE);
  std::string key;
  bool space = false;
  for (const char c : folded) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      space = !key.empty();
    } else {
      if (std::exchange(space, false)) key += ' ';
      key += c;
    }
  }
  return key;
}

std::vector<std::string> words_of(std::string_view text) {
  const std::string composed = mapped_text(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < composed.size();) {
    utf8proc_int32_t character = -1;
    const auto length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(composed.data()) + i,
                         static_cast<utf8proc_ssize_t>(composed.size() - i), &character);
    const std::size_t size = length > 0 ? static_cast<std::size_t>(length) : 1;
    const bool part = length > 0 && is_part_of_word(character);
    if (part && !in_word) words.emplace_back();
    if (part) words.back().append(composed, i, size);
    in_word = part;
    i += size;
  }
  return words;
}

}  // namespace classifier
