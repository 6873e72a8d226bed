// For tests of the AWS client: environment variables, and a server in place of AWS.
#pragma once

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
#include "support/manual_clock.hpp"

namespace classifier::testing {

inline aws::Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

// An HTTP server with one handler for all paths, on a free port of this machine.
class FakeService {
 public:
  explicit FakeService(const http::Handler& handler) {
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
  ~FakeService() { server_.stop(std::chrono::seconds(1)); }
  FakeService(const FakeService&) = delete;
  FakeService& operator=(const FakeService&) = delete;

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
