// Requests of the services that speak JSON: DynamoDB and SQS.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "adapters/aws/client/aws_client.hpp"

namespace classifier::aws {

// `target` is the service's name and version in X-Amz-Target, such as "DynamoDB_20120810".
inline AwsRequest json_request(const char* service, const char* target, const char* operation,
                               const nlohmann::json& body) {
  AwsRequest request;
  request.service = service;
  request.operation = operation;
  request.headers = {{"Content-Type", "application/x-amz-json-1.0"},
                     {"X-Amz-Target", std::string(target) + "." + operation}};
  request.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return request;
}

}  // namespace classifier::aws
