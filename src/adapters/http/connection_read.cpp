// Reading of requests: the header, and bodies in memory or as a streamed upload.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <span>
#include <string>

#include "adapters/http/connection.hpp"
#include "adapters/http/upload.hpp"

namespace classifier::http {
namespace {

namespace beast_http = boost::beast::http;

constexpr std::size_t kReadSize = 16 << 10;   // bytes that one read of a header asks for
constexpr std::size_t kPieceSize = 64 << 10;  // of a body

std::string seconds_text(std::chrono::milliseconds time) {
  const auto ms = time.count();
  return ms % 1000 == 0 ? fmt::format("{} seconds", ms / 1000) : fmt::format("{} ms", ms);
}

std::string body_too_large(std::uint64_t max) {
  return fmt::format("the body is larger than the {} bytes allowed here", max);
}

}  // namespace

Awaitable<Connection::HeaderEnd> Connection::read_header(RequestParser& parser) {
  idle_ = true;
  if (draining_) co_return HeaderEnd::kGone;
  allow(first_ ? context_.limits.header_time : context_.limits.keep_alive_idle);
  first_ = false;
  AsioError error;
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

// Fills the request from the header. Sets the answer of a request that is refused.
void Connection::read_request(RequestParser& parser, Exchange& exchange) {
  const RequestHead head = read_head(parser.get(), context_.limits.url_bytes, exchange.request);
  site_.access->identify(exchange.request, peer_, channel_.is_secure());
  exchange.http11 = head.http11;
  exchange.keep_alive = head.keep_alive;
  exchange.wants_continue = head.wants_continue;
  if (head.refusal) return exchange.reject(head.refusal->status, head.refusal->message);
  if (head.asks_server) exchange.response.emplace().status = 204;
}

void Connection::refuse_header(Exchange& exchange, HeaderEnd end) const {
  const ServerLimits& limits = context_.limits;
  switch (end) {
    case HeaderEnd::kTimeout:
      return exchange.reject(408, fmt::format("the request's header did not come within {}",
                                              seconds_text(limits.header_time)));
    case HeaderEnd::kUrlTooLong:
      return exchange.reject(414, url_too_long(limits.url_bytes));
    case HeaderEnd::kHeaderTooLarge:
      return exchange.reject(
          431, fmt::format("the request's header is too large: at most {} bytes are allowed",
                           limits.header_bytes));
    default:
      return exchange.reject(400, "this is not a valid HTTP/1.1 request");
  }
}

Awaitable<bool> Connection::send_continue(RequestParser& parser, const Exchange& exchange) {
  // A client that sends without waiting does not need it.
  if (!exchange.wants_continue || parser.is_done() || buffer_.size() > 0) co_return true;
  const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n", {});
  co_return sent;
}

// Reads the next piece of the body into scratch_, and its size into piece_size_.
Awaitable<Connection::PieceEnd> Connection::read_piece(RequestParser& parser, Exchange& exchange) {
  if (scratch_.empty()) scratch_.resize(kPieceSize);
  auto& body = parser.get().body();
  body.data = scratch_.data();
  body.size = scratch_.size();
  AsioError error;
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
    // An unfinished line before a chunk, or fields after the last one: Beast does not limit them.
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
                             fmt::format("the line before a chunk, or the fields after the last, "
                                         "are too long: at most {} bytes are allowed",
                                         context_.limits.header_bytes));
    default:
      // A client that closed only its sending side can still read the answer.
      if (channel_.peer_is_gone() && exchange.bytes_in == 0) exchange.client_gone = true;
      return exchange.reject(400, "the body ended before its Content-Length: nothing was kept");
  }
}

Awaitable<> Connection::read_body(RequestParser& parser, Exchange& exchange) {
  const std::uint64_t max = exchange.options().max_body;
  const auto length = parser.content_length();
  constexpr std::string_view kBusy =
      "the server is busy with other large requests: try again in a moment";
  if (length && *length > context_.bodies.limit()) {
    co_return exchange.reject(413,
                              fmt::format("the body has {} bytes; the memory of this server is "
                                          "enough for {} (MEMORY_LIMIT)",
                                          *length, context_.bodies.limit()));
  }
  if (length && !exchange.body_memory.take(*length)) co_return exchange.reject(503, kBusy);
  const bool sent = co_await send_continue(parser, exchange);
  if (!sent) {
    exchange.client_gone = true;
    co_return;
  }
  std::string& body = exchange.request.body;
  while (true) {
    const PieceEnd end = co_await read_piece(parser, exchange);
    if (end == PieceEnd::kDone) co_return;
    if (end != PieceEnd::kData) co_return refuse_body(exchange, end);
    if (body.size() + piece_size_ > max) {
      co_return exchange.reject(413, body_too_large(max));
    }
    if (!length && !exchange.body_memory.take(piece_size_)) co_return exchange.reject(503, kBusy);
    body.append(scratch_.data(), piece_size_);
  }
}

Awaitable<> Connection::read_upload(RequestParser& parser, Exchange& exchange) {
  const std::uint64_t max = exchange.options().max_body;
  Upload upload(exchange);
  const auto begin = [&] { upload.begin(); };
  const auto write_piece = [&] {
    upload.write(std::as_bytes(std::span<const char>(scratch_.data(), piece_size_)));
  };
  const auto finish = [&] { upload.finish(); };
  const auto close_sink = [&] { upload.close(); };

  co_await run_on(context_.blocking, begin);
  if (exchange.response) co_return;
  const bool sent = co_await send_continue(parser, exchange);
  exchange.client_gone = !sent;
  while (!exchange.response && !exchange.client_gone) {
    const PieceEnd end = co_await read_piece(parser, exchange);
    if (end == PieceEnd::kDone) {
      co_await run_on(context_.blocking, finish);
    } else if (end != PieceEnd::kData) {
      refuse_body(exchange, end);
    } else if (exchange.bytes_in > max) {
      exchange.reject(413, body_too_large(max));
    } else {
      co_await run_on(context_.blocking, write_piece);
    }
  }
  co_await run_on(context_.blocking, close_sink);
}

}  // namespace classifier::http
