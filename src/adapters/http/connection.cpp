#include "adapters/http/connection.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/http/error.hpp>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/http/wire.hpp"

namespace classifier::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using ErrorCodeOfAsio = boost::system::error_code;

constexpr std::size_t kReadSize = 16 << 10;    // bytes asked of the socket for a header
constexpr std::size_t kPieceSize = 64 << 10;   // of a body on its way in
constexpr std::size_t kWriteSize = 256 << 10;  // written before the time for writing starts anew
constexpr std::string_view kFault =
    "something went wrong in the server; its log says more under this X-Request-Id";

// Runs `work` on a blocking thread and comes back. `work` must not throw.
template <class Work>
Awaitable<> on_thread_of(asio::thread_pool& pool, Work& work) {
  const UseAwaitable token;
  return asio::async_initiate<const UseAwaitable, void()>(
      [&pool, &work](auto handler) {
        asio::post(pool, [&work, handler = std::move(handler)]() mutable {
          work();
          auto executor = asio::get_associated_executor(handler);
          asio::post(executor, std::move(handler));
        });
      },
      token);
}

auto into(ErrorCodeOfAsio& error) { return asio::redirect_error(UseAwaitable(), error); }

std::string seconds_text(std::chrono::milliseconds time) {
  const auto ms = time.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " seconds" : std::to_string(ms) + " ms";
}

}  // namespace

bool BodyBudget::take(std::uint64_t bytes) {
  const std::uint64_t before = context_.buffered.fetch_add(bytes);
  if (before + bytes > context_.limits.buffered_body_bytes) {
    context_.buffered -= bytes;
    return false;
  }
  held_ += bytes;
  return true;
}

// One request and its answer.
struct Connection::Exchange {
  explicit Exchange(ServerContext& context) : budget(context) {}
  Request request;
  RouteMatch match;
  std::optional<Response> response;
  std::optional<std::string> first_piece;  // of a streamed answer
  BodyBudget budget;
  bool http11 = true;
  bool keep_alive = true;
  bool wants_continue = false;
  bool gone = false;         // there is nobody to answer any more
  bool body_unread = false;  // something of the body may still come
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  SteadyTime begin = std::chrono::steady_clock::now();
  SteadyTime body_deadline = SteadyTime::max();

  const RouteOptions& options() const {
    static const RouteOptions defaults;
    return match.route == nullptr ? defaults : match.route->options;
  }
  bool head() const { return request.method == "HEAD"; }
  // Answers, and closes: what follows on the connection cannot be told from the body.
  void reject(int status, std::string_view message) {
    response = error_response(status, message);
    keep_alive = false;
  }
};

Connection::Connection(ServerContext& context, Shard& shard, const Site& site, Socket socket)
    : context_(context),
      shard_(shard),
      site_(site),
      channel_(std::move(socket)),
      event_timer_(shard.io) {
  ErrorCodeOfAsio error;
  channel_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  const auto endpoint = channel_.socket().remote_endpoint(error);
  if (!error) peer_ = endpoint.address().to_string();
  shard_.connections.insert(this);
  if (context_.observer != nullptr) context_.observer->connections_changed(1);
}

Connection::~Connection() {
  shard_.connections.erase(this);
  if (context_.observer != nullptr) context_.observer->connections_changed(-1);
  --context_.connections;
}

void Connection::check_deadline(SteadyTime now) {
  if (now < deadline_) return;
  timed_out_ = true;
  allow_forever();
  ErrorCodeOfAsio ignored;
  channel_.socket().cancel(ignored);
}

void Connection::drain() {
  draining_ = true;
  event_timer_.cancel();
  if (idle_) abort();
}

void Connection::abort() {
  aborted_ = true;
  event_timer_.cancel();
  ErrorCodeOfAsio ignored;
  channel_.socket().close(ignored);
}

Awaitable<> Connection::run(std::unique_ptr<Connection> connection) {
  bool more = co_await connection->begin();
  while (more) more = co_await connection->serve_one();
}

// Returns whether requests may come.
Awaitable<bool> Connection::begin() {
  if (!site_.tls) co_return true;
  ErrorCodeOfAsio error;
  allow(context_.limits.header_time);
  co_await channel_.handshake(site_.tls->context(), into(error));
  allow_forever();
  // Scanners and clients that do not trust the certificate are usual, and no fault of the server.
  if (error) spdlog::debug("no TLS with {}: {}", peer_, error.message());
  co_return !error;
}

Awaitable<> Connection::refuse(std::unique_ptr<Connection> connection) {
  const bool begun = co_await connection->begin();
  if (!begun) co_return;
  const Response response = error_response(503, "too many connections: try again in a moment");
  const auto& body = std::get<std::string>(response.body);
  Framing framing;
  framing.length = body.size();
  framing.keep_alive = false;
  const std::string head = head_of(response, framing);
  connection->idle_ = false;
  const bool sent = co_await connection->write(head, body);
  if (sent) co_await connection->close(true);
}

// Returns whether another request may follow.
Awaitable<bool> Connection::serve_one() {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(context_.limits.header_bytes));
  parser.body_limit(boost::none);  // the route's limit is applied here
  const HeaderEnd end = co_await read_header(parser);
  if (end == HeaderEnd::kGone) co_return false;
  Exchange exchange(context_);
  if (end == HeaderEnd::kRequest) {
    understand(parser, exchange);
    if (!exchange.response) admit(parser, exchange);
    if (!exchange.response) co_await produce(parser, exchange);
    exchange.body_unread = !parser.is_done();
  } else {
    exchange.body_unread = true;
    switch (end) {
      case HeaderEnd::kTimeout:
        exchange.reject(408, "the request's header did not come within " +
                                 seconds_text(context_.limits.header_time));
        break;
      case HeaderEnd::kUrlTooLong:
        exchange.reject(414, "the URL is too long: at most " +
                                 std::to_string(context_.limits.url_bytes) + " bytes are allowed");
        break;
      case HeaderEnd::kHeaderTooLarge:
        exchange.reject(431, "the request's header is too large: at most " +
                                 std::to_string(context_.limits.header_bytes) +
                                 " bytes are allowed");
        break;
      default:
        exchange.reject(400, "this is not a valid HTTP/1.1 request");
        break;
    }
  }
  if (exchange.gone) co_return false;
  if (draining_ || exchange.body_unread) exchange.keep_alive = false;
  bool more = co_await answer(exchange);
  record(exchange);
  // An answer that could not be written ends without ceremony; the client sees that it is cut.
  if (more && !exchange.keep_alive) {
    co_await close(exchange.body_unread);
    more = false;
  }
  if (draining_) more = false;
  co_return more;
}

Awaitable<Connection::HeaderEnd> Connection::read_header(Parser& parser) {
  idle_ = true;
  if (draining_) co_return HeaderEnd::kGone;
  allow(first_ ? context_.limits.header_time : context_.limits.keep_alive_idle);
  first_ = false;
  ErrorCodeOfAsio error;
  bool has_first_line = false;
  while (true) {
    if (buffer_.size() > 0) {
      if (idle_) allow(context_.limits.header_time);
      idle_ = false;
      const std::size_t used = parser.put(buffer_.data(), error);
      const bool folded = has_folded_line({static_cast<const char*>(buffer_.data().data()), used});
      buffer_.consume(used);
      has_first_line = has_first_line || used > 0;
      if (folded) co_return HeaderEnd::kMalformed;
      if (!error) break;
      if (error == beast_http::error::header_limit) {
        co_return has_first_line ? HeaderEnd::kHeaderTooLarge : HeaderEnd::kUrlTooLong;
      }
      if (error != beast_http::error::need_more) co_return HeaderEnd::kMalformed;
      error = {};
    }
    auto space = buffer_.prepare(kReadSize);
    const std::size_t size = co_await channel_.read_some(space, into(error));
    buffer_.commit(size);
    if (error) co_return timed_out_ && !idle_ ? HeaderEnd::kTimeout : HeaderEnd::kGone;
  }
  allow_forever();
  co_return HeaderEnd::kRequest;
}

// Fills the request from the header; answers what cannot be understood.
void Connection::understand(Parser& parser, Exchange& exchange) {
  const RequestHead head = read_head(parser.get(), context_.limits.url_bytes, exchange.request);
  site_.access->identify(exchange.request, peer_, channel_.is_secure());
  exchange.http11 = head.http11;
  exchange.keep_alive = head.keep_alive;
  exchange.wants_continue = head.wants_continue;
  if (head.refusal) return exchange.reject(head.refusal->status, head.refusal->message);
  if (head.asks_server) exchange.response.emplace().status = 204;
}

// Finds the route, and answers requests that no handler is to see.
void Connection::admit(const Parser& parser, Exchange& exchange) {
  Request& request = exchange.request;
  exchange.match = site_.router->match(request.method, request.path);
  RouteMatch& match = exchange.match;
  if (exchange.options().limited) exchange.response = site_.access->check_rate(request);
  if (exchange.response) return;
  switch (match.outcome) {
    case RouteMatch::Outcome::kOtherMethod:
      if (Access::is_preflight(request)) {
        exchange.response = site_.access->preflight(request, match.allowed);
      } else if (request.method == "OPTIONS") {
        exchange.response.emplace().status = 204;
      } else {
        exchange.response = error_response(
            405, excerpt(request.method) + " is not allowed here; allowed: " + match.allowed);
      }
      exchange.response->headers.add("Allow", match.allowed);
      return;
    case RouteMatch::Outcome::kUnknownPath:
      exchange.response = error_response(404, "there is nothing at " + excerpt(request.path));
      return;
    case RouteMatch::Outcome::kBadPath:
      return exchange.reject(400, "the URL's path is not UTF-8, or has a zero byte");
    case RouteMatch::Outcome::kFound:
      break;
  }
  request.params = std::move(match.params);
  if (exchange.options().needs_key) {
    exchange.response = site_.access->check_key(request, role_of(*match.route));
    // Who is known and tried what the key does not allow.
    if (exchange.response && exchange.response->status == 403) audit(exchange);
    if (exchange.response) return;
  }
  const std::uint64_t max = exchange.options().max_body;
  const auto length = parser.content_length();
  if (length && *length > max) {
    return exchange.reject(413, "the body has " + std::to_string(*length) + " bytes; at most " +
                                    std::to_string(max) + " are allowed here");
  }
  if (match.route->uploads && !length && !parser.chunked())
    exchange.reject(411, "the request must say its Content-Length");
}

// Receives the body and calls the handler.
Awaitable<> Connection::produce(Parser& parser, Exchange& exchange) {
  exchange.body_deadline = std::chrono::steady_clock::now() + context_.limits.body_time;
  parser.eager(true);
  if (exchange.match.route->uploads) {
    co_await receive_upload(parser, exchange);
  } else {
    if (!parser.is_done()) co_await receive_buffered(parser, exchange);
    if (!exchange.response && !exchange.gone) co_await call_handler(exchange);
  }
}

Awaitable<bool> Connection::send_continue(Parser& parser, const Exchange& exchange) {
  // A client that did not wait needs no leave.
  if (!exchange.wants_continue || parser.is_done() || buffer_.size() > 0) co_return true;
  const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n", {});
  co_return sent;
}

// The next piece of the body goes to scratch_, its size to piece_size_.
Awaitable<Connection::PieceEnd> Connection::read_piece(Parser& parser, Exchange& exchange) {
  if (scratch_.empty()) scratch_.resize(kPieceSize);
  auto& body = parser.get().body();
  body.data = scratch_.data();
  body.size = scratch_.size();
  ErrorCodeOfAsio error;
  while (true) {
    if (buffer_.size() > 0 && !parser.is_done()) {
      const std::size_t used = parser.put(buffer_.data(), error);
      buffer_.consume(used);
      if (error && error != beast_http::error::need_more &&
          error != beast_http::error::need_buffer) {
        co_return PieceEnd::kMalformed;
      }
    }
    piece_size_ = scratch_.size() - body.size;
    exchange.bytes_in += piece_size_;
    if (piece_size_ > 0) co_return PieceEnd::kData;
    if (parser.is_done()) co_return PieceEnd::kDone;
    // An unfinished line before a chunk, or fields after the last: Beast sets no limit to them.
    if (buffer_.size() > context_.limits.header_bytes) co_return PieceEnd::kTooLong;
    allow(context_.limits.body_idle);
    deadline_ = std::min(deadline_, exchange.body_deadline);
    auto space = buffer_.prepare(kPieceSize);
    const std::size_t size = co_await channel_.read_some(space, into(error));
    allow_forever();
    buffer_.commit(size);
    if (error) co_return timed_out_ ? PieceEnd::kTimeout : PieceEnd::kGone;
  }
}

void Connection::refuse_body(Exchange& exchange, PieceEnd end) {
  switch (end) {
    case PieceEnd::kTimeout:
      return exchange.reject(408, "the body did not come in time: nothing was kept");
    case PieceEnd::kMalformed:
      return exchange.reject(400, "the chunks of the body are not valid");
    case PieceEnd::kTooLong:
      return exchange.reject(431,
                             "the line before a chunk, or the fields after the last, are too long: "
                             "at most " +
                                 std::to_string(context_.limits.header_bytes) +
                                 " bytes are allowed");
    default:
      // The client may have closed its side only, so it is told.
      if (channel_.peer_is_gone() && exchange.bytes_in == 0) exchange.gone = true;
      return exchange.reject(400, "the body ended before its Content-Length: nothing was kept");
  }
}

Awaitable<> Connection::receive_buffered(Parser& parser, Exchange& exchange) {
  const std::uint64_t max = exchange.options().max_body;
  const auto length = parser.content_length();
  constexpr std::string_view kBusy =
      "the server is busy with other large requests: try again in a moment";
  if (length && !exchange.budget.take(*length)) co_return exchange.reject(503, kBusy);
  const bool told = co_await send_continue(parser, exchange);
  if (!told) {
    exchange.gone = true;
    co_return;
  }
  std::string& body = exchange.request.body;
  while (true) {
    const PieceEnd end = co_await read_piece(parser, exchange);
    if (end == PieceEnd::kDone) co_return;
    if (end != PieceEnd::kData) co_return refuse_body(exchange, end);
    if (body.size() + piece_size_ > max) {
      co_return exchange.reject(
          413, "the body is larger than the " + std::to_string(max) + " bytes allowed here");
    }
    if (!length && !exchange.budget.take(piece_size_)) co_return exchange.reject(503, kBusy);
    body.append(scratch_.data(), piece_size_);
  }
}

Awaitable<> Connection::receive_upload(Parser& parser, Exchange& exchange) {
  const std::uint64_t max = exchange.options().max_body;
  std::unique_ptr<BodySink> sink;
  // Each step runs on a blocking thread; the first that fails has the answer.
  const auto guarded = [&](auto&& step) {
    try {
      step();
    } catch (const std::exception& exception) {
      spdlog::error("request {}: {}", exchange.request.id, exception.what());
      exchange.reject(500, kFault);
    }
  };
  const auto begin = [&] {
    guarded([&] {
      auto made = exchange.match.route->uploads(exchange.request);
      if (made) {
        sink = std::move(*made);
      } else {
        exchange.response = error_response(made.error());
      }
    });
  };
  const auto write_piece = [&] {
    guarded([&] {
      const std::span<const char> piece(scratch_.data(), piece_size_);
      if (auto written = sink->write(std::as_bytes(piece)); !written)
        exchange.response = error_response(written.error());
    });
  };
  const auto finish = [&] { guarded([&] { exchange.response = sink->finish(); }); };
  // An unfinished sink removes its file, which is work for a blocking thread too.
  const auto give_up = [&] { guarded([&] { sink.reset(); }); };

  co_await on_thread_of(context_.blocking, begin);
  if (exchange.response) co_return;
  const bool told = co_await send_continue(parser, exchange);
  exchange.gone = !told;
  while (!exchange.response && !exchange.gone) {
    const PieceEnd end = co_await read_piece(parser, exchange);
    if (end == PieceEnd::kDone) {
      co_await on_thread_of(context_.blocking, finish);
    } else if (end != PieceEnd::kData) {
      refuse_body(exchange, end);
    } else if (exchange.bytes_in > max) {
      exchange.reject(413,
                      "the body is larger than the " + std::to_string(max) + " bytes allowed here");
    } else {
      co_await on_thread_of(context_.blocking, write_piece);
    }
  }
  if (sink) co_await on_thread_of(context_.blocking, give_up);
}

Awaitable<> Connection::call_handler(Exchange& exchange) {
  const auto handle = [&] {
    try {
      exchange.response = exchange.match.route->handler(exchange.request);
      auto* const stream = std::get_if<StreamBody>(&exchange.response->body);
      if (stream == nullptr || exchange.head()) return;
      // With the first piece in hand, most failures still become a proper answer.
      auto piece = stream->generator->next();
      if (piece) {
        exchange.first_piece = std::move(*piece);
      } else {
        exchange.response = error_response(piece.error());
      }
    } catch (const std::exception& exception) {
      spdlog::error("request {} {} {}: {}", exchange.request.id, exchange.request.method,
                    exchange.request.path, exception.what());
      exchange.response = error_response(500, kFault);
    }
  };
  const auto call = [&] {
    handle();
    audit(exchange);
  };
  if (exchange.options().run == RunOn::kIoThread) {
    call();
  } else {
    co_await on_thread_of(context_.blocking, call);
  }
}

// Returns false where the answer could not be written whole.
Awaitable<bool> Connection::answer(Exchange& exchange) {
  Response& response = *exchange.response;
  response.headers.set("X-Request-Id", exchange.request.id.empty()
                                           ? exchange.request.id = request_id({})
                                           : exchange.request.id);
  site_.access->add_headers(exchange.request, response,
                            exchange.options().page && response.status < 400);

  std::string_view body;
  auto* const stream = std::get_if<StreamBody>(&response.body);
  auto* const events = std::get_if<EventBody>(&response.body);
  Framing framing;
  framing.http11 = exchange.http11;
  if (stream != nullptr || events != nullptr) {
    if (stream != nullptr) framing.length = stream->length;
    framing.chunked = !framing.length && exchange.http11;
    // Without chunks, the end of the connection is the end of the body.
    if (!framing.length && !exchange.http11) exchange.keep_alive = false;
    if (events != nullptr) exchange.keep_alive = false;
  } else {
    if (const auto* text = std::get_if<std::string>(&response.body)) {
      body = *text;
    } else {
      const auto& bytes = std::get<std::vector<std::byte>>(response.body);
      body = std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    if (response.status != 204 && response.status != 304) framing.length = body.size();
  }
  framing.keep_alive = exchange.keep_alive;
  const std::string head = head_of(response, framing);
  if (exchange.head()) body = {};
  bool sent = co_await write(head, body);
  exchange.bytes_out += body.size();
  if (!sent || exchange.head()) co_return sent;
  if (stream != nullptr) sent = co_await send_stream(exchange, *stream);
  if (events != nullptr) sent = co_await send_events(exchange, *events);
  co_return sent;
}

Awaitable<bool> Connection::write(std::string_view head, std::string_view body) {
  ErrorCodeOfAsio error;
  while (!head.empty() || !body.empty()) {
    if (aborted_) co_return false;
    const std::string_view slice = body.substr(0, kWriteSize);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(head.data(), head.size()),
                                                    asio::buffer(slice.data(), slice.size())};
    allow(context_.limits.write_idle);
    co_await channel_.write(buffers, into(error));
    allow_forever();
    if (error) co_return false;
    head = {};
    body.remove_prefix(slice.size());
  }
  co_return true;
}

Awaitable<bool> Connection::send_stream(Exchange& exchange, StreamBody& body) {
  const bool chunked = !body.length && exchange.http11;
  std::optional<std::string> piece = std::move(exchange.first_piece);
  bool failed = false;
  const auto produce_next = [&] {
    try {
      auto next = body.generator->next();
      failed = !next;
      if (next) piece = std::move(*next);
      if (failed) {
        spdlog::error("request {}: the answer breaks off: {}", exchange.request.id,
                      next.error().message);
      }
    } catch (const std::exception& exception) {
      failed = true;
      spdlog::error("request {}: the answer breaks off: {}", exchange.request.id, exception.what());
    }
  };
  while (piece) {
    if (piece->empty()) {  // would be read as the last chunk
      co_await on_thread_of(context_.blocking, produce_next);
      if (failed) co_return false;
      continue;
    }
    const std::string data = chunked ? chunk_of(*piece) : std::move(*piece);
    const bool sent = co_await write(data, {});
    if (!sent) co_return false;
    exchange.bytes_out += data.size();
    piece.reset();
    co_await on_thread_of(context_.blocking, produce_next);
    if (failed) co_return false;
  }
  if (!chunked) co_return true;
  const bool ended = co_await write(kLastChunk, {});
  co_return ended;
}

Awaitable<bool> Connection::send_events(Exchange& exchange, EventBody& body) {
  EventSource::Poll poll;
  const auto ask = [&] {
    try {
      poll = body.source->poll();
    } catch (const std::exception& exception) {
      spdlog::error("request {}: the events break off: {}", exchange.request.id, exception.what());
      poll.last = true;
    }
  };
  SteadyTime last_sent = std::chrono::steady_clock::now();
  ErrorCodeOfAsio ignored;
  while (!draining_ && !aborted_) {
    poll = {};
    co_await on_thread_of(context_.blocking, ask);
    std::string text;
    for (const Event& event : poll.events) text += text_of(event);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (text.empty() && now - last_sent >= body.heartbeat) text = ":\n\n";
    if (!text.empty()) {
      last_sent = now;
      const std::string data = exchange.http11 ? chunk_of(text) : text;
      const bool sent = co_await write(data, {});
      if (!sent) co_return false;
      exchange.bytes_out += text.size();
    }
    if (poll.last) break;
    if (channel_.peer_is_gone()) co_return false;
    if (draining_) break;
    event_timer_.expires_after(body.interval);
    co_await event_timer_.async_wait(into(ignored));
  }
  if (!exchange.http11) co_return true;
  const bool ended = co_await write(kLastChunk, {});
  co_return ended;
}

// Ends the connection so that the client gets the whole answer: with bytes unread, closing at once
// would make the system reset the connection and throw the answer away.
Awaitable<> Connection::close(bool body_unread) {
  ErrorCodeOfAsio error;
  allow(context_.limits.linger);
  if (channel_.is_secure()) co_await channel_.say_goodbye(into(error));
  Socket& socket = channel_.socket();
  socket.shutdown(Socket::shutdown_send, error);
  if (!body_unread) co_return;
  if (scratch_.empty()) scratch_.resize(kPieceSize);
  while (!error && !aborted_) {
    const auto space = asio::buffer(scratch_);
    co_await socket.async_read_some(space, into(error));
  }
}

// Before the answer is sent: what the client knows of is written down.
void Connection::audit(const Exchange& exchange) const {
  const char* const action = exchange.options().audited;
  if (action == nullptr || !site_.audit) return;
  const Request& request = exchange.request;
  AuditEvent event;
  event.time = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  event.action = action;
  event.key = request.key_name;
  event.address = request.peer;
  if (!request.params.empty()) event.target = request.params.front().second;
  event.status = exchange.response->status;
  event.request_id = request.id;
  site_.audit->write(event);
}

void Connection::record(const Exchange& exchange) {
  const Request& request = exchange.request;
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - exchange.begin;
  const std::string_view route = exchange.match.route == nullptr
                                     ? "(unknown)"
                                     : std::string_view(exchange.match.route->pattern);
  const int status = exchange.response->status;
  if (context_.observer != nullptr) {
    RequestRecord counted;
    counted.method = request.method;
    counted.route = route;
    counted.status = status;
    counted.seconds = time.count();
    counted.bytes_in = exchange.bytes_in;
    counted.bytes_out = exchange.bytes_out;
    context_.observer->request_done(counted);
  }
  // Reads are many and say little; changes and faults are what a log is read for.
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
