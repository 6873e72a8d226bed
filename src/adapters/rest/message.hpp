// Requests and responses as handlers see them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/error.hpp"

namespace classifier::rest {

struct Request {
  std::string method;
  std::string path;                               // as it came, percent-encoded, without the query
  std::map<std::string, std::string> query;       // decoded; the last of equal names
  std::map<std::string, std::string> headers;     // names in lower case
  std::map<std::string, std::string> parameters;  // of the route's pattern, decoded
  std::string body;

  // The value of a header by its lower-case name; empty where there is none.
  std::string header(const std::string& name) const;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // Sends a body of unknown length piece by piece instead; nullopt ends it. A piece is asked for
  // only when the one before it is sent. An empty piece sends nothing.
  std::function<Result<std::optional<std::string>>()> stream;
  // Between two pieces of a stream; for events.
  std::chrono::milliseconds interval{0};
};

Response json_response(int status, std::string body);

// `{"error": message}` with the code that stands for it in HTTP; 503 has Retry-After.
Response error_response(const Error& error);
Response error_response(int status, std::string_view message);
int status_of(ErrorCode code);

// Decodes %XX; nullopt where it is malformed or gives a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace classifier::rest
