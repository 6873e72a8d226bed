// The files in which the AWS tools store profiles: named sets of credentials and settings.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/aws/client/credentials.hpp"
#include "domain/error.hpp"

namespace classifier::aws {

using ProfileValues = std::map<std::string, std::string, std::less<>>;

// The sections of a file, by the names between their brackets without quotes. Indented lines, which
// are settings of single services, are ignored.
std::map<std::string, ProfileValues, std::less<>> parse_profiles(std::string_view text);

struct Profile {
  std::string name = "default";
  bool named = false;  // AWS_PROFILE is set
  std::filesystem::path credentials_file;
  std::filesystem::path config_file;
  std::optional<ProfileValues> credentials;  // its section in the credentials file
  std::optional<ProfileValues> config;       // its section in the config file
  std::optional<ProfileValues> sso_session;  // the section of the sso_session that it names

  // "profile "x" in ~/.aws/credentials and ~/.aws/config", with the real paths.
  std::string describe() const;
};

// A missing file counts as empty; kUnauthorized where a file exists but cannot be read.
Result<Profile> load_profile(const Environment& environment);

// nullopt where the profile has none. kUnauthorized, with what to do, where they are incomplete or
// of a kind that only the AWS tools support (roles). May run a program and call AWS, and then fail
// with kUnavailable.
Result<std::optional<Credentials>> credentials_of(const Profile& profile,
                                                  const Environment& environment, TimePoint now);

}  // namespace classifier::aws
