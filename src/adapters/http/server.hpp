// An HTTP/1.1 server: connections on a few I/O threads, handlers on blocking threads.
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
#include "support/memory_budget.hpp"

namespace classifier::http {

// The limits of the server. The largest body of each route is in its RouteOptions.
struct ServerLimits {
  std::size_t header_bytes =
      32 << 10;                     // request line and fields, also those of chunks; 431 over it
  std::size_t url_bytes = 8 << 10;  // 414 over it
  std::uint64_t body_memory = 512ULL << 20;        // bytes, of all requests' bodies; 503 over it
  std::uint64_t answer_memory = 256ULL << 20;      // bytes, of all answers being sent; 503 over it
  std::size_t connections = 4'096;                 // 503 over it
  std::size_t long_calls = 16;                     // running and waiting; 503 over it
  std::chrono::milliseconds header_time{10'000};   // from the first byte to the end of the header
  std::chrono::milliseconds body_idle{30'000};     // between two reads of a body
  std::chrono::milliseconds body_time{1'800'000};  // for a whole body
  std::chrono::milliseconds keep_alive_idle{
      75'000};                                    // between two requests; longer than an ALB's 60 s
  std::chrono::milliseconds write_idle{120'000};  // for the client to receive 64 KiB
  std::chrono::milliseconds linger{3'000};        // to read the rest of a refused body
};

struct ServerOptions {
  std::size_t io_threads = 1;
  std::size_t blocking_threads = 8;
  std::size_t long_threads = 2;  // for handlers with RunOn::kLongThread
  ServerLimits limits;
  RequestObserver* observer = nullptr;  // outlives the server
};

// What is served on one address.
struct Site {
  std::shared_ptr<const Router> router;
  std::shared_ptr<const Access> access;
  std::shared_ptr<const AuditLog> audit = nullptr;  // null: nothing is recorded
  std::shared_ptr<Tls> tls = nullptr;               // null: plain HTTP
};

// May listen on several ports with different sites. listen, start and stop must not be called by
// two threads at once.
class Server {
 public:
  explicit Server(ServerOptions options);
  // Calls stop(0).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // `address` is an IPv4 or IPv6 address or "localhost"; port 0 chooses a free one. Returns the
  // port. Clients can connect from now on, and get answers after start(). kConflict: the port is
  // taken; kForbidden: this user may not open it; kInvalidArgument: the address is not valid.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port, Site site);

  void start();

  // Accepts no more connections, ends event streams, waits up to `grace` for requests in progress,
  // then closes all connections. Waits for handlers that still run, however long they take.
  void stop(std::chrono::milliseconds grace);

  std::size_t connections() const;
  // What request bodies, and answers that are being sent, hold of their shares of memory.
  const MemoryBudget& body_memory() const;
  const MemoryBudget& answer_memory() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier::http
