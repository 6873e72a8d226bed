// Signature Version 4: how requests to AWS prove who sends them.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/aws/client/credentials.hpp"
#include "domain/time.hpp"

namespace classifier::aws {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Stands for the hash of a body that is not signed; S3 alone takes it.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct SignableRequest {
  std::string method;
  std::string host;  // as the Host field has it: with the port where it is not the scheme's own
  std::string path;  // as it is sent: percent-encoded once, begins with a slash
  Pairs query;       // not encoded
  Pairs headers;     // signed, all of them; without Host
};

struct SigningKey {
  Credentials credentials;
  std::string region;
  std::string service;  // "s3" has rules of its own: paths are neither normalized nor encoded again
};

// Everything here is a pure function of its arguments.

// The header fields to send beside those of the request: X-Amz-Date, Authorization,
// X-Amz-Security-Token where there is a session token, and x-amz-content-sha256 for S3.
// `payload_hash` is sha256_hex of the body, or kUnsignedPayload.
Pairs sign_headers(const SignableRequest& request, std::string_view payload_hash,
                   const SigningKey& key, TimePoint now);

// The encoded query, the request's own parameters included, of a URL that is valid for `validity`
// (AWS allows up to seven days) from `now`. Who uses the URL must send the request's headers.
std::string presign_query(const SignableRequest& request, const SigningKey& key, TimePoint now,
                          std::chrono::seconds validity);

// "a=1&b=%20": encoded, in the order that is signed; the one to send.
std::string canonical_query(const Pairs& query);

}  // namespace classifier::aws
