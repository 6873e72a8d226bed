#include "support/spool.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace classifier {
namespace {

namespace fs = std::filesystem;

Fd make_nameless_file(const fs::path& folder) {
  Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // Not every file system has such files.
  std::string name = folder / "spool-XXXXXX";
  Fd named(::mkostemp(name.data(), O_CLOEXEC));
  if (named) ::unlink(name.c_str());
  return named;
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Result<void> Spool::move_to_file() {
  std::error_code ignored;
  if (folder_.empty()) folder_ = fs::temp_directory_path(ignored);
  Fd file = make_nameless_file(folder_);
  if (!file) {
    return fail(ErrorCode::kExhausted, fmt::format("cannot write a temporary file in {}: {}",
                                                   folder_.string(), reason(errno)));
  }
  file_.emplace(std::move(file));
  const std::string bytes = std::exchange(memory_, {});
  return write(0, bytes);
}

Result<void> Spool::write(std::uint64_t position, std::string_view bytes) {
  const std::uint64_t end = position + bytes.size();
  if (!file_ && end > kInMemory) {
    if (auto moved = move_to_file(); !moved) return moved;
  }
  size_ = std::max(size_, end);
  if (!file_) {
    memory_.resize(size_);
    memory_.replace(position, bytes.size(), bytes);
    return {};
  }
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(file_->get(), bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      return fail(ErrorCode::kExhausted, fmt::format("cannot write a temporary file in {}: {}",
                                                     folder_.string(), reason(errno)));
    }
    bytes.remove_prefix(static_cast<std::size_t>(done));
    position += static_cast<std::uint64_t>(done);
  }
  return {};
}

Result<void> Spool::read(std::uint64_t position, std::span<char> bytes) const {
  if (!file_) {
    std::ranges::copy(std::string_view(memory_).substr(position, bytes.size()), bytes.begin());
    return {};
  }
  while (!bytes.empty()) {
    const ssize_t done =
        ::pread(file_->get(), bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      return fail(ErrorCode::kUnavailable, fmt::format("cannot read a temporary file in {}: {}",
                                                       folder_.string(), reason(errno)));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    position += static_cast<std::uint64_t>(done);
  }
  return {};
}

}  // namespace classifier
