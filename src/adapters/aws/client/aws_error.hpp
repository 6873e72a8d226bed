// Errors of calls to AWS.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "domain/error.hpp"

namespace classifier::aws {

// Codes of failures that are not an answer of a service.
inline constexpr std::string_view kNoCredentialsCode = "NoCredentials";
inline constexpr std::string_view kConnectionFailedCode = "ConnectionFailed";
inline constexpr std::string_view kTimedOutCode = "TimedOut";
inline constexpr std::string_view kResponseTooLargeCode = "ResponseTooLarge";
inline constexpr std::string_view kStoppedCode = "Stopped";

struct AwsError {
  std::string service;    // "dynamodb"
  std::string operation;  // "PutItem"
  int status = 0;         // HTTP status; 0 without an answer
  std::string code;       // AWS's, such as "ConditionalCheckFailedException", or one of those above
  std::string message;    // AWS's, or what happened
  std::string request_id;
  std::string body;  // of the answer; contains details such as CancellationReasons
  ErrorCode kind = ErrorCode::kInternal;
  std::string context;  // set by the caller: what to check, "the queue … of REQUEST_QUEUE_URL"
};

// An Error with the code `kind` and one sentence: "DynamoDB PutItem failed: AccessDeniedException:
// … (request id …)", the context, and for common errors what to do.
Error to_error(const AwsError& error);

// The error as the running service returns it. Wrong credentials, permissions, and names of tables,
// buckets or queues are faults of the installation, not of a client's request, and can be
// corrected; so they become kUnavailable, with the same message. Only ping() keeps their codes, for
// the check at the start.
Error at_run_time(Error error);

// Reads the answer to a failed call: JSON (DynamoDB, SQS) or XML (S3). Without either, as for HEAD,
// the status gives the code. Header names are in lower case.
AwsError parse_error(std::string_view service, std::string_view operation, int status,
                     const std::map<std::string, std::string>& headers, std::string body);

// The id by which AWS support identifies a call; empty without one.
std::string request_id_of(const std::map<std::string, std::string>& headers);

// Whether the service throttles.
bool is_throttling(const AwsError& error);
// Whether the credentials are expired or unknown, so that new ones may help.
bool is_stale_credentials(const AwsError& error);
// Whether the service may have rejected the signature because of its time.
bool is_about_time(const AwsError& error);

}  // namespace classifier::aws
