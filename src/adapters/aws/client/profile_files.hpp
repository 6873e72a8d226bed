// The files in which the AWS tools keep profiles: named sets of credentials and settings.
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

// Sections of a file by their names as written between the brackets, quotes removed. Lines that are
// indented belong to settings of single services, and are left out.
std::map<std::string, ProfileValues, std::less<>> parse_profiles(std::string_view text);

struct Profile {
  std::string name = "default";
  bool named = false;  // by AWS_PROFILE
  std::filesystem::path credentials_file;
  std::filesystem::path config_file;
  std::optional<ProfileValues> credentials;  // the profile's section in the credentials file
  std::optional<ProfileValues> config;       // and in the config file

  // "profile "x" in ~/.aws/credentials and ~/.aws/config", with the real paths.
  std::string describe() const;
};

// Absent files are empty; kUnauthorized for one that is there and cannot be read.
Result<Profile> load_profile(const Environment& environment);

// nullopt: the profile has none. kUnauthorized where its credentials are incomplete, or of a kind
// that only the AWS tools can get (credential_process, roles, single sign-on), with what to do.
Result<std::optional<Credentials>> credentials_of(const Profile& profile);

}  // namespace classifier::aws
