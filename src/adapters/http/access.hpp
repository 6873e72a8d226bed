// Who may call, and how often: API keys, rates, proxies in front, and pages of other origins
// (CORS).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/access/key_ring.hpp"
#include "adapters/http/rate_limiter.hpp"
#include "adapters/http/request.hpp"
#include "adapters/http/response.hpp"
#include "domain/access.hpp"
#include "domain/ip_network.hpp"

namespace classifier::http {

struct AccessOptions {
  std::shared_ptr<KeyRing> keys;             // null: everybody may call
  std::vector<std::string> allowed_origins;  // "https://page.example", or "*" for all
  std::vector<IpNetwork> trusted_proxies;    // whose X-Forwarded fields are believed
  // Requests a second, of each key and of each address; twice as many may come at once. 0: any.
  double rate_of_key = 0;
  double rate_of_address = 0;
};

// Thread-safe.
class Access {
 public:
  explicit Access(AccessOptions options = {});

  // Sets the request's peer and https, which are the proxy's words where a trusted one sent it.
  // `peer` is the address at the other end of the connection, `tls` whether that is encrypted.
  void identify(Request& request, std::string_view peer, bool tls) const;

  // 429 where the client's address calls more often than it may. Otherwise nullopt.
  std::optional<Response> check_rate(const Request& request) const;

  // The key is in X-API-Key, or in Authorization as a Bearer token. 401 without one and for a
  // wrong one, 403 where its role may not do this, 429 where it, or an address with wrong keys,
  // comes too often; nullopt when the call is allowed, and the request then names the key.
  std::optional<Response> check_key(Request& request, Role needed) const;

  // Whether this is a browser's question before a call from another origin.
  static bool is_preflight(const Request& request);
  Response preflight(const Request& request, std::string_view allowed_methods) const;

  // Adds what every answer has: that it is not to be run, framed, guessed at or kept by caches that
  // several people share, and who may read it. `page`: it is part of a page of this server.
  void add_headers(const Request& request, Response& response, bool page) const;

 private:
  bool allows_origin(std::string_view origin) const;
  void add_cors(const Request& request, Response& response) const;

  std::shared_ptr<KeyRing> keys_;
  std::vector<std::string> origins_;
  bool any_origin_ = false;
  std::vector<IpNetwork> proxies_;
  std::unique_ptr<RateLimiter> of_key_;
  std::unique_ptr<RateLimiter> of_address_;
  std::unique_ptr<RateLimiter> wrong_keys_;
};

// The client's X-Request-Id where it is 1 to 128 of [A-Za-z0-9._-]; otherwise a new one.
std::string request_id(std::string_view given);

}  // namespace classifier::http
