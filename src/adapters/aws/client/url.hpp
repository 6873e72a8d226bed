// URLs in the configuration.
#pragma once

#include <optional>
#include <string>

namespace classifier::aws {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // without port; an IPv6 address in brackets
  std::string port;    // empty for the scheme's default
  std::string path;    // percent-encoded, begins with a slash
  std::string query;

  std::string host_and_port() const { return port.empty() ? host : host + ":" + port; }
};

// nullopt where the text is not http(s)://host[:port][/path][?query]. User names and fragments are
// not accepted.
std::optional<Url> parse_url(const std::string& text);

}  // namespace classifier::aws
