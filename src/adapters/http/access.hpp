// Who may call and how often: API keys, rate limits, trusted proxies, names of this server, and
// pages of other origins (CORS).
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
  std::shared_ptr<KeyRing> keys;             // null: no key is needed
  std::vector<std::string> allowed_origins;  // "https://page.example", or "*" for all
  // Names of this server that are answered without keys, besides loopback and addresses; "*": all.
  std::vector<std::string> allowed_hosts = {"*"};
  std::string public_base_url;             // its host and its origin are this server's, too
  std::vector<IpNetwork> trusted_proxies;  // whose X-Forwarded fields are used
  // Requests a second of each key and of each address, with bursts of twice as many. 0: no limit.
  double rate_of_key = 0;
  double rate_of_address = 0;
};

// Thread-safe.
class Access {
 public:
  explicit Access(AccessOptions options = {});

  // Sets `peer` and `https` of the request, from the X-Forwarded fields if a trusted proxy sent it.
  // The arguments are the address at the other end of the connection, and whether it is encrypted.
  void identify(Request& request, std::string_view peer, bool tls) const;

  // 429 if the client's address is over its rate limit, otherwise nullopt.
  std::optional<Response> check_rate(const Request& request) const;

  // Against pages in a user's browser. Without keys, 421 for a Host that is neither an address, nor
  // a loopback name, nor configured: a page whose name resolves to this machine is not its page.
  // 403 for what may change something and comes from a page of another origin that is not allowed.
  std::optional<Response> check_page(const Request& request) const;

  // Reads the key from X-API-Key, or from Authorization as a Bearer token. 401 for no key or a
  // wrong one; 403 if its role does not allow this; 429 if the key is over its rate limit, or too
  // many wrong keys came from the address. nullopt if the call is allowed; `key_name` is set then.
  std::optional<Response> check_key(Request& request, Role needed) const;

  // Whether this is a CORS preflight request.
  static bool is_preflight(const Request& request);
  Response preflight(const Request& request, std::string_view allowed_methods) const;

  // Adds the security, caching and CORS fields of every answer. `page`: it is part of a page of
  // this server.
  void add_headers(const Request& request, Response& response, bool page) const;

 private:
  bool is_own_host(std::string_view host) const;
  bool is_own_origin(std::string_view origin, std::string_view host) const;
  bool allows_origin(std::string_view origin) const;
  void add_cors(const Request& request, Response& response) const;

  std::shared_ptr<KeyRing> keys_;
  std::vector<std::string> origins_;
  bool any_origin_ = false;
  std::vector<std::string> hosts_;  // without ports
  bool any_host_ = false;
  std::string own_origin_;  // of public_base_url
  std::vector<IpNetwork> proxies_;
  std::unique_ptr<RateLimiter> of_key_;
  std::unique_ptr<RateLimiter> of_address_;
  std::unique_ptr<RateLimiter> wrong_keys_;
};

// `given` if it is 1 to 128 characters of [A-Za-z0-9._-], otherwise a new id.
std::string request_id(std::string_view given);

}  // namespace classifier::http
