// What a call to AWS can fail with.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "domain/error.hpp"

namespace classifier::aws {

// Codes of failures that no service reported.
inline constexpr std::string_view kNoCredentialsCode = "NoCredentials";
inline constexpr std::string_view kConnectionFailedCode = "ConnectionFailed";
inline constexpr std::string_view kTimedOutCode = "TimedOut";
inline constexpr std::string_view kResponseTooLargeCode = "ResponseTooLarge";
inline constexpr std::string_view kStoppedCode = "Stopped";

struct AwsError {
  std::string service;    // "dynamodb"
  std::string operation;  // "PutItem"
  int status = 0;         // of HTTP; 0 without an answer
  std::string code;  // AWS's own, such as "ConditionalCheckFailedException", or one of those above
  std::string message;  // AWS's own, or what happened
  std::string request_id;
  std::string body;  // of the answer, such as for CancellationReasons
  ErrorCode kind = ErrorCode::kInternal;
  std::string context;  // set by the caller: what is meant and what to check, such as
                        // "the queue … of REQUEST_QUEUE_URL"
};

// One sentence: "DynamoDB PutItem failed: AccessDeniedException: … (request id …)", the context,
// and what to do for the usual ones. Its code is `kind`.
Error to_error(const AwsError& error);

// The error as a call of the running service gives it: wrong credentials, rights and names of
// tables, buckets and queues are no fault of whoever asks the service, and somebody will mend them,
// so they become kUnavailable with the same sentence. Only pings tell them apart, for the check at
// the start.
Error at_run_time(Error error);

// Reads the answer to a failed call: JSON of DynamoDB and SQS, XML of S3, or none (HEAD), where the
// code comes from the status. Header names are in lower case.
AwsError parse_error(std::string_view service, std::string_view operation, int status,
                     const std::map<std::string, std::string>& headers, std::string body);

// The id by which AWS's support finds a call; empty without one.
std::string request_id_of(const std::map<std::string, std::string>& headers);

// Whether the service asks for fewer requests.
bool is_throttling(const AwsError& error);
// Whether it said that the credentials are expired or unknown, so that fresh ones may help.
bool is_stale_credentials(const AwsError& error);
// Whether it may have refused the signature for its time.
bool is_about_time(const AwsError& error);

}  // namespace classifier::aws
