#include "adapters/aws/client/aws_error.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <span>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "domain/text.hpp"
#include "support/response_head.hpp"

namespace classifier::aws {
namespace {

using Codes = std::span<const std::string_view>;

constexpr std::array<std::string_view, 17> kThrottling{"Throttling",
                                                       "ThrottlingException",
                                                       "ThrottledException",
                                                       "RequestThrottled",
                                                       "RequestThrottledException",
                                                       "TooManyRequests",
                                                       "TooManyRequestsException",
                                                       "ProvisionedThroughputExceededException",
                                                       "ProvisionedThroughputExceeded",
                                                       "ThrottlingError",
                                                       "RequestLimitExceeded",
                                                       "BandwidthLimitExceeded",
                                                       "LimitExceededException",
                                                       "SlowDown",
                                                       "PriorRequestNotComplete",
                                                       "EC2ThrottledException",
                                                       "KmsThrottlingException"};
constexpr std::array<std::string_view, 7> kStaleCredentials{"ExpiredToken",
                                                            "ExpiredTokenException",
                                                            "InvalidToken",
                                                            "TokenRefreshRequired",
                                                            "InvalidAccessKeyId",
                                                            "InvalidClientTokenId",
                                                            "UnrecognizedClientException"};
constexpr std::array<std::string_view, 7> kAboutTime{"RequestTimeTooSkewed",
                                                     "RequestExpired",
                                                     "RequestInTheFuture",
                                                     "InvalidSignatureException",
                                                     "AuthFailure",
                                                     "SignatureDoesNotMatch",
                                                     "Forbidden"};
constexpr std::array<std::string_view, 6> kBadSignature{
    "SignatureDoesNotMatch",      "InvalidSignatureException",
    "IncompleteSignature",        "IncompleteSignatureException",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException"};
constexpr std::array<std::string_view, 4> kDenied{"AccessDenied", "AccessDeniedException",
                                                  "AllAccessDisabled", "Forbidden"};
constexpr std::array<std::string_view, 7> kMissing{"NoSuchKey",
                                                   "NoSuchBucket",
                                                   "NotFound",
                                                   "ResourceNotFoundException",
                                                   "QueueDoesNotExist",
                                                   "QueueDoesNotExistException",
                                                   "AWS.SimpleQueueService.NonExistentQueue"};
constexpr std::array<std::string_view, 7> kConflicts{"ConditionalCheckFailedException",
                                                     "TransactionCanceledException",
                                                     "TransactionConflictException",
                                                     "IdempotentParameterMismatchException",
                                                     "PreconditionFailed",
                                                     "ConditionalRequestConflict",
                                                     "Conflict"};
constexpr std::array<std::string_view, 3> kOtherRegion{"PermanentRedirect", "TemporaryRedirect",
                                                       "AuthorizationHeaderMalformed"};

bool is_one_of(std::string_view code, Codes codes) {
  return std::ranges::find(codes, code) != codes.end();
}

constexpr std::size_t kMaxCode = 200;  // bytes of a code or a request id that are kept

ErrorCode kind_of(const AwsError& error) {
  const std::string& code = error.code;
  if (code == "ResponseTooLarge" || code == "EntityTooLarge" || error.status == 413)
    return ErrorCode::kTooLarge;
  if (is_throttling(error) || error.status == 0 || error.status == 429 || error.status >= 500 ||
      code == "RequestTimeout" || code == "TransactionInProgressException" ||
      code == "OperationAborted")
    return ErrorCode::kUnavailable;
  if (is_one_of(code, kMissing) || error.status == 404) return ErrorCode::kNotFound;
  if (is_one_of(code, kDenied)) return ErrorCode::kForbidden;
  if (is_stale_credentials(error) || is_one_of(code, kAboutTime) ||
      is_one_of(code, kBadSignature) || error.status == 401)
    return ErrorCode::kUnauthorized;
  if (is_one_of(code, kConflicts) || error.status == 409 || error.status == 412)
    return ErrorCode::kConflict;
  if (code == "OverLimit" || code == "ItemCollectionSizeLimitExceededException")
    return ErrorCode::kExhausted;
  return ErrorCode::kInvalidArgument;
}

// The code for an answer that has none, such as one to HEAD or one of a proxy.
std::string code_of_status(int status) {
  switch (status) {
    case 301:
      return "PermanentRedirect";
    case 307:
      return "TemporaryRedirect";
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 409:
      return "Conflict";
    case 412:
      return "PreconditionFailed";
    case 429:
      return "TooManyRequests";
    case 500:
      return "InternalError";
    case 503:
      return "ServiceUnavailable";
    default:
      return "Http" + std::to_string(status);
  }
}

// The start of a service's text, as part of a sentence.
std::string shortened(std::string_view text, std::size_t max_bytes) {
  return trim(one_line(utf8_prefix(text, max_bytes)));
}

// "ResourceNotFoundException" of "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException:http…"
std::string short_code(std::string_view code) {
  code = code.substr(0, code.find(':'));
  const std::size_t hash = code.rfind('#');
  if (hash != std::string_view::npos) code.remove_prefix(hash + 1);
  return shortened(code, kMaxCode);
}

void read_json(const nlohmann::json& body, AwsError& error) {
  error.code = short_code(text_field(body, "__type"));
  if (error.code.empty()) error.code = short_code(text_field(body, "code"));
  error.message = text_field(body, "message");
  if (error.message.empty()) error.message = text_field(body, "Message");
}

void read_xml(const pugi::xml_document& document, AwsError& error) {
  pugi::xml_node node = document.child("Error");
  // The form of AWS's query protocol, which gateways in front of SQS use.
  if (!node) node = document.child("ErrorResponse").child("Error");
  error.code = shortened(node.child_value("Code"), kMaxCode);
  error.message = node.child_value("Message");
  if (error.request_id.empty())
    error.request_id = shortened(node.child_value("RequestId"), kMaxCode);
  const std::string region = node.child_value("Region");
  if (!region.empty()) error.message += fmt::format(" (region {})", region);
}

std::string_view name_of(std::string_view service) {
  if (service == "s3") return "S3";
  if (service == "sqs") return "SQS";
  if (service == "dynamodb") return "DynamoDB";
  return service;
}

std::string_view advice(const AwsError& error) {
  if (is_one_of(error.code, kDenied))
    return "allow this action in the policy of the role or user whose credentials are used";
  if (error.code == "ExpiredToken" || error.code == "ExpiredTokenException" ||
      error.code == "TokenRefreshRequired")
    return "the credentials have expired: get new ones";
  if (is_stale_credentials(error))
    return "check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, or the profile that is used";
  if (error.code == "RequestTimeTooSkewed" || error.code == "RequestExpired" ||
      error.code == "RequestInTheFuture")
    return "correct this machine's clock";
  if (is_one_of(error.code, kBadSignature))
    return "check AWS_SECRET_ACCESS_KEY, or the profile that is used, and AWS_REGION";
  if (is_one_of(error.code, kOtherRegion))
    return "check AWS_REGION: the bucket is in another region";
  if (error.code == kConnectionFailedCode)
    return "check the network, AWS_REGION, and AWS_ENDPOINT_URL where it is set";
  return {};
}

}  // namespace

bool is_throttling(const AwsError& error) { return is_one_of(error.code, kThrottling); }

bool is_stale_credentials(const AwsError& error) {
  return is_one_of(error.code, kStaleCredentials);
}

bool is_about_time(const AwsError& error) { return is_one_of(error.code, kAboutTime); }

AwsError parse_error(std::string_view service, std::string_view operation, int status,
                     const std::map<std::string, std::string>& headers, std::string body) {
  AwsError error;
  error.service = service;
  error.operation = operation;
  error.status = status;
  error.request_id = request_id_of(headers);
  const auto json = parse_json(body);
  pugi::xml_document document;
  if (json && json->is_object()) {
    read_json(*json, error);
  } else if (document.load_buffer(body.data(), body.size())) {
    read_xml(document, error);
  }
  if (error.code.empty()) error.code = short_code(header_of(headers, "x-amzn-errortype"));
  if (error.code.empty()) {
    error.code = code_of_status(status);
    if (error.message.empty()) error.message = shortened(body, 200);
  }
  if (error.message.empty())
    error.message = fmt::format("the answer has status {} and no explanation", status);
  const std::string region = header_of(headers, "x-amz-bucket-region");
  if (is_one_of(error.code, kOtherRegion) && !region.empty() &&
      error.message.find(region) == std::string::npos)
    error.message += fmt::format(" (region {})", region);
  error.body = std::move(body);
  error.kind = kind_of(error);
  return error;
}

std::string request_id_of(const std::map<std::string, std::string>& headers) {
  for (const char* const name : {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"}) {
    std::string id = header_of(headers, name);
    if (!id.empty()) return id;
  }
  return {};
}

Error to_error(const AwsError& error) {
  std::string text = fmt::format("{} {} failed: ", name_of(error.service), error.operation);
  if (error.status != 0) text.append(error.code).append(": ");
  text.append(shortened(error.message, 1'000));
  if (!error.request_id.empty()) text.append(fmt::format(" (request id {})", error.request_id));
  if (!error.context.empty()) text.append("; ").append(error.context);
  const std::string_view what_to_do = advice(error);
  if (!what_to_do.empty()) text.append("; ").append(what_to_do);
  return {error.kind, std::move(text)};
}

Error at_run_time(Error error) {
  if (error.code == ErrorCode::kUnauthorized || error.code == ErrorCode::kForbidden ||
      error.code == ErrorCode::kNotFound)
    error.code = ErrorCode::kUnavailable;
  return error;
}

}  // namespace classifier::aws
