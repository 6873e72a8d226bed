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
  std::string method;  // in capitals; a HEAD of a GET route comes as "HEAD"
  std::string path;    // as it was sent, percent-encoded, without the query
  std::vector<std::pair<std::string, std::string>> query;   // decoded, in order
  std::vector<std::pair<std::string, std::string>> params;  // of the route's pattern, decoded
  Headers headers;
  std::string body;      // empty on upload routes, whose bodies are streamed
  std::string id;        // X-Request-Id of the client, or made here
  std::string peer;      // the client's address; behind trusted proxies, as they tell it
  bool https = false;    // on the client's side, likewise
  std::string key_name;  // of the API key that let it in; empty where none was needed

  // The value of `{name}` in the route's pattern. The name is one of the pattern's.
  std::string_view param(std::string_view name) const;
  // The first `name=` of the query.
  std::optional<std::string_view> query_value(std::string_view name) const;
};

// "http://host:port" as the client wrote it, or "https://…"; empty without a Host field.
std::string origin_of(const Request& request);

// A whole number of the query between `min` and `max`, or `fallback` when it is absent.
// kInvalidArgument: "limit must be a whole number from 1 to 1000, not 0".
Result<long long> whole_number(const Request& request, std::string_view name, long long min,
                               long long max, long long fallback);

// What is left of a value from outside when a sentence repeats it: at most 60 bytes, on one line.
std::string excerpt(std::string_view value);

}  // namespace classifier::http
