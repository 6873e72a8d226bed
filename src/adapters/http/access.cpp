#include "adapters/http/access.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier::http {
namespace {

// The dashboard connects to any backend that its user names, so connections and images are not
// limited to this origin; scripts and styles are.
constexpr std::string_view kPagePolicy =
    "default-src 'self'; object-src 'none'; frame-src 'none'; img-src * blob: data:; connect-src "
    "*; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";
// Everything else is data: nothing in it may run, even if it is opened as a page.
constexpr std::string_view kDataPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";
constexpr std::string_view kExposedHeaders = "ETag, Location, Retry-After, X-Request-Id";
constexpr std::string_view kDefaultRequestHeaders =
    "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-Id";
constexpr std::string_view kOneYear = "max-age=31536000";

// A burst may have as many requests as these seconds allow.
constexpr double kBurstSeconds = 2;
constexpr double kWrongKeys = 10;
constexpr double kWrongKeysSeconds = 60;

std::string_view key_of(const Request& request) {
  const std::string_view key = request.headers.get("X-API-Key");
  if (!key.empty()) return key;
  constexpr std::string_view kScheme = "bearer ";
  std::string_view authorization = request.headers.get("Authorization");
  if (authorization.size() <= kScheme.size() ||
      !equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  authorization.remove_prefix(kScheme.size());
  return authorization.substr(std::min(authorization.find_first_not_of(' '), authorization.size()));
}

Response unauthorized(std::string_view message) {
  Response response = error_response(401, message);
  response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

Response too_often(std::string_view what, RateLimiter::Wait wait) {
  const double exact = std::chrono::duration<double>(wait).count();
  const long seconds = std::max(1L, std::lround(std::ceil(exact)));
  Response response = error_response(
      429, fmt::format("{}: try again in {} second{}", what, seconds, seconds == 1 ? "" : "s"));
  response.headers.set("Retry-After", std::to_string(seconds));
  return response;
}

std::unique_ptr<RateLimiter> limiter(double per_second) {
  return std::make_unique<RateLimiter>(per_second, std::max(1.0, kBurstSeconds * per_second));
}

// The client's address, or the IPv6 network whose addresses share one limit.
std::string subject_of_peer(const Request& request) {
  const auto address = parse_ip(request.peer);
  return address ? to_string(subject_of(*address)) : request.peer;
}

// The addresses in X-Forwarded-For, the client's first; nullopt if one is not valid.
std::optional<std::vector<IpAddress>> forwarded_for(const Headers& headers) {
  std::vector<IpAddress> addresses;
  for (const auto& [name, value] : headers) {
    if (!equal_ignoring_case(name, "X-Forwarded-For")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const auto address = parse_ip(trim(rest.substr(0, comma)));
      if (!address) return std::nullopt;
      addresses.push_back(*address);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return addresses;
}

// "example.org" of "Example.org.:8080".
std::string name_of_host(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  // A colon before the closing bracket belongs to an IPv6 address.
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos)
    host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  return to_lower(host);
}

// A name that is always loopback (RFC 6761), or an address, which needs no name server.
bool is_this_machine(std::string_view host) {
  const std::string name = name_of_host(host);
  return name == "localhost" || name.ends_with(".localhost") || parse_ip(name);
}

// "https://photos.example" of "https://Photos.example/app".
std::string origin_of_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  return to_lower(url.substr(0, url.find('/', scheme + 3)));
}

std::string_view host_of_origin(std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

bool may_change_something(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

}  // namespace

Access::Access(AccessOptions options)
    : keys_(std::move(options.keys)),
      proxies_(std::move(options.trusted_proxies)),
      of_key_(limiter(options.rate_of_key)),
      of_address_(limiter(options.rate_of_address)),
      wrong_keys_(std::make_unique<RateLimiter>(kWrongKeys / kWrongKeysSeconds, kWrongKeys)) {
  for (auto& origin : options.allowed_origins) {
    while (origin.ends_with('/')) origin.pop_back();
    if (origin == "*") any_origin_ = true;
    origins_.push_back(to_lower(origin));
  }
  own_origin_ = origin_of_url(options.public_base_url);
  for (const auto& host : options.allowed_hosts) {
    if (host == "*") any_host_ = true;
    hosts_.push_back(name_of_host(host));
  }
  if (!own_origin_.empty()) hosts_.push_back(name_of_host(host_of_origin(own_origin_)));
}

void Access::identify(Request& request, std::string_view peer, bool tls) const {
  request.peer = peer;
  request.https = tls;
  const auto address = parse_ip(peer);
  if (proxies_.empty() || !address || !any_contains(proxies_, *address)) return;
  // Each proxy adds the address of its client at the right. From the right, the first address that
  // is no trusted proxy is the client: what stands left of it may be forged.
  const std::string proto = to_lower(request.headers.get("X-Forwarded-Proto"));
  if (!proto.empty()) request.https = proto == "https";
  const auto chain = forwarded_for(request.headers);
  if (!chain) return;
  for (auto hop = chain->rbegin(); hop != chain->rend(); ++hop) {
    request.peer = to_string(*hop);
    if (!any_contains(proxies_, *hop)) return;
  }
}

std::optional<Response> Access::check_rate(const Request& request) const {
  const auto wait = of_address_->take(subject_of_peer(request), std::chrono::steady_clock::now());
  if (wait == RateLimiter::Wait{0}) return std::nullopt;
  return too_often("too many requests came from your address", wait);
}

bool Access::is_own_host(std::string_view host) const {
  return any_host_ || is_this_machine(host) ||
         std::ranges::find(hosts_, name_of_host(host)) != hosts_.end();
}

bool Access::is_own_origin(std::string_view origin, std::string_view host) const {
  return equal_ignoring_case(host_of_origin(origin), host) ||
         (!own_origin_.empty() && equal_ignoring_case(origin, own_origin_));
}

std::optional<Response> Access::check_page(const Request& request) const {
  const bool keys = keys_ && keys_->in_force();
  // Browsers always send it.
  const std::string_view host = request.headers.get("Host");
  if (!keys && !host.empty() && !is_own_host(host)) {
    return error_response(
        421, fmt::format("this server does not answer as {}: open it as localhost or by its "
                         "address, add the name to ALLOWED_HOSTS, or set up API keys",
                         excerpt(host)));
  }
  if (!may_change_something(request.method)) return std::nullopt;
  const std::string_view origin = request.headers.get("Origin");
  const std::string site = to_lower(request.headers.get("Sec-Fetch-Site"));
  const bool foreign = origin.empty() ? site == "cross-site" || site == "same-site"
                                      : !is_own_origin(origin, host) && !allows_origin(origin);
  if (!foreign) return std::nullopt;
  return error_response(403,
                        fmt::format("pages from {} may not change anything here: add the origin to "
                                    "ALLOWED_ORIGINS",
                                    origin.empty() ? "other origins" : excerpt(origin)));
}

std::optional<Response> Access::check_key(Request& request, Role needed) const {
  if (!keys_ || !keys_->in_force()) return std::nullopt;
  const std::string_view key = key_of(request);
  if (key.empty())
    return unauthorized("an API key is needed: send it as X-API-Key, or as Authorization: Bearer");
  // Before the key is checked, or a client over the limit could still find a valid key.
  const std::string subject = subject_of_peer(request);
  const auto now = std::chrono::steady_clock::now();
  if (const auto wait = wrong_keys_->look(subject, now); wait != RateLimiter::Wait{0})
    return too_often("too many wrong API keys came from your address", wait);
  const auto owner = keys_->find(key);
  if (!owner) {
    wrong_keys_->take(subject, now);
    spdlog::warn("request {}: a wrong API key from {}", request.id, request.peer);
    return unauthorized(owner.error().message);
  }
  request.key_name = owner->name;
  if (const auto wait = of_key_->take(owner->name, now); wait != RateLimiter::Wait{0})
    return too_often("too many requests came with this API key", wait);
  if (owner->role >= needed) return std::nullopt;
  return error_response(403,
                        fmt::format("this needs an API key with the role {}; yours has the role {}",
                                    to_string(needed), to_string(owner->role)));
}

bool Access::is_preflight(const Request& request) {
  return request.method == "OPTIONS" && request.headers.has("Origin") &&
         request.headers.has("Access-Control-Request-Method");
}

bool Access::allows_origin(std::string_view origin) const {
  return any_origin_ || std::ranges::find(origins_, to_lower(origin)) != origins_.end();
}

Response Access::preflight(const Request& request, std::string_view allowed_methods) const {
  const std::string_view origin = request.headers.get("Origin");
  if (!allows_origin(origin)) {
    return error_response(
        403,
        fmt::format("pages from {} may not call this server: add the origin to ALLOWED_ORIGINS",
                    excerpt(origin)));
  }
  Response response;
  response.status = 204;
  response.headers.add("Access-Control-Allow-Methods", allowed_methods);
  const std::string_view wanted = request.headers.get("Access-Control-Request-Headers");
  response.headers.add("Access-Control-Allow-Headers",
                       wanted.empty() ? kDefaultRequestHeaders : wanted);
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

// Never Access-Control-Allow-Credentials: a page sends the API key in a header that it sets itself.
void Access::add_cors(const Request& request, Response& response) const {
  if (origins_.empty()) return;
  // So that caches keep an answer for each origin.
  if (!any_origin_) response.headers.add("Vary", "Origin");
  const std::string_view origin = request.headers.get("Origin");
  if (origin.empty() || !allows_origin(origin)) return;
  response.headers.add("Access-Control-Allow-Origin", any_origin_ ? "*" : origin);
  response.headers.add("Access-Control-Expose-Headers", kExposedHeaders);
}

void Access::add_headers(const Request& request, Response& response, bool page) const {
  Headers& headers = response.headers;
  headers.add("X-Content-Type-Options", "nosniff");
  headers.add("Referrer-Policy", "no-referrer");
  headers.add("Content-Security-Policy", page ? kPagePolicy : kDataPolicy);
  if (page) headers.add("Cross-Origin-Opener-Policy", "same-origin");
  // Other ports of this host are the same site: the page may be served from one.
  headers.add("Cross-Origin-Resource-Policy", origins_.empty() ? "same-site" : "cross-origin");
  if (!headers.has("Cache-Control")) headers.add("Cache-Control", "no-store");
  if (!page && keys_ && keys_->in_force()) headers.add("Vary", "Authorization, X-API-Key");
  if (request.https && !is_this_machine(request.headers.get("Host")))
    headers.add("Strict-Transport-Security", kOneYear);
  add_cors(request, response);
}

std::string request_id(std::string_view given) {
  constexpr std::size_t kMax = 128;
  const bool usable =
      !given.empty() && given.size() <= kMax && std::ranges::all_of(given, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
      });
  return usable ? std::string(given) : random_hex(16);
}

}  // namespace classifier::http
