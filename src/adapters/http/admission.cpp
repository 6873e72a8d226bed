#include "adapters/http/admission.hpp"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "adapters/http/request_log.hpp"

namespace classifier::http {
namespace {

// The path has routes, but none for this method.
Response other_method(const Access& access, const Request& request, const std::string& allowed) {
  Response response;
  if (Access::is_preflight(request)) {
    response = access.preflight(request, allowed);
  } else if (request.method == "OPTIONS") {
    response.status = 204;
  } else {
    response = error_response(
        405, fmt::format("{} is not allowed here; allowed: {}", excerpt(request.method), allowed));
  }
  response.headers.add("Allow", allowed);
  return response;
}

void check_key(const Site& site, Exchange& exchange) {
  if (!exchange.options().needs_key) return;
  exchange.response = site.access->check_key(exchange.request, role_of(*exchange.match.route));
  // The caller is known, and tried what the key's role does not allow.
  if (exchange.response && exchange.response->status == 403)
    audit_request(exchange, site.audit.get());
}

void check_length(const RequestParser& parser, Exchange& exchange) {
  const std::uint64_t max = exchange.options().max_body;
  const auto length = parser.content_length();
  if (length && *length > max) {
    exchange.reject(
        413, fmt::format("the body has {} bytes; at most {} are allowed here", *length, max));
  } else if (exchange.match.route->uploads && !length && !parser.chunked()) {
    exchange.reject(411, "the request needs a Content-Length");
  }
}

}  // namespace

void admit(const Site& site, const RequestParser& parser, Exchange& exchange) {
  Request& request = exchange.request;
  RouteMatch& match = exchange.match;
  match = site.router->match(request.method, request.path);
  if (exchange.options().limited) exchange.response = site.access->check_rate(request);
  if (!exchange.response) exchange.response = site.access->check_page(request);
  if (exchange.response) return;
  switch (match.outcome) {
    case RouteMatch::Outcome::kOtherMethod:
      exchange.response = other_method(*site.access, request, match.allowed);
      return;
    case RouteMatch::Outcome::kUnknownPath:
      exchange.response =
          error_response(404, fmt::format("there is nothing at {}", excerpt(request.path)));
      return;
    case RouteMatch::Outcome::kBadPath:
      return exchange.reject(400, "the URL's path is not UTF-8, or has a zero byte");
    case RouteMatch::Outcome::kFound:
      break;
  }
  request.params = std::move(match.params);
  check_key(site, exchange);
  if (!exchange.response) check_length(parser, exchange);
}

}  // namespace classifier::http
