// The answer of a handler.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/http/headers.hpp"
#include "domain/error.hpp"

namespace classifier::http {

// Produces a body piece by piece. next() is called on a blocking thread after the piece before has
// been sent. After an error or an exception the connection is closed before the end of the body, so
// that the client notices.
class BodyGenerator {
 public:
  virtual ~BodyGenerator() = default;
  // The next piece, never empty; nullopt at the end.
  virtual Result<std::optional<std::string>> next() = 0;
  // Bytes of memory that the body needs until it is sent: one piece, and what next() keeps.
  virtual std::uint64_t memory() const = 0;
};

struct StreamBody {
  std::unique_ptr<BodyGenerator> generator;  // may be null in an answer to HEAD
  std::optional<std::uint64_t> length;       // of the whole body; absent: sent in chunks
};

struct Event {
  std::string name;
  std::string data;  // one line
};

// Server-sent events, found by polling.
class EventSource {
 public:
  struct Poll {
    std::vector<Event> events;
    bool last = false;  // the stream ends after these
  };
  virtual ~EventSource() = default;
  // The events since the last call. Called on a blocking thread.
  virtual Poll poll() = 0;
};

struct EventBody {
  std::unique_ptr<EventSource> source;
  std::chrono::milliseconds interval{250};
  std::chrono::milliseconds heartbeat{15'000};  // a comment is sent after so long without an event
};

struct Response {
  using Body = std::variant<std::string, StreamBody, EventBody>;
  int status = 200;
  Headers headers;
  Body body = std::string();
};

// The HTTP status for an error.
int status_of(ErrorCode code);

// `{"error": message}`; a 503 has a Retry-After.
Response error_response(int status, std::string_view message);
Response error_response(const Error& error);

// For a 500: what went wrong is in the log.
constexpr std::string_view kServerFault =
    "something went wrong in the server; its log says more under this X-Request-Id";

Response json_response(int status, const nlohmann::json& value);
Response text_response(int status, std::string_view content_type, std::string text);

// JSON text. Bytes that are not UTF-8 become U+FFFD.
std::string dump(const nlohmann::json& value);

// For answers that only their user's browser keeps, and asks for again each time.
inline constexpr std::string_view kAskAgain = "private, no-cache";
// The end of the ETag of an answer that was compressed.
inline constexpr std::string_view kGzipTag = "-gzip";

// A 304. `etag` includes its quotes.
Response not_modified(std::string_view etag, std::string_view cache_control = kAskAgain);

// Whether If-None-Match or If-Match has `etag`, which includes its quotes, or that of its
// compressed form.
bool matches_etag(std::string_view if_none_match, std::string_view etag);

// "Not Found"
std::string_view reason_of(int status);

}  // namespace classifier::http
