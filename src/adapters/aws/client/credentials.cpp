#include "adapters/aws/client/credentials.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdlib>
#include <utility>

#include "adapters/aws/client/cached_credentials.hpp"
#include "adapters/aws/client/credential_endpoints.hpp"
#include "adapters/aws/client/endpoint.hpp"
#include "adapters/aws/client/profile_files.hpp"

namespace classifier::aws {
namespace {

Result<std::optional<Credentials>> environment_credentials(const Environment& environment) {
  Credentials keys{.access_key_id = environment("AWS_ACCESS_KEY_ID").value_or(""),
                   .secret_access_key = environment("AWS_SECRET_ACCESS_KEY").value_or(""),
                   .session_token = environment("AWS_SESSION_TOKEN").value_or(""),
                   .expires_at = std::nullopt};
  if (keys.access_key_id.empty() && keys.secret_access_key.empty()) return std::nullopt;
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
    return fail(ErrorCode::kUnauthorized,
                keys.access_key_id.empty()
                    ? "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not: set both"
                    : "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not: set both");
  }
  return keys;
}

Result<Credentials> look_everywhere(const CredentialsOptions& options, TimePoint now) {
  auto found = environment_credentials(options.environment);
  if (!found) return std::unexpected(found.error());
  if (*found) return **found;
  const auto profile = load_profile(options.environment);
  if (!profile) return std::unexpected(profile.error());
  found = credentials_of(*profile, options.environment, now);
  if (!found) return std::unexpected(found.error());
  if (*found) return **found;
  if (!options.environment("AWS_WEB_IDENTITY_TOKEN_FILE").value_or("").empty()) {
    return fail(ErrorCode::kUnauthorized,
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, but web identities are not supported: use EKS "
                "Pod Identity, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  found = container_credentials(options);
  if (!found) return std::unexpected(found.error());
  if (*found) return **found;
  std::string why_not;
  found = instance_credentials(options, why_not);
  if (!found) return std::unexpected(found.error());
  if (*found) return **found;
  return fail(
      ErrorCode::kUnauthorized,
      fmt::format("there are no AWS credentials: AWS_ACCESS_KEY_ID and "
                  "AWS_SECRET_ACCESS_KEY are not set, {} has none, neither "
                  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
                  "AWS_CONTAINER_CREDENTIALS_FULL_URI is set, and the instance metadata {}: "
                  "provide them in one of these places",
                  profile->describe(), why_not));
}

}  // namespace

Environment process_environment() {
  return [](const std::string& variable) -> std::optional<std::string> {
    const char* const value = std::getenv(variable.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

std::shared_ptr<CredentialsSource> make_default_credentials(const Clock& clock,
                                                            CredentialsOptions options) {
  return std::make_shared<CachedCredentials>(clock, [options = std::move(options), &clock] {
    return look_everywhere(options, clock.now());
  });
}

Result<std::string> find_region(const Environment& environment) {
  std::string from;
  std::string region;
  for (const char* const variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (!region.empty()) break;
    from = variable;
    region = environment(variable).value_or("");
  }
  if (region.empty()) {
    const auto profile = load_profile(environment);
    if (!profile) return std::unexpected(profile.error());
    from = "the region of " + profile->describe();
    for (const auto* values : {&profile->config, &profile->credentials}) {
      if (!region.empty() || !*values) continue;
      const auto found = (*values)->find("region");
      if (found != (*values)->end()) region = found->second;
    }
    if (region.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "there is no AWS region: set AWS_REGION, such as us-east-1");
    }
  }
  if (is_region(region)) return region;
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{} is \"{}\", but must be a region's name such as us-east-1", from, region));
}

}  // namespace classifier::aws
