// Tells running processes from ended ones, so that the work of a crashed process is redelivered at
// once.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "support/files.hpp"

namespace classifier {

// Holds a lock (flock) on a file of its own while the process runs. The kernel releases it however
// the process ends.
class ProcessLock {
 public:
  // Creates `<folder>/<random id>.lock` and locks it.
  static Result<ProcessLock> acquire(std::filesystem::path folder);
  ~ProcessLock();
  ProcessLock(ProcessLock&&) = default;
  ProcessLock& operator=(ProcessLock&&) = delete;
  ProcessLock(const ProcessLock&) = delete;
  ProcessLock& operator=(const ProcessLock&) = delete;

  const std::string& id() const { return id_; }

  // Whether the process with this id has ended; if so, removes its file.
  bool is_dead(std::string_view id) const;

 private:
  ProcessLock(std::filesystem::path folder, std::string id, Fd fd);
  std::filesystem::path folder_;
  std::string id_;
  Fd fd_;
};

}  // namespace classifier
