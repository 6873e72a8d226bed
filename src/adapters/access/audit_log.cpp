#include "adapters/access/audit_log.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace classifier {
namespace {

std::string line_of(const AuditEvent& event) {
  nlohmann::ordered_json line = {{"time", to_rfc3339(event.time)},
                                 {"action", event.action},
                                 {"target", event.target},
                                 {"address", event.address}};
  if (!event.key.empty()) line["key"] = event.key;
  if (event.status != 0) line["status"] = event.status;
  if (!event.request_id.empty()) line["request_id"] = event.request_id;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// With the sinks of the program's log, but not its level.
void write_to_log(const std::string& line) {
  const auto& sinks = spdlog::default_logger()->sinks();
  spdlog::logger logger("audit", sinks.begin(), sinks.end());
  logger.info("audit {}", line);
  logger.flush();
}

int open_file(const std::filesystem::path& file) {
  return ::open(file.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

Result<void> AuditLog::check() const {
  if (file_.empty()) return {};
  const int fd = open_file(file_);
  if (fd < 0) {
    return fail(ErrorCode::kInvalidArgument, "AUDIT_LOG is \"" + file_.string() +
                                                 "\", but must be a file that can be written (" +
                                                 std::strerror(errno) + ")");
  }
  ::close(fd);
  return {};
}

void AuditLog::write(const AuditEvent& event) const {
  const std::string line = line_of(event);
  if (file_.empty()) return write_to_log(line);
  const int fd = open_file(file_);
  // One call, so that the lines of several threads and processes stay whole.
  const std::string text = line + "\n";
  const bool written =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written) spdlog::error("the audit log {} cannot be written: {}", file_.string(), line);
  if (fd >= 0) ::close(fd);
}

}  // namespace classifier
