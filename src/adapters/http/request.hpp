// A request as handlers see it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/headers.hpp"
#include "domain/error.hpp"

namespace classifier::http {

struct Request {
  std::string method;  // upper case; HEAD stays "HEAD" on a GET route
  std::string path;    // percent-encoded as it was sent, without the query
  std::vector<std::pair<std::string, std::string>> query;   // decoded, in order
  std::vector<std::pair<std::string, std::string>> params;  // of the route's pattern, decoded
  Headers headers;
  std::string body;      // empty on upload routes, whose bodies are streamed
  std::string id;        // the client's X-Request-Id, or a new one
  std::string peer;      // the client's address, from X-Forwarded-For behind trusted proxies
  bool https = false;    // the client uses TLS; from X-Forwarded-Proto behind trusted proxies
  std::string key_name;  // name of the API key; empty if none was needed

  // The value of `{name}` in the route's pattern, which must have that name.
  std::string_view param(std::string_view name) const;
  // The first value of `name` in the query.
  std::optional<std::string_view> query_value(std::string_view name) const;
};

// "http://host:port" or "https://host:port", from the Host field; empty without one.
std::string origin_of(const Request& request);

// A whole number from the query, or `fallback` if it is absent. kInvalidArgument outside `min` to
// `max`: "limit must be a whole number from 1 to 1000, not 0".
Result<long long> whole_number(const Request& request, std::string_view name, long long min,
                               long long max, long long fallback);

// A client's value for use in a message: at most 60 bytes, on one line.
std::string excerpt(std::string_view value);

}  // namespace classifier::http
