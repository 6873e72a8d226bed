// Small requests to the services that give credentials, each over a connection of its own.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "domain/error.hpp"

namespace classifier::aws {

struct CredentialRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::chrono::milliseconds timeout{1'000};
  // A proxy could not reach the addresses of this machine and its network, and must not see their
  // credentials.
  bool through_proxy = false;
  std::string ca_bundle;  // a file; empty: the system's
};

struct CredentialAnswer {
  long status = 0;  // 0: no answer
  std::string body;
  std::string failure;
};

// Asks twice where there is no answer, or one of 500 or above.
CredentialAnswer ask(const CredentialRequest& request);

// kUnavailable where another try may succeed, otherwise kUnauthorized.
std::unexpected<Error> failure(const std::string& what, const CredentialAnswer& answer);

}  // namespace classifier::aws
