// Whether a file is still the one that was read.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>

namespace classifier {

// Changes whenever the file is written or replaced; all zero where there is none.
struct FileVersion {
  std::int64_t changed_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

// Follows symbolic links, by which some systems replace files.
FileVersion version_of(const std::filesystem::path& file);

// Says "now" at most once in an interval, to one of the threads that ask. Thread-safe.
class Interval {
 public:
  explicit Interval(std::chrono::milliseconds length) : length_(length) {}
  bool is_over();

 private:
  const std::chrono::milliseconds length_;
  std::atomic<std::chrono::steady_clock::rep> next_{0};
};

}  // namespace classifier
