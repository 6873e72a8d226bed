#include "adapters/embedded/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "domain/ids.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// 0, or the errno of what failed.
int write_and_sync(const fs::path& file, std::string_view content, mode_t mode) {
  const Fd fd(::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
  if (!fd) return errno;
  while (!content.empty()) {
    const ssize_t size = ::write(fd.get(), content.data(), content.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(size));
  }
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
      return fail(ErrorCode::kExhausted, "the disk is full (" + reason + "): free some space");
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
    return io_error("cannot make the folder " + folder.string(), errno);
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
