// Many HTTP/1.1 exchanges in parallel on one thread, over connections that are reused.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "support/response_head.hpp"

namespace classifier::aws {

struct HttpExchange {
  std::string method;
  std::string url;
  std::vector<std::string> header_lines;    // "Name: value", including Host
  std::shared_ptr<const std::string> body;  // null: none
  std::uint64_t max_response_bytes = 0;     // for status 2xx; other bodies are cut at 1 MiB
  std::chrono::milliseconds timeout{0};     // of the whole exchange, from when it has a connection
};

struct HttpOutcome : ResponseHead {
  enum class Failure {
    kNone,
    kNotSent,   // no connection: the service has not received the request
    kBroken,    // the connection ended before the answer was complete
    kTimedOut,  // no complete answer in time
    kTooLarge,
    kStopped
  };
  Failure failure = Failure::kNone;
  std::string detail;  // of a failure
  std::string body;
};

struct TransportOptions {
  std::size_t max_connections = 64;
  std::chrono::milliseconds connect_timeout{3'000};
  std::string ca_bundle;  // empty: the system's
};

// Thread-safe.
class Transport {
 public:
  // Runs on the transport's thread; must not block.
  using Done = std::function<void(HttpOutcome)>;

  explicit Transport(TransportOptions options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Sends the request as soon as fewer than max_connections are in use. Calls `done` exactly once.
  void start(HttpExchange exchange, Done done);
  // Ends all exchanges, also later ones, at once with kStopped.
  void stop();

 private:
  struct Transfer;
  struct CloseMulti {
    void operator()(void* multi) const;
  };

  void loop();
  void admit();
  void begin(std::unique_ptr<Transfer> transfer);
  void collect();
  void abandon();
  std::unique_ptr<Transfer> take_next();

  const TransportOptions options_;
  std::unique_ptr<void, CloseMulti> multi_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::deque<std::unique_ptr<Transfer>> queue_;  // guarded by mutex_
  // Used by the thread only.
  std::unordered_map<void*, std::unique_ptr<Transfer>> running_;  // by handle
  std::vector<void*> idle_;                                       // handles
  std::thread thread_;
};

}  // namespace classifier::aws
