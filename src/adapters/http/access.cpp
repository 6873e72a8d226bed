#include "adapters/http/access.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier::http {
namespace {

// The dashboard talks to whatever backend its user names, so connections and images are not tied to
// this origin; scripts and styles are.
constexpr std::string_view kPagePolicy =
    "default-src 'self'; object-src 'none'; frame-src 'none'; img-src * blob: data:; connect-src "
    "*; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";
// Everything else is data: nothing in it may run, even when somebody opens it as a page.
constexpr std::string_view kDataPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";
constexpr std::string_view kExposedHeaders = "ETag, Location, Retry-After, X-Request-Id";
constexpr std::string_view kDefaultRequestHeaders =
    "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-Id";

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

}  // namespace

Access::Access(AccessOptions options) {
  for (const auto& key : options.api_keys) keys_.push_back(digest_of(key));
  for (auto& origin : options.allowed_origins) {
    while (origin.ends_with('/')) origin.pop_back();
    if (origin == "*") any_origin_ = true;
    origins_.push_back(to_lower(origin));
  }
}

Access::Digest Access::digest_of(std::string_view key) {
  Digest digest{};
  unsigned int size = 0;
  EVP_Digest(key.data(), key.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return digest;
}

std::optional<Response> Access::check_key(const Request& request) const {
  if (keys_.empty()) return std::nullopt;
  const std::string_view key = key_of(request);
  if (key.empty()) {
    Response response = error_response(
        401, "an API key is needed: send it as X-API-Key, or as Authorization: Bearer");
    response.headers.add("WWW-Authenticate", "Bearer");
    return response;
  }
  // Digests have one length, and every one is compared, so the time says nothing about the keys.
  const Digest given = digest_of(key);
  bool known = false;
  for (const Digest& digest : keys_)
    known |= CRYPTO_memcmp(given.data(), digest.data(), given.size()) == 0;
  if (known) return std::nullopt;
  return error_response(403, "this API key is not one of the server's");
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
    return error_response(403, "pages from " + excerpt(origin) +
                                   " may not call this server: add the origin to ALLOWED_ORIGINS");
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

void Access::add_cors(const Request& request, Response& response) const {
  if (origins_.empty()) return;
  // Caches keep the answers for different origins apart.
  if (!any_origin_) response.headers.add("Vary", "Origin");
  const std::string_view origin = request.headers.get("Origin");
  if (origin.empty() || !allows_origin(origin)) return;
  response.headers.add("Access-Control-Allow-Origin", any_origin_ ? "*" : origin);
  response.headers.add("Access-Control-Expose-Headers", kExposedHeaders);
}

void add_security_headers(Response& response, bool page) {
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Referrer-Policy", "no-referrer");
  response.headers.add("Content-Security-Policy", page ? kPagePolicy : kDataPolicy);
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
