// Tells living processes from dead ones, so that the work of a crashed process is taken up at once.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "domain/error.hpp"

namespace classifier {

// Holds a lock on a file of its own for as long as the process lives; the kernel lets go of it
// however it ends.
class ProcessLock {
 public:
  // Makes `<folder>/<random id>.lock` and locks it.
  static Result<ProcessLock> acquire(std::filesystem::path folder);
  ~ProcessLock();
  ProcessLock(ProcessLock&& other) noexcept;
  ProcessLock& operator=(ProcessLock&&) = delete;
  ProcessLock(const ProcessLock&) = delete;
  ProcessLock& operator=(const ProcessLock&) = delete;

  const std::string& id() const { return id_; }

  // Whether the process with this id has ended. Forgets its file if so.
  bool is_dead(std::string_view id) const;

 private:
  ProcessLock(std::filesystem::path folder, std::string id, int fd);
  std::filesystem::path folder_;
  std::string id_;
  int fd_;
};

}  // namespace classifier
