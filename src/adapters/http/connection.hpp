// One connection of the server: reads requests, runs their handlers, writes the answers. Internal
// to the server.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "adapters/http/channel.hpp"
#include "adapters/http/request.hpp"
#include "adapters/http/request_head.hpp"
#include "adapters/http/response.hpp"
#include "adapters/http/router.hpp"
#include "adapters/http/server.hpp"

namespace classifier::http {

using Timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
using UseAwaitable = boost::asio::use_awaitable_t<Executor>;
template <class T = void>
using Awaitable = boost::asio::awaitable<T, Executor>;
using SteadyTime = std::chrono::steady_clock::time_point;

// What all connections of a server share. Thread-safe.
struct ServerContext {
  ServerContext(const ServerLimits& given, RequestObserver* counted_by, std::size_t blocking_threads)
      : limits(given), observer(counted_by), blocking(blocking_threads) {}
  const ServerLimits limits;
  RequestObserver* const observer;  // may be null
  boost::asio::thread_pool blocking;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> buffered{0};  // bytes of bodies in memory
  std::atomic<bool> draining{false};
};

// A share of the memory for bodies, given back with its destruction.
class BodyBudget {
 public:
  explicit BodyBudget(ServerContext& context) : context_(context) {}
  ~BodyBudget() { context_.buffered -= held_; }
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;
  // False where the server has no more; nothing is taken then.
  bool take(std::uint64_t bytes);

 private:
  ServerContext& context_;
  std::uint64_t held_ = 0;
};

class Connection;

// The connections of one I/O thread; touched by that thread only.
struct Shard {
  Shard() : io(1), sweep(io) {}
  boost::asio::io_context io;
  Timer sweep;
  std::unordered_set<Connection*> connections;
};

// Everything runs on its shard's thread, except for the handlers, which run on blocking threads
// while the connection waits for them.
class Connection {
 public:
  Connection(ServerContext& context, Shard& shard, const Site& site, Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves requests until either side ends the connection.
  static Awaitable<> run(std::unique_ptr<Connection> connection);
  // Answers 503 at once and closes.
  static Awaitable<> refuse(std::unique_ptr<Connection> connection);

  // Ends what waits for longer than it may.
  void check_deadline(SteadyTime now);
  // No further request: closes now when none is in work.
  void drain();
  // Closes now.
  void abort();

 private:
  using Parser = RequestParser;
  struct Exchange;
  enum class HeaderEnd { kRequest, kGone, kTimeout, kMalformed, kUrlTooLong, kHeaderTooLarge };
  enum class PieceEnd { kData, kDone, kGone, kTimeout, kMalformed, kTooLong };

  Awaitable<bool> begin();
  Awaitable<bool> serve_one();
  Awaitable<HeaderEnd> read_header(Parser& parser);
  Awaitable<> produce(Parser& parser, Exchange& exchange);
  Awaitable<bool> send_continue(Parser& parser, const Exchange& exchange);
  Awaitable<> receive_buffered(Parser& parser, Exchange& exchange);
  Awaitable<> receive_upload(Parser& parser, Exchange& exchange);
  Awaitable<PieceEnd> read_piece(Parser& parser, Exchange& exchange);
  Awaitable<> call_handler(Exchange& exchange);

  Awaitable<bool> answer(Exchange& exchange);
  Awaitable<bool> write(std::string_view head, std::string_view body);
  Awaitable<bool> send_stream(Exchange& exchange, StreamBody& body);
  Awaitable<bool> send_events(Exchange& exchange, EventBody& body);
  Awaitable<> close(bool body_unread);

  void understand(Parser& parser, Exchange& exchange);
  void admit(const Parser& parser, Exchange& exchange);
  void refuse_body(Exchange& exchange, PieceEnd end);
  void record(const Exchange& exchange);
  void audit(const Exchange& exchange) const;
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
  std::vector<char> scratch_;  // one piece of a body
  std::size_t piece_size_ = 0;
  std::string peer_;
  SteadyTime deadline_ = SteadyTime::max();
  bool idle_ = true;  // between two requests
  bool first_ = true;
  bool timed_out_ = false;
  bool draining_ = false;
  bool aborted_ = false;
};

}  // namespace classifier::http
