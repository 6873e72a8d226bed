// An HTTP/1.1 server: connections on a few I/O threads, handlers that wait on threads of their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "adapters/access/audit_log.hpp"
#include "adapters/http/access.hpp"
#include "adapters/http/router.hpp"
#include "adapters/http/tls.hpp"
#include "domain/error.hpp"
#include "ports/metrics.hpp"

namespace classifier::http {

// Every limit of the server; what each route takes as a body is in its RouteOptions.
struct ServerLimits {
  std::size_t header_bytes = 32 << 10;  // line and fields, also those of chunks; 431 over it
  std::size_t url_bytes = 8 << 10;      // 414 over it
  std::uint64_t buffered_body_bytes = 512ULL << 20;  // of all requests at once; 503 over it
  std::size_t connections = 4'096;                   // 503 over it, then closed
  std::chrono::milliseconds header_time{10'000};     // from the first byte to the end of the header
  std::chrono::milliseconds body_idle{30'000};       // between two pieces of a body
  std::chrono::milliseconds body_time{1'800'000};    // for a whole body
  std::chrono::milliseconds keep_alive_idle{
      75'000};                                   // between two requests; longer than an ALB's 60 s
  std::chrono::milliseconds write_idle{60'000};  // until the client has taken one piece
  std::chrono::milliseconds linger{3'000};       // for the rest of a body that was refused
};

struct ServerOptions {
  std::size_t io_threads = 1;
  std::size_t blocking_threads = 8;
  ServerLimits limits;
  RequestObserver* observer = nullptr;  // outlives the server
};

// What is served on one address. Everything in it outlives the server or is owned by it.
struct Site {
  std::shared_ptr<const Router> router;
  std::shared_ptr<const Access> access;
  std::shared_ptr<const AuditLog> audit = nullptr;  // null: nothing is recorded
  std::shared_ptr<Tls> tls = nullptr;               // null: plain HTTP
};

// One server may listen on several ports with different sites. listen, start and stop are called by
// one thread at a time.
class Server {
 public:
  explicit Server(ServerOptions options);
  // As stop with no time.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // `address` is a numeric IPv4 or IPv6 address or "localhost"; port 0 takes a free one. Returns
  // the port. Clients can connect from now on; they are answered after start(). kConflict when the
  // port is taken, kForbidden when it is not allowed, kInvalidArgument for a bad address.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port, Site site);

  void start();

  // Accepts no more, lets requests that have begun end for up to `grace`, ends event streams, then
  // closes what is left. Waits for handlers that still run.
  void stop(std::chrono::milliseconds grace);

  std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier::http
