#include "support/collation.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
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

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

std::string folded(std::string_view text) {
  return mapped_text(text,
                     UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK);
}

bool is_thousands_mark(std::string_view text) {
  // The last ones: right quotation mark, no-break space, thin space, narrow no-break space.
  constexpr std::array<std::string_view, 7> kMarks{",",      ".",      "'",     "\u2019",
                                                   "\u00a0", "\u2009", "\u202f"};
  return std::ranges::find(kMarks, text) != kMarks.end();
}

// Whether the text begins with exactly three digits.
bool begins_with_group(std::string_view text) {
  return text.size() >= 3 && is_number(text.substr(0, 3)) &&
         (text.size() == 3 || !is_digit(text[3]));
}

// Calls `use(begin, end)` for each word of a text in NFC.
template <class Use>
void each_word(std::string_view composed, Use use) {
  std::size_t begin = 0;
  bool in_word = false;
  for (std::size_t i = 0; i < composed.size();) {
    utf8proc_int32_t character = -1;
    const auto length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(composed.data()) + i,
                         static_cast<utf8proc_ssize_t>(composed.size() - i), &character);
    const bool part = length > 0 && is_part_of_word(character);
    if (part && !in_word) begin = i;
    if (!part && in_word) use(begin, i);
    in_word = part;
    i += length > 0 ? static_cast<std::size_t>(length) : 1;
  }
  if (in_word) use(begin, composed.size());
}

bool begins_one(const std::string& beginning, const std::vector<SearchTerm>& terms) {
  return std::ranges::any_of(terms, [&](const SearchTerm& term) {
    return std::ranges::any_of(
        term.words, [&](const std::string& word) { return word.starts_with(beginning); });
  });
}

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
  each_word(composed, [&](std::size_t begin, std::size_t end) {
    words.push_back(composed.substr(begin, end - begin));
  });
  return words;
}

std::vector<SearchTerm> search_terms(std::string_view text) {
  const std::string composed = mapped_text(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  std::vector<SearchTerm> terms;
  std::size_t last_end = 0;
  bool may_go_on = false;  // the last word may be a group of digits with more after it
  each_word(composed, [&](std::size_t begin, std::size_t end) {
    const std::string word = composed.substr(begin, end - begin);
    const bool number = is_number(word);
    if (may_go_on && begins_with_group(word) &&
        is_thousands_mark(std::string_view(composed).substr(last_end, begin - last_end))) {
      SearchTerm& term = terms.back();
      if (term.number.empty()) term.number = term.words.front();
      term.number += word;
      term.words.push_back(word);
      may_go_on = number;
    } else {
      terms.push_back({.words = {word}, .number = number && word.size() > 3 ? word : ""});
      may_go_on = number && word.size() <= 3;
    }
    last_end = end;
  });
  return terms;
}

std::vector<std::string> thousands_of(std::string_view number) {
  constexpr std::size_t kMostDigits = 18;
  std::vector<std::string> groups;
  if (!is_number(number) || number.size() < 4 || number.size() > kMostDigits) return groups;
  const std::size_t first = (number.size() - 1) % 3 + 1;
  groups.emplace_back(number.substr(0, first));
  for (std::size_t i = first; i < number.size(); i += 3) groups.emplace_back(number.substr(i, 3));
  return groups;
}

NameMatcher::NameMatcher(std::string_view search) : terms_(search_terms(folded(search))) {}

bool NameMatcher::fits(std::string_view name) const {
  const auto has = search_terms(folded(name));
  return std::ranges::all_of(terms_, [&](const SearchTerm& term) {
    if (!term.number.empty() &&
        (begins_one(term.number, has) || std::ranges::any_of(has, [&](const SearchTerm& each) {
           return each.number.starts_with(term.number);
         }))) {
      return true;
    }
    return std::ranges::all_of(term.words,
                               [&](const std::string& word) { return begins_one(word, has); });
  });
}

}  // namespace classifier
