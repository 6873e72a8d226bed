// An HTTP/1.1 server.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/rest/router.hpp"
#include "domain/error.hpp"

namespace classifier::rest {

struct ServerLimits {
  std::size_t max_header_bytes = 32UL << 10;
  std::size_t max_body_bytes = 64UL << 20;       // of one request
  std::size_t max_buffered_bytes = 256UL << 20;  // of all bodies in memory at once
  std::size_t max_connections = 4'096;
  std::chrono::milliseconds header_timeout{15'000};  // for a whole header, and between requests
  std::chrono::milliseconds body_timeout{120'000};   // for a whole body
  std::chrono::milliseconds write_timeout{60'000};   // for each piece of a response
  std::chrono::milliseconds drain_timeout{10'000};   // at stop(), for requests in flight
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::size_t handler_threads = 8;
  std::vector<std::string> api_keys;         // none: everybody may call everything
  std::vector<std::string> allowed_origins;  // for CORS; "*" allows all
  ServerLimits limits;
  // Told of each answered request: method, route pattern, status, seconds.
  std::function<void(const std::string&, const std::string&, int, double)> observe;
};

// Handlers run on threads of their own and may block. Thread-safe.
class Server {
 public:
  // Binds at once; kUnavailable names the address and what to do when the port is taken.
  static Result<std::unique_ptr<Server>> listen(ServerOptions options,
                                                std::shared_ptr<const Router> router);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  // Accepts no more, answers what is in flight within the drain time, then closes.
  void stop();
  std::uint16_t port() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier::rest
