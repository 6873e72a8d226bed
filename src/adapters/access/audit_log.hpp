// The audit log: who did what that cannot be undone.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "domain/error.hpp"
#include "domain/time.hpp"

namespace classifier {

struct AuditEvent {
  TimePoint time;
  std::string action;      // "image.delete"
  std::string key;         // name of the API key; empty where no key is required
  std::string address;     // of the client; "local" for the command line
  std::string target;      // the object of the action, such as an image's key
  int status = 0;          // HTTP status of the answer; 0 for the command line
  std::string request_id;  // empty for the command line
};

// Writes each event as a line with one JSON object. Thread-safe.
class AuditLog {
 public:
  // With an empty `file`, events go to the program's log, whatever its level.
  explicit AuditLog(std::filesystem::path file = {}) : file_(std::move(file)) {}

  // kInvalidArgument, naming the file, where it cannot be opened for writing.
  Result<void> check() const;

  // When it returns, the operating system has the event, so that a crash of this process does not
  // lose it. The file is opened for each event, so it may be moved at any time (log rotation). An
  // event that cannot be written is logged as an error.
  void write(const AuditEvent& event) const;

 private:
  std::filesystem::path file_;
};

}  // namespace classifier
