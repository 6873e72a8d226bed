#include "adapters/access/audit_log.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "adapters/codec/json_text.hpp"
#include "support/files.hpp"

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
  return utf8_json(line);
}

// Uses the sinks of the program's log, but not its level.
void write_to_log(const std::string& line) {
  const auto& sinks = spdlog::default_logger()->sinks();
  spdlog::logger logger("audit", sinks.begin(), sinks.end());
  logger.info("audit {}", line);
  logger.flush();
}

Fd open_file(const std::filesystem::path& file) {
  return Fd(::open(file.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
}

}  // namespace

Result<void> AuditLog::check() const {
  if (file_.empty()) return {};
  if (open_file(file_)) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("AUDIT_LOG is \"{}\", but must be a file that can be written ({})",
                          file_.string(), std::strerror(errno)));
}

void AuditLog::write(const AuditEvent& event) const {
  const std::string line = line_of(event);
  if (file_.empty()) return write_to_log(line);
  const Fd fd = open_file(file_);
  // One call, so that lines of several threads and processes do not mix.
  const std::string text = line + "\n";
  const bool written =
      fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written) spdlog::error("the audit log {} cannot be written: {}", file_.string(), line);
}

}  // namespace classifier
