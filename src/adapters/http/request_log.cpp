#include "adapters/http/request_log.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

namespace classifier::http {

void audit_request(const Exchange& exchange, const AuditLog* audit) {
  const char* const action = exchange.options().audited;
  if (action == nullptr || audit == nullptr) return;
  const Request& request = exchange.request;
  AuditEvent event;
  event.time = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  event.action = action;
  event.key = request.key_name;
  event.address = request.peer;
  if (!request.params.empty()) event.target = request.params.front().second;
  event.status = exchange.response->status;
  event.request_id = request.id;
  audit->write(event);
}

void record_request(const Exchange& exchange, RequestObserver* observer) {
  const Request& request = exchange.request;
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - exchange.begin;
  const std::string_view route = exchange.match.route == nullptr
                                     ? "(unknown)"
                                     : std::string_view(exchange.match.route->pattern);
  const int status = exchange.response->status;
  if (observer != nullptr) {
    observer->request_done({.method = request.method,
                            .route = route,
                            .status = status,
                            .seconds = time.count(),
                            .bytes_in = exchange.bytes_in,
                            .bytes_out = exchange.bytes_out});
  }
  // Reads are frequent and of little interest: by default the log has changes and failures only.
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const auto level = status >= 500 ? spdlog::level::warn
                     : reads       ? spdlog::level::debug
                                   : spdlog::level::info;
  if (!spdlog::should_log(level)) return;
  nlohmann::json fields = {{"request_id", request.id},
                           {"method", request.method},
                           {"path", request.path},
                           {"route", route},
                           {"status", status},
                           {"ms", time.count() * 1e3},
                           {"bytes_in", exchange.bytes_in},
                           {"bytes_out", exchange.bytes_out},
                           {"peer", request.peer}};
  if (!request.key_name.empty()) fields["key"] = request.key_name;
  spdlog::log(level, "request {}", dump(fields));
}

}  // namespace classifier::http
