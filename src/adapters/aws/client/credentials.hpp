// The program's AWS credentials and region, from where the AWS tools look for them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ports/clock.hpp"

namespace classifier::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;            // empty for long-lived keys
  std::optional<TimePoint> expires_at;  // nullopt: never
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// Thread-safe.
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;
  // May wait for files and the network, at the first call and then every few hours. kUnauthorized:
  // there are none; the message names the places that were searched. kUnavailable: the service that
  // issues them does not answer.
  virtual Result<Credentials> get() = 0;
  // AWS rejected `refused` as expired or unknown: the next get() fetches new ones.
  virtual void reject(const Credentials& refused) = 0;
};

// The value of an environment variable; nullopt where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& variable)>;
// Of this process. Must not run while another thread changes the environment.
Environment process_environment();

struct CredentialsOptions {
  Environment environment = process_environment();
  std::string container_endpoint = "http://169.254.170.2";  // of …_RELATIVE_URI
  std::string metadata_endpoint = "http://169.254.169.254";
};

// Credentials from the first of these places that has any: AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY; the profile AWS_PROFILE ("default") in the credentials file and the config
// file, with keys, single sign-on or a credential_process; the container endpoint of ECS and EKS;
// the instance metadata of EC2 (version 2). They are cached, and renewed from five minutes before
// they expire, by one caller while others use the old ones. If this fails, the old ones are used
// until they expire. `clock` must outlive the source.
std::shared_ptr<CredentialsSource> make_default_credentials(const Clock& clock,
                                                            CredentialsOptions options = {});

// AWS_REGION, AWS_DEFAULT_REGION, or the region of the profile. kInvalidArgument where none is set,
// or the value is not a region's name.
Result<std::string> find_region(const Environment& environment);

}  // namespace classifier::aws
