// A record of what was done that cannot be undone, and by whom.
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
  std::string key;         // name of the API key; empty where none is needed
  std::string address;     // of the client; "local" for the command line
  std::string target;      // what it was done to
  int status = 0;          // of the answer; 0 for the command line
  std::string request_id;  // empty for the command line
};

// One JSON object on a line for each event. Thread-safe.
class AuditLog {
 public:
  // Empty: in the program's log, whatever its level.
  explicit AuditLog(std::filesystem::path file = {}) : file_(std::move(file)) {}

  // Whether events can be written; the error names the file.
  Result<void> check() const;

  // In the hands of the system when it returns, so that the end of this process loses nothing. The
  // file is opened for each event: it may be moved away at any time. A failure becomes an error in
  // the program's log, with the event.
  void write(const AuditEvent& event) const;

 private:
  std::filesystem::path file_;
};

}  // namespace classifier
