// The two local services that give a container or an EC2 instance the credentials of its role.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/client/credentials.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

// The credentials in an answer of either service. kUnavailable where it has none, with the reason
// in the answer; `from` begins the message.
Result<Credentials> read_credentials(const std::string& from, std::string_view body,
                                     const char* token_field = "Token");

// From the endpoint that ECS and EKS set in AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or
// AWS_CONTAINER_CREDENTIALS_FULL_URI; nullopt where neither is set. kUnavailable: it does not
// answer. kUnauthorized: it refuses, or its address is not one that credentials may come from.
Result<std::optional<Credentials>> container_credentials(const CredentialsOptions& options);

// Those of the role of an EC2 instance, from its metadata (version 2). nullopt, with the reason in
// `why_not`, where there is no metadata service or no role. kUnavailable where the service fails.
Result<std::optional<Credentials>> instance_credentials(const CredentialsOptions& options,
                                                        std::string& why_not);

}  // namespace classifier::aws
