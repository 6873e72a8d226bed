#include "adapters/aws/client/endpoint.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "adapters/aws/client/url.hpp"

namespace classifier::aws {
namespace {

Result<Target> read_endpoint(const std::string& variable, const std::string& value) {
  const auto url = parse_url(value);
  if (!url || !url->query.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} is \"{}\", but must be an address such as http://localhost:4566: http "
                    "or https, a host, and a port where it is needed",
                    variable, value));
  }
  std::string path = url->path;
  while (path.ends_with('/')) path.pop_back();
  return Target{url->scheme, url->host_and_port(), std::move(path)};
}

std::string_view domain_of(std::string_view region) {
  return region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
}

}  // namespace

bool is_region(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<Endpoints> Endpoints::from_environment(std::string region, const Environment& environment) {
  constexpr std::array<std::pair<const char*, const char*>, 5> kServices{
      {{"s3", "AWS_ENDPOINT_URL_S3"},
       {"sqs", "AWS_ENDPOINT_URL_SQS"},
       {"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"},
       {"portal.sso", "AWS_ENDPOINT_URL_SSO"},
       {"oidc", "AWS_ENDPOINT_URL_SSO_OIDC"}}};
  Endpoints endpoints(std::move(region));
  for (const auto& [service, own_variable] : kServices) {
    for (const std::string variable : {own_variable, "AWS_ENDPOINT_URL"}) {
      const auto value = environment(variable);
      if (!value || value->empty()) continue;
      auto target = read_endpoint(variable, *value);
      if (!target) return std::unexpected(target.error());
      endpoints.configured_.emplace(service, std::move(*target));
      break;
    }
  }
  return endpoints;
}

Target Endpoints::resolve(std::string_view service, std::string_view bucket,
                          std::string_view path) const {
  const auto configured = configured_.find(service);
  const bool own = configured != configured_.end();
  Target target =
      own ? configured->second
          : Target{"https", fmt::format("{}.{}{}", service, region_, domain_of(region_)), ""};
  if (!bucket.empty()) {
    if (own || bucket.find('.') != std::string_view::npos) {
      target.path.append("/").append(bucket);
    } else {
      target.host = fmt::format("{}.{}", bucket, target.host);
    }
  }
  target.path.append(path);
  return target;
}

}  // namespace classifier::aws
