#include "adapters/http/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <exception>
#include <limits>
#include <utility>

#include "adapters/http/admission.hpp"
#include "adapters/http/delivery.hpp"
#include "adapters/http/request_log.hpp"
#include "adapters/http/wire.hpp"

namespace classifier::http {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kDiscardSize = 64 << 10;  // bytes of a refused body that are read at once
// The system takes smaller answers at once, so that they need no share of the memory.
constexpr std::uint64_t kSmallAnswer = 16 << 10;
// Bytes that the system keeps of an answer beyond what the client's side has room for.
constexpr int kUnsentBytes = 64 << 10;

}  // namespace

Connection::Connection(ServerContext& context, Shard& shard, const Site& site, Socket socket)
    : context_(context),
      shard_(shard),
      site_(site),
      channel_(std::move(socket)),
      event_timer_(shard.io) {
  AsioError error;
  channel_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  // Otherwise it keeps some megabytes for each slow reader.
  ::setsockopt(channel_.socket().native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes,
               sizeof kUnsentBytes);
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
  AsioError ignored;
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
  AsioError ignored;
  channel_.socket().close(ignored);
}

Awaitable<> Connection::run(std::unique_ptr<Connection> connection) {
  bool more = co_await connection->handshake();
  while (more) more = co_await connection->serve_one();
}

// Returns whether requests can follow.
Awaitable<bool> Connection::handshake() {
  if (!site_.tls) co_return true;
  AsioError error;
  allow(context_.limits.header_time);
  co_await channel_.handshake(site_.tls->context(), into(error));
  allow_forever();
  // Scanners and clients that do not trust the certificate are common, so this is no warning.
  if (error) spdlog::debug("TLS handshake with {} failed: {}", peer_, error.message());
  co_return !error;
}

Awaitable<> Connection::refuse(std::unique_ptr<Connection> connection) {
  const bool ready = co_await connection->handshake();
  if (!ready) co_return;
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
  RequestParser parser;
  parser.header_limit(static_cast<std::uint32_t>(context_.limits.header_bytes));
  parser.body_limit(boost::none);  // admit() and read_piece() apply the route's limit
  const HeaderEnd end = co_await read_header(parser);
  if (end == HeaderEnd::kGone) co_return false;
  Exchange exchange(context_.bodies, context_.answers);
  if (end == HeaderEnd::kRequest) {
    read_request(parser, exchange);
    if (!exchange.response) admit(site_, parser, exchange);
    if (!exchange.response) co_await handle(parser, exchange);
    exchange.body_unread = !parser.is_done();
  } else {
    refuse_header(exchange, end);
    exchange.body_unread = true;
  }
  if (exchange.client_gone) co_return false;
  if (draining_ || exchange.body_unread) exchange.keep_alive = false;
  const bool sent = co_await answer(exchange);
  record_request(exchange, context_.observer);
  // After an answer that could not be written whole, the client sees that it is cut.
  if (!sent) co_return false;
  if (!exchange.keep_alive) {
    co_await close(exchange.body_unread);
    co_return false;
  }
  co_return !draining_;
}

// Reads the body and calls the handler.
Awaitable<> Connection::handle(RequestParser& parser, Exchange& exchange) {
  exchange.body_deadline = std::chrono::steady_clock::now() + context_.limits.body_time;
  parser.eager(true);
  if (exchange.match.route->uploads) {
    co_await read_upload(parser, exchange);
  } else {
    if (!parser.is_done()) co_await read_body(parser, exchange);
    if (!exchange.response && !exchange.client_gone) co_await call_handler(exchange);
  }
}

// Takes the memory that an answer needs until its client has read it. The answer becomes a 503
// where there is none.
void Connection::take_answer_memory(Exchange& exchange) {
  std::uint64_t needed = 0;
  if (const auto* const text = std::get_if<std::string>(&exchange.response->body)) {
    needed = text->size();
  } else if (const auto* const stream = std::get_if<StreamBody>(&exchange.response->body)) {
    needed = stream->generator->memory();
  }
  if (needed <= kSmallAnswer || exchange.answer_memory.take(needed)) return;
  exchange.response = error_response(
      503, "the server is busy with answers to other clients: try again in a moment");
}

// Pages bring their own tags and compressed forms.
void Connection::prepare_answer(Exchange& exchange) {
  if (!exchange.options().page) add_tag(exchange.request, *exchange.response);
  if (!exchange.is_head()) take_answer_memory(exchange);
  auto* const stream = std::get_if<StreamBody>(&exchange.response->body);
  if (stream != nullptr && !exchange.is_head()) {
    // Made before the head is sent, so that most failures still become an error answer.
    auto piece = stream->generator->next();
    if (!piece) {
      exchange.response = error_response(piece.error());
      return;
    }
    exchange.first_piece = std::move(*piece);
  }
  if (!exchange.options().page) compress_answer(exchange);
}

// Where there is no memory for it, the answer is sent as it is.
void Connection::compress_answer(Exchange& exchange) {
  Response& response = *exchange.response;
  if (auto* const text = std::get_if<std::string>(&response.body)) {
    const std::size_t size = text->size();
    if (!to_compress(exchange.request, response, size)) return;
    if (!exchange.answer_memory.take(kGzipMemory)) return;
    compress(response);
    // The small answer is all that waits for the client.
    const std::uint64_t left = text->size() > kSmallAnswer ? text->size() : 0;
    if (exchange.answer_memory.held() > left)
      exchange.answer_memory.give_back(exchange.answer_memory.held() - left);
    return;
  }
  if (!std::holds_alternative<StreamBody>(response.body)) return;
  // How long it will be is not known.
  if (!to_compress(exchange.request, response, std::numeric_limits<std::size_t>::max())) return;
  if (!exchange.first_piece || !exchange.answer_memory.take(kGzipMemory)) return;
  if (auto begun = compress_stream(response, exchange.first_piece); !begun)
    exchange.response = error_response(begun.error());
}

Awaitable<> Connection::call_handler(Exchange& exchange) {
  const auto handle = [&] {
    try {
      exchange.response = exchange.match.route->handler(exchange.request);
      prepare_answer(exchange);
    } catch (const std::exception& exception) {
      spdlog::error("request {} {} {}: {}", exchange.request.id, exchange.request.method,
                    exchange.request.path, exception.what());
      exchange.response = error_response(500, kServerFault);
    }
  };
  const auto call = [&] {
    handle();
    audit_request(exchange, site_.audit.get());
  };
  switch (exchange.options().run) {
    case RunOn::kIoThread:
      call();
      break;
    case RunOn::kBlockingThread:
      co_await run_on(context_.blocking, call);
      break;
    case RunOn::kLongThread:
      if (context_.long_calls++ < context_.limits.long_calls) {
        co_await run_on(context_.long_threads, call);
      } else {
        exchange.response =
            error_response(503, "too many such requests are in progress: try again later");
      }
      --context_.long_calls;
      break;
  }
}

// Closes the connection so that the client gets the whole answer. If bytes of the request are
// unread, closing at once would make the system reset the connection, and the answer could be lost.
Awaitable<> Connection::close(bool body_unread) {
  AsioError error;
  allow(context_.limits.linger);
  if (channel_.is_secure()) co_await channel_.shut_down(into(error));
  Socket& socket = channel_.socket();
  socket.shutdown(Socket::shutdown_send, error);
  if (!body_unread) co_return;
  if (scratch_.empty()) scratch_.resize(kDiscardSize);
  while (!error && !aborted_) {
    const auto space = asio::buffer(scratch_);
    co_await socket.async_read_some(space, into(error));
  }
}

}  // namespace classifier::http
