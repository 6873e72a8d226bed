// The two services on a machine or in a container that hand out the credentials of its role.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/client/credentials.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

// The credentials in an answer of either of them; kUnavailable where there are none, with the
// reason that it gives. `from` begins the sentence.
Result<Credentials> read_credentials(const std::string& from, std::string_view body);

// The container endpoint that ECS and EKS announce in AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or
// AWS_CONTAINER_CREDENTIALS_FULL_URI; nullopt where neither is set. kUnavailable: it does not
// answer. kUnauthorized: it refuses, or is an address that credentials must not come from.
Result<std::optional<Credentials>> container_credentials(const CredentialsOptions& options);

// The role of an EC2 instance; nullopt, with the reason in `why_not`, where there is no instance
// metadata, or no role. kUnavailable where it fails.
Result<std::optional<Credentials>> instance_credentials(const CredentialsOptions& options,
                                                        std::string& why_not);

}  // namespace classifier::aws
