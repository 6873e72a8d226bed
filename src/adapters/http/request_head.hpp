// The request line and header fields of a request: from the parser's form into this program's.
// Internal to the server.
#pragma once

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/request.hpp"

namespace classifier::http {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

struct Refusal {
  int status = 400;
  std::string message;
};

struct RequestHead {
  bool http11 = true;
  bool keep_alive = true;
  bool wants_continue = false;
  bool asks_server = false;        // OPTIONS * is about the server, and has no path
  std::optional<Refusal> refusal;  // what follows cannot be told from the body: answer, and close
};

// Fills method, path, query, headers and id of `request`; the path is percent-encoded, and begins
// with a slash unless the request is refused or asks_server. `url_bytes`: 414 over it.
RequestHead read_head(const RequestParser::value_type& message, std::size_t url_bytes,
                      Request& request);

// The message of a 414.
std::string url_too_long(std::size_t max_bytes);

// Whether the header has a line that begins with a blank. It goes on with the field before it, or
// is a field of its own: programs do not agree, so that a proxy and this server might see different
// requests (RFC 9112, section 5.2, lets servers refuse it).
bool has_folded_line(std::string_view header);

}  // namespace classifier::http
