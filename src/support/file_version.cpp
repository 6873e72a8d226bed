#include "support/file_version.hpp"

#include <sys/stat.h>

namespace classifier {

FileVersion version_of(const std::filesystem::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return {};
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return {.changed_ns = info.st_ctim.tv_sec * kNanoseconds + info.st_ctim.tv_nsec,
          .inode = info.st_ino,
          .size = static_cast<std::uint64_t>(info.st_size)};
}

bool Interval::is_over() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto next = next_.load(std::memory_order_relaxed);
  if (now.count() < next) return false;
  const auto later =
      (now + std::chrono::duration_cast<std::chrono::steady_clock::duration>(length_)).count();
  return next_.compare_exchange_strong(next, later);
}

}  // namespace classifier
