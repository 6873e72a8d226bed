#include "adapters/aws/client/sso_credentials.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "adapters/aws/client/credential_request.hpp"
#include "adapters/aws/client/endpoint.hpp"
#include "adapters/aws/client/sigv4.hpp"
#include "adapters/codec/json_text.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier::aws {
namespace {

using nlohmann::json;

constexpr std::chrono::minutes kRenewBefore{15};
constexpr std::chrono::seconds kTimeout{10};

struct SsoSettings {
  std::string session;  // empty: the profile names the start page itself
  std::string start_url;
  std::string region;
  std::string account;
  std::string role;
};

std::string setting(const std::optional<ProfileValues>& values, std::string_view name) {
  if (!values) return {};
  const auto found = values->find(name);
  return found == values->end() ? std::string() : found->second;
}

Result<SsoSettings> read_settings(const Profile& profile) {
  const auto of_profile = [&](std::string_view name) {
    const std::string value = setting(profile.config, name);
    return value.empty() ? setting(profile.credentials, name) : value;
  };
  SsoSettings settings;
  settings.session = of_profile("sso_session");
  const auto of_session = [&](std::string_view name) {
    return settings.session.empty() ? of_profile(name) : setting(profile.sso_session, name);
  };
  settings.start_url = of_session("sso_start_url");
  settings.region = of_session("sso_region");
  settings.account = of_profile("sso_account_id");
  settings.role = of_profile("sso_role_name");
  const std::array<std::pair<const char*, const std::string*>, 4> needed{
      {{"sso_start_url", &settings.start_url},
       {"sso_region", &settings.region},
       {"sso_account_id", &settings.account},
       {"sso_role_name", &settings.role}}};
  for (const auto& [name, value] : needed) {
    if (!value->empty()) continue;
    return fail(ErrorCode::kUnauthorized,
                fmt::format("profile \"{}\"{} has no {}: run `aws configure sso --profile {}`",
                            profile.name,
                            settings.session.empty()
                                ? std::string()
                                : fmt::format(", with sso-session \"{}\",", settings.session),
                            name, profile.name));
  }
  if (!is_region(settings.region)) {
    return fail(ErrorCode::kUnauthorized,
                fmt::format("sso_region is \"{}\", but must be a region's name such as us-east-1",
                            settings.region));
  }
  return settings;
}

// The name that the AWS tools give to a token's file.
std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::unexpected<Error> must_log_in(const Profile& profile, std::string_view why) {
  return fail(ErrorCode::kUnauthorized,
              fmt::format("profile \"{0}\" uses single sign-on, and {1}: run `aws sso login "
                          "--profile {0}`",
                          profile.name, why));
}

std::optional<TimePoint> time_of(const json& token, const char* name) {
  std::string text = text_field(token, name);
  if (text.ends_with("UTC")) text.replace(text.size() - 3, 3, "Z");  // of early versions
  return parse_rfc3339(text);
}

CredentialRequest request_to(const Endpoints& endpoints, std::string_view service,
                             std::string_view path, const Environment& environment) {
  CredentialRequest request;
  request.url = endpoints.resolve(service, "", path).url();
  request.timeout = kTimeout;
  request.through_proxy = true;
  request.ca_bundle = environment("AWS_CA_BUNDLE").value_or("");
  return request;
}

// In the place of the old one, readable by this user only.
void store_token(const std::filesystem::path& file, const json& token) {
  const std::string temporary = file.string() + "." + random_hex(8);
  const Fd fd(::open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  const bool stored = fd && write_all(fd.get(), utf8_json(token)) == 0 &&
                      ::rename(temporary.c_str(), file.c_str()) == 0;
  if (stored) return;
  ::unlink(temporary.c_str());
  spdlog::warn("cannot store the renewed token of single sign-on in {}", file.string());
}

// Renews the token of an sso-session; leaves it where that is not possible.
void renew(json& token, const std::filesystem::path& file, const Endpoints& endpoints,
           const Environment& environment, TimePoint now) {
  const auto registered_until = time_of(token, "registrationExpiresAt");
  if (text_field(token, "refreshToken").empty() || !registered_until || *registered_until <= now)
    return;
  auto request = request_to(endpoints, "oidc", "/token", environment);
  request.method = "POST";
  request.headers = {"Content-Type: application/json"};
  request.body = utf8_json(json{{"clientId", text_field(token, "clientId")},
                                {"clientSecret", text_field(token, "clientSecret")},
                                {"grantType", "refresh_token"},
                                {"refreshToken", text_field(token, "refreshToken")}});
  const CredentialAnswer answer = ask(request);
  const auto renewed = parse_json(answer.body);
  const auto lasts = renewed ? whole_number<std::int64_t>(json_field(*renewed, "expiresIn"))
                             : std::optional<std::int64_t>();
  if (answer.status != 200 || !lasts || text_field(*renewed, "accessToken").empty()) {
    spdlog::warn("the token of single sign-on cannot be renewed (status {})", answer.status);
    return;
  }
  token["accessToken"] = text_field(*renewed, "accessToken");
  std::string expires_at = to_rfc3339(now + std::chrono::seconds(*lasts));
  expires_at.replace(expires_at.find('.'), std::string::npos, "Z");  // as the AWS tools write it
  token["expiresAt"] = std::move(expires_at);
  if (const auto next = text_field(*renewed, "refreshToken"); !next.empty())
    token["refreshToken"] = next;
  store_token(file, token);
}

Result<std::string> access_token(const Profile& profile, const SsoSettings& settings,
                                 const Endpoints& endpoints, const Environment& environment,
                                 TimePoint now) {
  const std::string name =
      sha1_hex(settings.session.empty() ? settings.start_url : settings.session) + ".json";
  const auto file =
      std::filesystem::path(environment("HOME").value_or("")) / ".aws/sso/cache" / name;
  const auto text = read_file(file);
  if (!text) return must_log_in(profile, "there is no token in " + file.string());
  auto token = parse_json(*text);
  if (!token || text_field(*token, "accessToken").empty() || !time_of(*token, "expiresAt"))
    return must_log_in(profile, "the token in " + file.string() + " is damaged");
  if (!settings.session.empty() && *time_of(*token, "expiresAt") < now + kRenewBefore)
    renew(*token, file, endpoints, environment, now);
  if (*time_of(*token, "expiresAt") <= now) return must_log_in(profile, "its token has expired");
  return text_field(*token, "accessToken");
}

}  // namespace

bool uses_sso(const Profile& profile) {
  for (const auto* values : {&profile.config, &profile.credentials}) {
    if (!setting(*values, "sso_session").empty() || !setting(*values, "sso_start_url").empty())
      return true;
  }
  return false;
}

Result<Credentials> sso_credentials(const Profile& profile, const Environment& environment,
                                    TimePoint now) {
  const auto settings = read_settings(profile);
  if (!settings) return std::unexpected(settings.error());
  const auto endpoints = Endpoints::from_environment(settings->region, environment);
  if (!endpoints) return std::unexpected(endpoints.error());
  const auto token = access_token(profile, *settings, *endpoints, environment, now);
  if (!token) return std::unexpected(token.error());
  auto request = request_to(*endpoints, "portal.sso", "/federation/credentials", environment);
  request.url +=
      "?" + canonical_query({{"role_name", settings->role}, {"account_id", settings->account}});
  request.headers = {"x-amz-sso_bearer_token: " + one_line(*token)};
  const CredentialAnswer answer = ask(request);
  if (answer.status == 401) return must_log_in(profile, "its token is no longer valid");
  const std::string from = "single sign-on for role " + settings->role;
  if (answer.status == 403 || answer.status == 404) {
    return fail(ErrorCode::kUnauthorized,
                fmt::format("{} in account {} is refused: check sso_role_name and sso_account_id "
                            "of profile \"{}\"",
                            from, settings->account, profile.name));
  }
  if (answer.status != 200) return failure(from, answer);
  const auto document = parse_json(answer.body);
  const json none;
  const json& role = document ? json_field(*document, "roleCredentials") : none;
  Credentials credentials{.access_key_id = text_field(role, "accessKeyId"),
                          .secret_access_key = text_field(role, "secretAccessKey"),
                          .session_token = text_field(role, "sessionToken"),
                          .expires_at = std::nullopt};
  if (const auto expires = whole_number<std::int64_t>(json_field(role, "expiration")))
    credentials.expires_at = from_ms(*expires);
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty())
    return fail(ErrorCode::kUnavailable, from + " returned no credentials");
  return credentials;
}

}  // namespace classifier::aws
