// Files by descriptor, for what streams do not report or cannot do.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace classifier {

// Owns a file descriptor and closes it.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// The whole content of a file, or the errno of the call that failed.
std::expected<std::string, int> read_file(const std::filesystem::path& file);

// Writes all of `bytes`. Returns 0, or the errno of the write that failed.
int write_all(int fd, std::string_view bytes);

// The folder that holds `file`: "." for a name without a folder.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace classifier
