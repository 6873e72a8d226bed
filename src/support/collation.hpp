// Order of names as people expect it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace classifier {

// A key whose byte order is the order of names: without regard to case and accents (Unicode
// canonical decomposition without marks, and case folding), and with numbers by their value, so
// that "img 2" comes before "IMG 10". At most `max_bytes` bytes; names that agree so far have equal
// keys. Bytes that are not UTF-8 count as they are.
std::string collation_key(std::string_view name, std::size_t max_bytes = 160);

// The same key for texts that people cannot tell apart by reading: Unicode compatibility
// normalization and case folding (NFKC_Casefold, which also drops zero-width and other invisible
// characters), runs of white space as one space, none at the ends.
std::string sameness_key(std::string_view text);

// The words of a text: runs of letters and digits (Unicode categories L and N, and private use), in
// NFC. What is between them, also beyond ASCII, separates.
std::vector<std::string> words_of(std::string_view text);

// A word of a search or of a name; or a number with thousands marks, which is several words.
struct SearchTerm {
  std::vector<std::string> words;
  std::string number;  // "1234" for "1,234" and for "1234"; empty for anything else
};
std::vector<SearchTerm> search_terms(std::string_view text);

// The groups of a number of 4 digits or more, as thousands marks would divide it: "12", "345" for
// "12345"; empty for anything else.
std::vector<std::string> thousands_of(std::string_view number);

// Tells whether names have all terms of a search, each as the beginnings of words, or as a number
// with or without its marks. Without regard to case and accents.
class NameMatcher {
 public:
  explicit NameMatcher(std::string_view search);
  bool fits(std::string_view name) const;

 private:
  std::vector<SearchTerm> terms_;
};

}  // namespace classifier
