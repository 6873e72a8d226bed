#include "adapters/embedded/durable_file.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "domain/ids.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// 0, or the errno of the call that failed.
int write_and_sync(const fs::path& file, std::string_view content, mode_t mode) {
  const Fd fd(::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
  if (!fd) return errno;
  if (const int error = write_all(fd.get(), content); error != 0) return error;
  return ::fsync(fd.get()) == 0 ? 0 : errno;
}

}  // namespace

std::unexpected<Error> io_error(const std::string& what, int code) {
  const std::string reason = what + ": " + std::strerror(code);
  switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
      return fail(ErrorCode::kNotFound, reason);
    case ENOSPC:
    case EDQUOT:
      return fail(ErrorCode::kExhausted,
                  fmt::format("the disk is full ({}): free some space", reason));
    case EFBIG:
      return fail(ErrorCode::kTooLarge, reason);
    default:
      return fail(ErrorCode::kUnavailable, reason);
  }
}

Result<void> sync_folder(const fs::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return io_error("cannot write " + folder.string(), errno);
  return {};
}

Result<void> make_durable_folder(const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_directory(folder, ignored)) return {};
  const fs::path parent = folder_of(folder);
  if (parent != folder) {
    if (auto made = make_durable_folder(parent); !made) return made;
  }
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST)
    return io_error("cannot create the folder " + folder.string(), errno);
  return sync_folder(parent);
}

Result<void> create_durable_file(const fs::path& file, std::string_view content, mode_t mode) {
  const fs::path temporary(file.string() + "." + random_hex(8));
  int code = write_and_sync(temporary, content, mode);
  if (code == 0 && ::link(temporary.c_str(), file.c_str()) != 0 && errno != EEXIST) code = errno;
  ::unlink(temporary.c_str());
  if (code != 0) return io_error("cannot write " + file.string(), code);
  return sync_folder(folder_of(file));
}

}  // namespace classifier
