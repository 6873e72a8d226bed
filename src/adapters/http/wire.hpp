// Answers as they are sent. Internal to the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/response.hpp"

namespace classifier::http {

struct Framing {
  std::optional<std::uint64_t> length;  // Content-Length
  bool chunked = false;
  bool keep_alive = true;
  bool http11 = true;
};

// Status line, header fields and the empty line after them. Control characters in values become
// spaces, so that no value can add a field.
std::string head_of(const Response& response, const Framing& framing);

// One chunk of a chunked body.
std::string chunk_of(std::string_view data);
constexpr std::string_view kLastChunk = "0\r\n\r\n";

// An event of an event stream, with a data line for each line of its data.
std::string text_of(const Event& event);

// The time now, such as "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date();

}  // namespace classifier::http
