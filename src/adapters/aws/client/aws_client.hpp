// Calls to AWS: signed, sent in parallel, and tried again where that can help.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/client/aws_error.hpp"
#include "adapters/aws/client/credentials.hpp"
#include "adapters/aws/client/endpoint.hpp"
#include "adapters/aws/client/sigv4.hpp"
#include "ports/clock.hpp"
#include "ports/metrics.hpp"

namespace classifier::aws {

// May be sent more than once: after a time-out, a broken connection or a 5xx nobody knows whether
// the service has acted.
struct AwsRequest {
  std::string service;    // "s3", "sqs", "dynamodb"
  std::string operation;  // "PutObject": for metrics and messages
  std::string method = "POST";
  std::string path = "/";  // percent-encoded once (see percent_encode), begins with a slash
  Pairs query;             // not encoded
  Pairs headers;           // extra, such as X-Amz-Target; all are signed
  std::string body;
  std::string bucket;  // S3 only: decides the host or the first part of the path
  // kTooLarge beyond it, told by Content-Length before the bytes are read where possible; nullopt:
  // AwsClientOptions::max_response_bytes
  std::optional<std::uint64_t> max_response_bytes;
  std::chrono::milliseconds extra_time{0};  // added to the time-out: long polling
};

struct AwsResponse {
  int status = 0;  // 2xx or 304
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case; of repeated ones the last
  std::string request_id;
};

using AwsResult = std::expected<AwsResponse, AwsError>;

struct AwsClientOptions {
  std::size_t max_connections = 64;  // at once; further requests wait for one
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds timeout{20'000};   // of one attempt, without the wait for a connection
  int max_attempts = 5;                        // the first included
  std::chrono::milliseconds base_backoff{50};  // doubles; the wait is random below it
  std::chrono::milliseconds throttled_base_backoff{500};  // where the service asks for less
  std::chrono::milliseconds max_backoff{5'000};           // also the longest Retry-After obeyed
  int retry_budget = 500;  // a retry takes 5, after a time-out 10; a call that succeeds gives 1
  std::uint64_t max_response_bytes = 16ULL << 20;
  std::string ca_bundle;  // file; empty: the system's, or AWS_CA_BUNDLE in make_aws_client
};

struct PresignRequest {
  std::string method = "PUT";
  std::string bucket;
  std::string key;           // not encoded
  std::string content_type;  // signed, so that it must be sent as it is; empty: none
  std::chrono::seconds validity{3'600};
};

// Thread-safe. One thread of its own moves the bytes; calls wait in the caller's.
class AwsClient {
 public:
  // `clock` and `observer`, which may be null, outlive the client.
  AwsClient(std::shared_ptr<CredentialsSource> credentials, Endpoints endpoints, const Clock& clock,
            AwsClientOptions options = {}, CallObserver* observer = nullptr);
  // As stop. No call may run any more.
  ~AwsClient();
  AwsClient(const AwsClient&) = delete;
  AwsClient& operator=(const AwsClient&) = delete;

  AwsResult call(AwsRequest request);
  // In parallel; answers in the order of the requests.
  std::vector<AwsResult> call_all(std::vector<AwsRequest> requests);

  // A URL with which anybody may do one thing with one object of S3 for a while.
  std::expected<std::string, AwsError> presign(const PresignRequest& request);

  // Ends running calls, and all later ones, with kStoppedCode.
  void stop();

  const std::string& region() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// With region, endpoints and credentials from the environment, as the AWS tools find them.
// kInvalidArgument without a region or for a bad endpoint. Credentials are looked for by the first
// call.
Result<std::unique_ptr<AwsClient>> make_aws_client(
    const Clock& clock, AwsClientOptions options = {}, CallObserver* observer = nullptr,
    const Environment& environment = process_environment());

}  // namespace classifier::aws
