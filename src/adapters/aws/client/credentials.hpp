// Who the program is to AWS, found where the AWS tools find it.
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
  // May wait for files and for the network the first time, and then every few hours. kUnauthorized:
  // there are none, with a sentence that says where they were looked for; kUnavailable: whoever
  // gives them does not answer now.
  virtual Result<Credentials> get() = 0;
  // AWS refused `refused` as expired or unknown: the next get() looks for others.
  virtual void reject(const Credentials& refused) = 0;
};

// The value of an environment variable; nullopt where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& variable)>;
// That of this process. Not to be called while another thread changes the environment.
Environment process_environment();

struct CredentialsOptions {
  Environment environment = process_environment();
  std::string container_endpoint = "http://169.254.170.2";  // for ..._RELATIVE_URI
  std::string metadata_endpoint = "http://169.254.169.254";
};

// The first place that has some: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the profile
// AWS_PROFILE
// ("default") in the credentials file and the config file; the container endpoint of ECS and EKS;
// the instance metadata of EC2 (version 2). Kept, and fetched again from five minutes before they
// expire, by one caller while the others go on with the old ones. A failed refresh leaves valid
// ones in use. `clock` outlives the source.
std::shared_ptr<CredentialsSource> make_default_credentials(const Clock& clock,
                                                            CredentialsOptions options = {});

// AWS_REGION, AWS_DEFAULT_REGION, or the region of the profile. kInvalidArgument without any, or
// for one that cannot be a region's name.
Result<std::string> find_region(const Environment& environment);

}  // namespace classifier::aws
