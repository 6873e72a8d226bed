#include "adapters/aws/client/profile_files.hpp"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <cerrno>
#include <utility>

#include "adapters/aws/client/credential_process.hpp"
#include "adapters/aws/client/sso_credentials.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier::aws {
namespace {

// Without a comment, which begins with # or ; after white space.
std::string without_comment(std::string_view text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    const bool space = text[at - 1] == ' ' || text[at - 1] == '\t';
    if (space && (text[at] == '#' || text[at] == ';')) return trim(text.substr(0, at));
  }
  return trim(text);
}

// "profile x" of "[profile "x"] # comment"
std::string section_name(std::string_view line) {
  const std::size_t end = line.find(']');
  if (end == std::string_view::npos) return {};
  std::string name;
  for (const char c : trim(line.substr(1, end - 1))) {
    if (c != '"' && c != '\'') name += c == '\t' ? ' ' : c;
  }
  return name;
}

Result<std::string> read_if_present(const std::filesystem::path& path) {
  if (path.empty()) return std::string();
  auto text = read_file(path);
  if (text) return std::move(*text);
  if (text.error() == ENOENT || text.error() == ENOTDIR) return std::string();
  return fail(ErrorCode::kUnauthorized,
              fmt::format("cannot read {}: check the file's owner and mode", path.string()));
}

std::filesystem::path path_of(const Environment& environment, const char* variable,
                              const char* name) {
  const auto home = environment("HOME");
  std::string path = environment(variable).value_or("");
  if (path.empty() && home && !home->empty()) return std::filesystem::path(*home) / ".aws" / name;
  if (path.starts_with("~/") && home) path.replace(0, 1, *home);
  return path;
}

std::optional<ProfileValues> find_section(const std::string& text, const std::string& name) {
  auto sections = parse_profiles(text);
  const auto found = sections.find(name);
  if (found == sections.end()) return std::nullopt;
  return std::move(found->second);
}

std::string value(const ProfileValues& values, std::string_view name) {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

Result<std::optional<Credentials>> static_keys(const Profile& profile, const ProfileValues& values,
                                               const std::filesystem::path& file) {
  Credentials keys{.access_key_id = value(values, "aws_access_key_id"),
                   .secret_access_key = value(values, "aws_secret_access_key"),
                   .session_token = value(values, "aws_session_token"),
                   .expires_at = std::nullopt};
  if (keys.access_key_id.empty() && keys.secret_access_key.empty()) return std::nullopt;
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
    return fail(
        ErrorCode::kUnauthorized,
        fmt::format("profile \"{}\" in {} has no {}: add it", profile.name, file.string(),
                    keys.access_key_id.empty() ? "aws_access_key_id" : "aws_secret_access_key"));
  }
  return keys;
}

std::unexpected<Error> unsupported(const Profile& profile, std::string_view setting) {
  return fail(
      ErrorCode::kUnauthorized,
      fmt::format("profile \"{0}\" has {1}, which is not supported: run `aws configure "
                  "export-credentials --profile {0} --format env` and set the variables that it "
                  "prints, or use a profile with keys",
                  profile.name, setting));
}

bool has(const std::optional<ProfileValues>& values, std::string_view name) {
  return values && values->contains(name);
}

}  // namespace

std::map<std::string, ProfileValues, std::less<>> parse_profiles(std::string_view text) {
  std::map<std::string, ProfileValues, std::less<>> sections;
  ProfileValues* section = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#' || line[0] == ';' || line[0] == ' ' || line[0] == '\t')
      continue;
    if (line[0] == '[') {
      section = &sections[section_name(line)];
      continue;
    }
    const std::size_t equals = line.find('=');
    if (section == nullptr || equals == std::string_view::npos) continue;
    (*section)[trim(line.substr(0, equals))] = without_comment(line.substr(equals + 1));
  }
  return sections;
}

std::string Profile::describe() const {
  if (credentials_file.empty() && config_file.empty()) return "a profile (HOME is not set)";
  return fmt::format("profile \"{}\" in {} and {}", name, credentials_file.string(),
                     config_file.string());
}

Result<Profile> load_profile(const Environment& environment) {
  Profile profile;
  const std::string name = environment("AWS_PROFILE").value_or("");
  profile.named = !name.empty();
  if (profile.named) profile.name = name;
  profile.credentials_file = path_of(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  profile.config_file = path_of(environment, "AWS_CONFIG_FILE", "config");
  const auto credentials = read_if_present(profile.credentials_file);
  if (!credentials) return std::unexpected(credentials.error());
  const auto config = read_if_present(profile.config_file);
  if (!config) return std::unexpected(config.error());
  profile.credentials = find_section(*credentials, profile.name);
  profile.config = find_section(*config, "profile " + profile.name);
  if (!profile.config && profile.name == "default")
    profile.config = find_section(*config, "default");
  if (has(profile.config, "sso_session")) {
    profile.sso_session =
        find_section(*config, "sso-session " + value(*profile.config, "sso_session"));
  }
  return profile;
}

Result<std::optional<Credentials>> credentials_of(const Profile& profile,
                                                  const Environment& environment, TimePoint now) {
  if (profile.named && !profile.credentials && !profile.config) {
    return fail(ErrorCode::kUnauthorized, fmt::format("AWS_PROFILE is \"{}\", but there is no {}",
                                                      profile.name, profile.describe()));
  }
  // The order of preference is that of the AWS tools.
  constexpr std::array<std::string_view, 2> kRoles{"role_arn", "web_identity_token_file"};
  for (const std::string_view setting : kRoles) {
    if (has(profile.credentials, setting) || has(profile.config, setting))
      return unsupported(profile, setting);
  }
  if (uses_sso(profile)) return sso_credentials(profile, environment, now);
  if (profile.credentials) {
    auto keys = static_keys(profile, *profile.credentials, profile.credentials_file);
    if (!keys || *keys) return keys;
  }
  for (const auto* values : {&profile.config, &profile.credentials}) {
    if (has(*values, "credential_process"))
      return process_credentials(profile.name, value(**values, "credential_process"));
  }
  if (profile.config) return static_keys(profile, *profile.config, profile.config_file);
  return std::nullopt;
}

}  // namespace classifier::aws
