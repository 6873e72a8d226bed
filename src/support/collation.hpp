// Order of names as people expect it.
#pragma once

#include <string>
#include <string_view>

namespace classifier {

// A key whose byte order is the order of names: without regard to case and accents (Unicode
// canonical decomposition without marks, and case folding), and with numbers by their value, so
// that "img 2" comes before "IMG 10". At most `max_bytes` bytes; names that agree so far have equal
// keys. Bytes that are not UTF-8 count as they are.
std::string collation_key(std::string_view name, std::size_t max_bytes = 160);

}  // namespace classifier
