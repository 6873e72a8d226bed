#include "adapters/embedded/process_lock.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/file.h>

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

ProcessLock::ProcessLock(std::filesystem::path folder, std::string id, Fd fd)
    : folder_(std::move(folder)), id_(std::move(id)), fd_(std::move(fd)) {}

ProcessLock::~ProcessLock() {
  if (!fd_) return;
  std::error_code ignored;
  std::filesystem::remove(lock_file(folder_, id_), ignored);
}

Result<ProcessLock> ProcessLock::acquire(std::filesystem::path folder) {
  // Creates DATA_DIR too. If this fails, open() below fails as well and reports it.
  std::ignore = make_durable_folder(folder);
  std::string id = random_hex(16);
  const auto file = lock_file(folder, id);
  Fd fd(::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot write {} ({}): check the folder's owner and mode, or set "
                            "another DATA_DIR",
                            file.string(), std::strerror(reason)));
  }
  return ProcessLock(std::move(folder), std::move(id), std::move(fd));
}

bool ProcessLock::is_dead(std::string_view id) const {
  if (id == id_) return false;
  const auto file = lock_file(folder_, id);
  const Fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return errno == ENOENT;
  const bool dead = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
  if (dead) {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
  }
  return dead;
}

}  // namespace classifier
