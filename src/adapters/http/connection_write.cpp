// Writing of answers: whole ones, and those that are streamed.
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

#include "adapters/http/connection.hpp"
#include "adapters/http/wire.hpp"

namespace classifier::http {
namespace {

constexpr std::size_t kWriteSize = 64 << 10;  // bytes that one write deadline is for

// The body of an answer that is not streamed.
std::string_view body_of(const Response& response) {
  const auto* const text = std::get_if<std::string>(&response.body);
  return text == nullptr ? std::string_view() : *text;
}

// How the client finds the end of the body. Clears `keep_alive` if the connection must close.
Framing framing_of(Exchange& exchange) {
  const Response& response = *exchange.response;
  const auto* const stream = std::get_if<StreamBody>(&response.body);
  const bool events = std::holds_alternative<EventBody>(response.body);
  Framing framing;
  framing.http11 = exchange.http11;
  if (stream != nullptr || events) {
    if (stream != nullptr) framing.length = stream->length;
    framing.chunked = !framing.length && exchange.http11;
    // Without chunks, the end of the connection is the end of the body.
    if (events || (!framing.length && !exchange.http11)) exchange.keep_alive = false;
  } else if (response.status != 204 && response.status != 304) {
    framing.length = body_of(response).size();
  }
  framing.keep_alive = exchange.keep_alive;
  return framing;
}

void log_cut(const Exchange& exchange, std::string_view why) {
  spdlog::error("request {}: the answer is cut off: {}", exchange.request.id, why);
}

}  // namespace

// Returns false if the answer could not be written whole.
Awaitable<bool> Connection::answer(Exchange& exchange) {
  Response& response = *exchange.response;
  if (exchange.request.id.empty()) exchange.request.id = request_id({});
  response.headers.set("X-Request-Id", exchange.request.id);
  site_.access->add_headers(exchange.request, response,
                            exchange.options().page && response.status < 400);
  const std::string head = head_of(response, framing_of(exchange));
  const std::string_view body = exchange.is_head() ? std::string_view() : body_of(response);
  bool sent = co_await write(head, body);
  exchange.bytes_out += body.size();
  if (!sent || exchange.is_head()) co_return sent;
  if (auto* const stream = std::get_if<StreamBody>(&response.body))
    sent = co_await send_stream(exchange, *stream);
  if (auto* const events = std::get_if<EventBody>(&response.body))
    sent = co_await send_events(exchange, *events);
  co_return sent;
}

Awaitable<bool> Connection::write(std::string_view head, std::string_view body) {
  AsioError error;
  while (!head.empty() || !body.empty()) {
    if (aborted_) co_return false;
    const std::string_view slice = body.substr(0, kWriteSize);
    const std::array<boost::asio::const_buffer, 2> buffers{
        boost::asio::buffer(head.data(), head.size()),
        boost::asio::buffer(slice.data(), slice.size())};
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
      if (failed) log_cut(exchange, next.error().message);
    } catch (const std::exception& exception) {
      failed = true;
      log_cut(exchange, exception.what());
    }
  };
  while (piece) {
    if (piece->empty()) {  // as a chunk it would end the body
      co_await run_on(context_.blocking, produce_next);
      if (failed) co_return false;
      continue;
    }
    std::string data = std::move(*piece);
    piece.reset();
    if (chunked) data = chunk_of(data);
    const bool sent = co_await write(data, {});
    if (!sent) co_return false;
    exchange.bytes_out += data.size();
    data = {};
    co_await run_on(context_.blocking, produce_next);
    if (failed) co_return false;
  }
  if (body.length && exchange.bytes_out != *body.length) {
    log_cut(exchange, "its length is not what was promised");
    co_return false;
  }
  if (!chunked) co_return true;
  const bool ended = co_await write(kLastChunk, {});
  co_return ended;
}

}  // namespace classifier::http
