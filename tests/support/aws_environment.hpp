// What tests of the AWS client share: variables, a clock, and a server that plays AWS.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "adapters/aws/client/credentials.hpp"
#include "adapters/http/server.hpp"
#include "ports/clock.hpp"

namespace classifier::testing {

inline aws::Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

// The time of day, but off by as much as the test says.
class SkewedClock final : public Clock {
 public:
  TimePoint now() const override {
    return SystemClock().now() + std::chrono::milliseconds(offset_ms_.load());
  }
  void set_offset(std::chrono::milliseconds offset) { offset_ms_ = offset.count(); }

 private:
  std::atomic<std::int64_t> offset_ms_{0};
};

// One handler for every path, on a free port of this machine.
class PlayedService {
 public:
  explicit PlayedService(const http::Handler& handler) {
    auto router = std::make_shared<http::Router>();
    http::RouteOptions options;
    options.max_body = 16 << 20;
    for (const char* const method : {"GET", "PUT", "POST", "DELETE"}) {
      router->add(method, "/", options, handler);
      router->add(method, "/{path+}", options, handler);
    }
    port_ =
        server_.listen("127.0.0.1", 0, {router, std::make_shared<const http::Access>()}).value();
    server_.start();
  }
  ~PlayedService() { server_.stop(std::chrono::seconds(1)); }
  PlayedService(const PlayedService&) = delete;
  PlayedService& operator=(const PlayedService&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  static http::ServerOptions options() {
    http::ServerOptions options;
    options.blocking_threads = 16;
    return options;
  }
  http::Server server_{options()};
  std::uint16_t port_ = 0;
};

}  // namespace classifier::testing
