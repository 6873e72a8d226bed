// Signature Version 4, which authenticates requests to AWS.
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

// In place of the hash of a body that is not signed; only S3 accepts it.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct SignableRequest {
  std::string method;
  std::string host;  // as in the Host field: with the port where it is not the scheme's default
  std::string path;  // as sent: percent-encoded once, begins with a slash
  Pairs query;       // not encoded
  Pairs headers;     // without Host; all are signed
};

struct SigningKey {
  Credentials credentials;
  std::string region;
  std::string service;  // for "s3", paths are neither normalized nor encoded a second time
};

// All functions below are pure.

// The header fields to add to those of the request: X-Amz-Date, Authorization,
// X-Amz-Security-Token where there is a session token, and x-amz-content-sha256 for S3.
// `payload_hash` is sha256_hex of the body, or kUnsignedPayload.
Pairs sign_headers(const SignableRequest& request, std::string_view payload_hash,
                   const SigningKey& key, TimePoint now);

// The encoded query, including the request's own parameters, of a URL that is valid from `now` for
// `validity` (at most seven days). Whoever uses the URL must send the request's headers.
std::string presign_query(const SignableRequest& request, const SigningKey& key, TimePoint now,
                          std::chrono::seconds validity);

// "a=1&b=%20": encoded and sorted, as it must be signed and sent.
std::string canonical_query(const Pairs& query);

}  // namespace classifier::aws
