// Calls to AWS: signed, sent in parallel, and retried where that can help.
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
#include "adapters/aws/client/retry.hpp"
#include "adapters/aws/client/sigv4.hpp"
#include "ports/clock.hpp"
#include "ports/metrics.hpp"

namespace classifier::aws {

// May be sent more than once: after a timeout, a broken connection or a 5xx, it is unknown whether
// the service has executed the request.
struct AwsRequest {
  std::string service;    // "s3", "sqs", "dynamodb"
  std::string operation;  // "PutObject": for metrics and messages
  std::string method = "POST";
  std::string path = "/";  // percent-encoded once (see percent_encode), begins with a slash
  Pairs query;             // not encoded
  Pairs headers;           // extra, such as X-Amz-Target; all are signed
  std::string body;
  std::string bucket;  // S3 only: decides the host or the first part of the path
  // Larger answers are kTooLarge, without being read where Content-Length is given. nullopt:
  // AwsClientOptions::max_response_bytes.
  std::optional<std::uint64_t> max_response_bytes;
  std::chrono::milliseconds extra_time{0};  // added to the timeout, for long polling
  // For the whole call with its retries. nullopt: as AwsClientOptions has it.
  std::optional<std::chrono::milliseconds> patience;
};

struct AwsResponse {
  int status = 0;  // 2xx or 304
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case; the last of repeated fields
  std::string request_id;
};

using AwsResult = std::expected<AwsResponse, AwsError>;

struct AwsClientOptions {
  std::size_t max_connections = 64;  // at once; further requests wait for one
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds timeout{20'000};  // of an attempt, from when it has a connection
  int max_attempts = 5;                       // including the first
  std::chrono::milliseconds base_backoff{
      50};  // doubles with each attempt; the wait is random below
  std::chrono::milliseconds throttled_base_backoff{500};  // the same after throttling
  std::chrono::milliseconds max_backoff{5'000};           // also the longest Retry-After obeyed
  // For each service. A retry takes 5, or 10 after a timeout; a call that succeeds returns 1.
  int retry_budget = 500;
  std::shared_ptr<RetryBudgets> retry_budgets;  // of several clients; null: its own
  std::uint64_t max_response_bytes = 16ULL << 20;
  std::string ca_bundle;  // a file; empty: the system's (make_aws_client: AWS_CA_BUNDLE)
};

struct PresignRequest {
  std::string method = "PUT";
  std::string bucket;
  std::string key;                       // not encoded
  std::string content_type;              // signed, so clients must send the same; empty: none
  std::chrono::seconds validity{3'600};  // less where the credentials expire before
};

struct PresignedUrl {
  std::string url;
  std::chrono::seconds validity{0};
};

// For calls that only report the state of a service: somebody waits for the answer.
inline constexpr std::chrono::milliseconds kPatience{5'000};

// Thread-safe. A thread of its own does the transfers; the callers' threads wait.
class AwsClient {
 public:
  // `clock` and `observer` must outlive the client; `observer` may be null.
  AwsClient(std::shared_ptr<CredentialsSource> credentials, Endpoints endpoints, const Clock& clock,
            AwsClientOptions options = {}, CallObserver* observer = nullptr);
  // No call may be running.
  ~AwsClient();
  AwsClient(const AwsClient&) = delete;
  AwsClient& operator=(const AwsClient&) = delete;

  AwsResult call(AwsRequest request);
  // Sends all requests in parallel; results are in the order of the requests.
  std::vector<AwsResult> call_all(std::vector<AwsRequest> requests);

  // A URL that allows anyone one operation on one object of S3, for a limited time.
  std::expected<PresignedUrl, AwsError> presign(const PresignRequest& request);

  // Makes running calls, and all later ones, fail with kStoppedCode.
  void stop();

  const std::string& region() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A client with region, endpoints and credentials from where the AWS tools look for them.
// kInvalidArgument without a region, or for an invalid endpoint. Credentials are first needed, and
// looked for, by the first call.
Result<std::unique_ptr<AwsClient>> make_aws_client(
    const Clock& clock, AwsClientOptions options = {}, CallObserver* observer = nullptr,
    const Environment& environment = process_environment());

}  // namespace classifier::aws
