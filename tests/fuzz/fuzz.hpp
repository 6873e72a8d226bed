// What the fuzz targets share. A target is LLVMFuzzerTestOneInput: any bytes are dealt with, and
// what the code promises of its results is demanded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace classifier::fuzz {

inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "what must hold does not: %s\n", what);
  std::abort();
}

// Sentences go into logs and to people: one line each.
inline void demand_sentence(const Error& error) {
  demand(!error.message.empty(), "an error has a sentence");
  demand(!has_control_character(error.message), "a sentence is one line");
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Cuts the input into lines, so that seeds can be read and written by people.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  // Without its end; empty after the last one.
  std::string_view next() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }
  // The next line with %XX decoded, so that it may hold any byte.
  std::string next_decoded() {
    const std::string_view line = next();
    return percent_decode(line).value_or(std::string(line));
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace classifier::fuzz
