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

}  // namespace classifier
