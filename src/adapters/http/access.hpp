// Who may call: API keys, and pages of other origins (CORS).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/http/request.hpp"
#include "adapters/http/response.hpp"

namespace classifier::http {

struct AccessOptions {
  std::vector<std::string> api_keys;         // none: everybody may call
  std::vector<std::string> allowed_origins;  // "https://page.example", or "*" for all
};

// Immutable, thread-safe.
class Access {
 public:
  explicit Access(AccessOptions options = {});

  // The key is in X-API-Key, or in Authorization as a Bearer token. 401 without one, 403 for a
  // wrong one; nullopt when the call is allowed. Takes the same time for every wrong key.
  std::optional<Response> check_key(const Request& request) const;

  // Whether this is a browser's question before a call from another origin.
  static bool is_preflight(const Request& request);
  Response preflight(const Request& request, std::string_view allowed_methods) const;

  // Lets a page of an allowed origin read the answer.
  void add_cors(const Request& request, Response& response) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest_of(std::string_view key);
  bool allows_origin(std::string_view origin) const;

  std::vector<Digest> keys_;
  std::vector<std::string> origins_;
  bool any_origin_ = false;
};

// Headers that every answer has; pages get the content security policy too.
void add_security_headers(Response& response, bool page);

// The client's X-Request-Id where it is 1 to 128 of [A-Za-z0-9._-]; otherwise a new one.
std::string request_id(std::string_view given);

}  // namespace classifier::http
