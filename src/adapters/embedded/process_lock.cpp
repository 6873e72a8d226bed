#include "adapters/embedded/process_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <tuple>
#include <utility>

#include "adapters/embedded/durable_file.hpp"
#include "domain/ids.hpp"

namespace classifier {
namespace {

std::filesystem::path lock_file(const std::filesystem::path& folder, std::string_view id) {
  return folder / (std::string(id) + ".lock");
}

}  // namespace

ProcessLock::ProcessLock(std::filesystem::path folder, std::string id, int fd)
    : folder_(std::move(folder)), id_(std::move(id)), fd_(fd) {}

ProcessLock::ProcessLock(ProcessLock&& other) noexcept
    : folder_(std::move(other.folder_)),
      id_(std::move(other.id_)),
      fd_(std::exchange(other.fd_, -1)) {}

ProcessLock::~ProcessLock() {
  if (fd_ < 0) return;
  std::error_code ignored;
  std::filesystem::remove(lock_file(folder_, id_), ignored);
  ::close(fd_);
}

Result<ProcessLock> ProcessLock::acquire(std::filesystem::path folder) {
  // This makes DATA_DIR too. Where it fails, so does what follows, and says so.
  std::ignore = make_durable_folder(folder);
  std::string id = random_hex(16);
  const auto file = lock_file(folder, id);
  const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const std::string reason = std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return fail(ErrorCode::kUnavailable,
                "cannot write " + file.string() + " (" + reason +
                    "): check the folder's owner and mode, or set another DATA_DIR");
  }
  return ProcessLock(std::move(folder), std::move(id), fd);
}

bool ProcessLock::is_dead(std::string_view id) const {
  if (id == id_) return false;
  const auto file = lock_file(folder_, id);
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT;
  const bool dead = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (dead) {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
  }
  ::close(fd);
  return dead;
}

}  // namespace classifier
