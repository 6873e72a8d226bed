// Server-sent events.
#include <spdlog/spdlog.h>

#include <exception>
#include <string>

#include "adapters/http/connection.hpp"
#include "adapters/http/wire.hpp"

namespace classifier::http {

Awaitable<bool> Connection::send_events(Exchange& exchange, EventBody& body) {
  EventSource::Poll poll;
  const auto ask = [&] {
    try {
      poll = body.source->poll();
    } catch (const std::exception& exception) {
      spdlog::error("request {}: the event stream is cut off: {}", exchange.request.id,
                    exception.what());
      poll.last = true;
    }
  };
  SteadyTime last_sent = std::chrono::steady_clock::now();
  AsioError ignored;
  while (!draining_ && !aborted_) {
    poll = {};
    co_await run_on(context_.blocking, ask);
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

}  // namespace classifier::http
