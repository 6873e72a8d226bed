// Shared by the fuzz targets. A target implements LLVMFuzzerTestOneInput: it runs the code on any
// bytes and checks, with demand(), the properties that must hold for all inputs.
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
  std::fprintf(stderr, "property violated: %s\n", what);
  std::abort();
}

// Error messages appear in logs and on the page, so each must be one line.
inline void demand_sentence(const Error& error) {
  demand(!error.message.empty(), "errors have a message");
  demand(!has_control_character(error.message), "messages are one line");
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Splits the input into lines, so that people can read and write seeds.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  // The next line without its line feed; empty after the last one.
  std::string_view next() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }
  // The next line, percent-decoded, so that it may contain any byte.
  std::string next_decoded() {
    const std::string_view line = next();
    return percent_decode(line).value_or(std::string(line));
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace classifier::fuzz
