// From the parser's header of a request to a Request. Internal to the server.
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
  bool asks_server = false;        // OPTIONS *, which has no path
  std::optional<Refusal> refusal;  // answer, and close the connection
};

// Fills method, path, query, headers and id of `request`. The path is percent-encoded, and begins
// with a slash unless the request is refused or asks_server. A URL of more than `url_bytes` is
// refused.
RequestHead read_head(const RequestParser::value_type& message, std::size_t url_bytes,
                      Request& request);

// The message of a 414.
std::string url_too_long(std::size_t max_bytes);

// Whether the header has a line that begins with white space. Some programs add such a line to the
// field before it, others read it as a field, so a proxy and this server could see different
// requests. RFC 9112, section 5.2, lets servers refuse it.
bool has_folded_line(std::string_view header);

}  // namespace classifier::http
