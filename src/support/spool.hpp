// Bytes that are put aside to be read later, in little memory: beyond the first ones they are in a
// temporary file that has no name, and so is gone with the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "support/files.hpp"

namespace classifier {

// Used by one thread at a time. Errors: kExhausted where the file cannot be written, kUnavailable
// where it cannot be read.
class Spool {
 public:
  static constexpr std::uint64_t kInMemory = 64 << 10;  // bytes

  // The file is made in `folder` when it is needed; empty: the system's folder for temporary files.
  explicit Spool(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::uint64_t size() const { return size_; }

  Result<void> append(std::string_view bytes) { return write(size_, bytes); }
  // Writes at any position; bytes that were never written are undefined.
  Result<void> write(std::uint64_t position, std::string_view bytes);
  // `position` and the length of `bytes` must be inside what was written.
  Result<void> read(std::uint64_t position, std::span<char> bytes) const;

 private:
  Result<void> move_to_file();

  std::filesystem::path folder_;
  std::string memory_;
  std::optional<Fd> file_;  // has all bytes, once there is one
  std::uint64_t size_ = 0;
};

}  // namespace classifier
