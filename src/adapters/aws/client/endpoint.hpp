// The addresses of AWS's services.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "adapters/aws/client/credentials.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

// The address of one request: scheme://host + path.
struct Target {
  std::string scheme;  // "https"
  std::string host;    // with the port where it is not the scheme's own
  std::string path;    // percent-encoded

  std::string url() const { return scheme + "://" + host + path; }
};

// Whether it can be the name of a region, and so part of a host's name.
bool is_region(std::string_view text);

// Immutable, so thread-safe.
class Endpoints {
 public:
  // AWS_ENDPOINT_URL_S3, …_SQS, …_DYNAMODB, …_SSO and …_SSO_OIDC, or else AWS_ENDPOINT_URL, replace
  // AWS's addresses of "s3", "sqs", "dynamodb", "portal.sso" and "oidc".
  // kInvalidArgument, naming the variable, where the value is not http(s)://host[:port][/path].
  static Result<Endpoints> from_environment(std::string region, const Environment& environment);

  // `path` is percent-encoded and begins with a slash. A bucket becomes the first part of the host;
  // but of the path where its name has a dot, which AWS's certificate does not cover, or where an
  // endpoint is configured.
  Target resolve(std::string_view service, std::string_view bucket, std::string_view path) const;

  const std::string& region() const { return region_; }

 private:
  explicit Endpoints(std::string region) : region_(std::move(region)) {}

  std::string region_;
  std::map<std::string, Target, std::less<>> configured_;  // by service; no slash at a path's end
};

}  // namespace classifier::aws
