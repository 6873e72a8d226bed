// Addresses that people configure.
#pragma once

#include <optional>
#include <string>

namespace classifier::aws {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // without port; an IPv6 address in brackets
  std::string port;    // empty where it is the scheme's own
  std::string path;    // percent-encoded, begins with a slash
  std::string query;

  std::string host_and_port() const { return port.empty() ? host : host + ":" + port; }
};

// nullopt for anything but http(s)://host[:port][/path][?query], such as one with a user's name.
std::optional<Url> parse_url(const std::string& text);

}  // namespace classifier::aws
