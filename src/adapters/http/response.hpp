// An answer as handlers make it.
#pragma once

#include <chrono>
#include <cstddef>
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

// A body that is produced piece by piece. The next piece is asked for on a blocking thread, and
// only when the one before has been sent. An error, or an exception, cuts the connection, so that
// the client does not take the part for the whole.
class BodyGenerator {
 public:
  virtual ~BodyGenerator() = default;
  // Not empty; nullopt at the end.
  virtual Result<std::optional<std::string>> next() = 0;
};

struct StreamBody {
  std::unique_ptr<BodyGenerator> generator;  // may be null in an answer to HEAD
  std::optional<std::uint64_t> length;       // bytes in all, where known; otherwise sent in chunks
};

struct Event {
  std::string name;
  std::string data;  // one line
};

// Server-sent events, found by asking every now and then.
class EventSource {
 public:
  struct Poll {
    std::vector<Event> events;
    bool last = false;  // the stream ends after these
  };
  virtual ~EventSource() = default;
  // What is new; on a blocking thread.
  virtual Poll poll() = 0;
};

struct EventBody {
  std::unique_ptr<EventSource> source;
  std::chrono::milliseconds interval{250};
  std::chrono::milliseconds heartbeat{15'000};  // a comment after so long without an event
};

struct Response {
  using Body = std::variant<std::string, std::vector<std::byte>, StreamBody, EventBody>;
  int status = 200;
  Headers headers;
  Body body = std::string();
};

// The one place that says which status an error becomes.
int status_of(ErrorCode code);

// `{"error": message}`. 503 comes with Retry-After.
Response error_response(int status, std::string_view message);
Response error_response(const Error& error);

// For a 500: what went wrong is in the log.
constexpr std::string_view kServerFault =
    "something went wrong in the server; its log says more under this X-Request-Id";

Response json_response(int status, const nlohmann::json& value);
Response text_response(int status, std::string_view content_type, std::string text);

// JSON text; bytes that are not UTF-8 become U+FFFD.
std::string dump(const nlohmann::json& value);

// Whether If-None-Match names `etag`, which is given with its quotes.
bool matches_etag(std::string_view if_none_match, std::string_view etag);

// "Not Found"
std::string_view reason_of(int status);

}  // namespace classifier::http
