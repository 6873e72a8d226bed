#include "adapters/http/request_head.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "adapters/http/access.hpp"

namespace classifier::http {
namespace {

// Sets the path and the query from the request's target; false if that is not valid.
bool parse_target(std::string_view target, Request& request) {
  // The absolute form, which is sent to proxies. Its host counts, not that of the field.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t path = std::min(target.find('/', scheme.size()), target.size());
    request.headers.set("Host", target.substr(scheme.size(), path - scheme.size()));
    target = path == target.size() ? "/" : target.substr(path);
  }
  const auto url = boost::urls::parse_origin_form({target.data(), target.size()});
  if (!url) return false;
  const std::string_view path(url->encoded_path().data(), url->encoded_path().size());
  request.path = path;
  for (const auto& param : url->params()) {
    // The library decodes "+" to a space, as forms encode it.
    request.query.emplace_back(std::string(param.key), std::string(param.value));
  }
  return true;
}

}  // namespace

std::string url_too_long(std::size_t max_bytes) {
  return fmt::format("the URL is too long: at most {} bytes are allowed", max_bytes);
}

RequestHead read_head(const RequestParser::value_type& message, std::size_t url_bytes,
                      Request& request) {
  namespace beast_http = boost::beast::http;
  request.method = message.method_string();
  int hosts = 0;
  bool other_coding = false;
  for (const auto& field : message) {
    const std::string_view name(field.name_string().data(), field.name_string().size());
    const std::string_view value(field.value().data(), field.value().size());
    request.headers.add(name, value);
    if (field.name() == beast_http::field::host) ++hosts;
    if (field.name() == beast_http::field::transfer_encoding)
      other_coding = other_coding || !equal_ignoring_case(value, "chunked");
  }
  request.id = request_id(request.headers.get("X-Request-Id"));
  RequestHead head;
  head.http11 = message.version() == 11;
  head.keep_alive = message.keep_alive();
  const auto refuse = [&](int status, std::string text) {
    head.refusal = Refusal{status, std::move(text)};
    return head;
  };
  if (hosts > 1 || (hosts == 0 && head.http11))
    return refuse(400, "the request must have one Host field");
  if (other_coding) {
    return refuse(501,
                  "this Transfer-Encoding is not supported: send the body without one, or chunked");
  }
  const std::string_view target(message.target().data(), message.target().size());
  if (target.size() > url_bytes) {
    return refuse(414, url_too_long(url_bytes));
  }
  head.asks_server = target == "*" && request.method == "OPTIONS";
  if (head.asks_server) return head;
  if (!parse_target(target, request)) {
    return refuse(400,
                  "the URL is not valid: percent-encode everything but letters, digits and -._~");
  }
  const std::string_view expect = request.headers.get("Expect");
  head.wants_continue = equal_ignoring_case(expect, "100-continue") && head.http11;
  if (!expect.empty() && !head.wants_continue)
    return refuse(417, "Expect has a value other than 100-continue");
  return head;
}

bool has_folded_line(std::string_view header) {
  return header.find("\n ") != std::string_view::npos ||
         header.find("\n\t") != std::string_view::npos;
}

}  // namespace classifier::http
