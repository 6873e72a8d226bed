// Where a service of AWS is reached.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "adapters/aws/client/credentials.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

// Where one request goes: scheme://host + path.
struct Target {
  std::string scheme;  // "https"
  std::string host;    // with the port where it is not the scheme's own
  std::string path;    // percent-encoded

  std::string url() const { return scheme + "://" + host + path; }
};

// Immutable, so thread-safe.
class Endpoints {
 public:
  // AWS_ENDPOINT_URL_S3, _SQS, _DYNAMODB, then AWS_ENDPOINT_URL, stand in for AWS's own addresses.
  // kInvalidArgument, naming the variable, for one that is not http(s)://host[:port][/path].
  static Result<Endpoints> from_environment(std::string region, const Environment& environment);

  // `path` is percent-encoded and begins with a slash. A bucket becomes part of the host on AWS,
  // and the first part of the path where its name has dots (no certificate fits it) or an endpoint
  // is configured.
  Target resolve(std::string_view service, std::string_view bucket, std::string_view path) const;

  const std::string& region() const { return region_; }

 private:
  explicit Endpoints(std::string region) : region_(std::move(region)) {}

  std::string region_;
  std::map<std::string, Target, std::less<>> configured_;  // by service; path without last slash
};

}  // namespace classifier::aws
