// Detects whether a file has changed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>

namespace classifier {

// Changes when the file is written or replaced; all zero if there is no file.
struct FileVersion {
  std::int64_t changed_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

// Follows symbolic links, because some systems replace files by changing a link.
FileVersion version_of(const std::filesystem::path& file);

// is_over() returns true at most once in an interval, to one thread. Thread-safe.
class Interval {
 public:
  explicit Interval(std::chrono::milliseconds length) : length_(length) {}
  bool is_over();

 private:
  const std::chrono::milliseconds length_;
  std::atomic<std::chrono::steady_clock::rep> next_{0};
};

}  // namespace classifier
