// One connection of the server: reads requests, runs their handlers, writes the answers. Internal
// to the server. connection.cpp has the life of a connection and of one request,
// connection_read.cpp reading, connection_write.cpp answers, connection_events.cpp event streams.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "adapters/http/channel.hpp"
#include "adapters/http/coroutines.hpp"
#include "adapters/http/exchange.hpp"
#include "adapters/http/request_head.hpp"
#include "adapters/http/server.hpp"
#include "support/memory_budget.hpp"

namespace classifier::http {

// What all connections of a server share. Thread-safe.
struct ServerContext {
  explicit ServerContext(const ServerOptions& options)
      : limits(options.limits),
        observer(options.observer),
        blocking(std::max<std::size_t>(options.blocking_threads, 1)),
        long_threads(std::max<std::size_t>(options.long_threads, 1)),
        bodies(options.limits.body_memory),
        answers(options.limits.answer_memory) {}
  const ServerLimits limits;
  RequestObserver* const observer;  // may be null
  boost::asio::thread_pool blocking;
  boost::asio::thread_pool long_threads;
  std::atomic<std::size_t> long_calls{0};  // running on long_threads, or waiting for one
  std::atomic<std::size_t> connections{0};
  MemoryBudget bodies;   // of requests
  MemoryBudget answers;  // that wait for their clients to read
  std::atomic<bool> draining{false};
};

class Connection;

// The connections of one I/O thread; used by that thread only.
struct Shard {
  Shard() : io(1), sweep(io) {}
  boost::asio::io_context io;
  Timer sweep;
  std::unordered_set<Connection*> connections;
};

// Used by its shard's thread only. Handlers run on blocking threads while the connection waits for
// them.
class Connection {
 public:
  Connection(ServerContext& context, Shard& shard, const Site& site, Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves requests until either side closes the connection.
  static Awaitable<> run(std::unique_ptr<Connection> connection);
  // Answers 503 at once and closes.
  static Awaitable<> refuse(std::unique_ptr<Connection> connection);

  // Cancels the operation in progress if its time is over.
  void check_deadline(SteadyTime now);
  // Accepts no further request, and closes as soon as none is in progress.
  void drain();
  // Closes now.
  void abort();

 private:
  enum class HeaderEnd { kRequest, kGone, kTimeout, kMalformed, kUrlTooLong, kHeaderTooLarge };
  enum class PieceEnd { kData, kDone, kGone, kTimeout, kMalformed, kTooLong };

  Awaitable<bool> handshake();
  Awaitable<bool> serve_one();
  Awaitable<> handle(RequestParser& parser, Exchange& exchange);
  Awaitable<> call_handler(Exchange& exchange);
  static void take_answer_memory(Exchange& exchange);
  static void prepare_answer(Exchange& exchange);
  static void compress_answer(Exchange& exchange);
  Awaitable<> close(bool body_unread);

  Awaitable<HeaderEnd> read_header(RequestParser& parser);
  void read_request(RequestParser& parser, Exchange& exchange);
  void refuse_header(Exchange& exchange, HeaderEnd end) const;
  Awaitable<bool> send_continue(RequestParser& parser, const Exchange& exchange);
  Awaitable<PieceEnd> read_piece(RequestParser& parser, Exchange& exchange);
  Awaitable<> read_body(RequestParser& parser, Exchange& exchange);
  Awaitable<> read_upload(RequestParser& parser, Exchange& exchange);
  void refuse_body(Exchange& exchange, PieceEnd end);

  Awaitable<bool> answer(Exchange& exchange);
  Awaitable<bool> write(std::string_view head, std::string_view body);
  Awaitable<bool> send_stream(Exchange& exchange, StreamBody& body);
  Awaitable<bool> send_events(Exchange& exchange, EventBody& body);

  // Sets the deadline of the next operation.
  void allow(std::chrono::milliseconds time) {
    deadline_ = std::chrono::steady_clock::now() + time;
  }
  void allow_forever() { deadline_ = SteadyTime::max(); }

  ServerContext& context_;
  Shard& shard_;
  const Site site_;
  Channel channel_;
  Timer event_timer_;
  boost::beast::flat_buffer buffer_;
  std::vector<char> scratch_;   // has room for one piece of a body
  std::size_t piece_size_ = 0;  // of the piece in scratch_
  std::string peer_;
  SteadyTime deadline_ = SteadyTime::max();
  bool idle_ = true;   // between two requests
  bool first_ = true;  // before the first request
  bool timed_out_ = false;
  bool draining_ = false;
  bool aborted_ = false;
};

}  // namespace classifier::http
