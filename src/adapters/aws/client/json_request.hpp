// Requests and answers of the services with a JSON protocol: DynamoDB and SQS.
#pragma once

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <string>

#include "adapters/aws/client/aws_client.hpp"
#include "adapters/codec/json_text.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

// `target` is the service's name and version for X-Amz-Target, such as "DynamoDB_20120810".
inline AwsRequest json_request(const char* service, const char* target, const char* operation,
                               const nlohmann::json& body) {
  AwsRequest request;
  request.service = service;
  request.operation = operation;
  request.headers = {{"Content-Type", "application/x-amz-json-1.0"},
                     {"X-Amz-Target", std::string(target) + "." + operation}};
  request.body = utf8_json(body);
  return request;
}

// The object in an answer. kUnavailable, naming the service, where there is none.
inline Result<nlohmann::json> json_answer(const char* service, const AwsResponse& response) {
  auto body = parse_json(response.body);
  if (body && body->is_object()) return body;
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} returned an answer that is not a JSON object (request id {})",
                          service, response.request_id));
}

}  // namespace classifier::aws
