// Where credentials and the region are looked for, and how long credentials are cached.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "adapters/aws/client/cached_credentials.hpp"
#include "adapters/aws/client/credential_process.hpp"
#include "adapters/aws/client/credentials.hpp"
#include "adapters/aws/client/profile_files.hpp"
#include "support/aws_environment.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_dir.hpp"

namespace classifier::aws {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using testing::environment_of;
using testing::FakeService;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

// Only the variables and files that the test sets, and no metadata service.
class AwsCredentials : public ::testing::Test {
 protected:
  AwsCredentials() { variables["HOME"] = home.path().string(); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(home.path() / ".aws");
    std::ofstream(home.path() / ".aws" / name) << text;
  }
  Result<Credentials> get() {
    CredentialsOptions options;
    options.environment = environment_of(variables);
    options.container_endpoint = container_endpoint;
    options.metadata_endpoint = metadata_endpoint;
    return make_default_credentials(clock, options)->get();
  }

  testing::TempDir home;
  testing::ManualClock clock;
  Variables variables;
  std::string container_endpoint = "http://127.0.0.1:1";
  std::string metadata_endpoint = "http://127.0.0.1:1";
};

TEST_F(AwsCredentials, EnvironmentComesFirst) {
  write("credentials", "[default]\naws_access_key_id=file\naws_secret_access_key=file\n");
  variables.insert({{"AWS_ACCESS_KEY_ID", "id"},
                    {"AWS_SECRET_ACCESS_KEY", "secret"},
                    {"AWS_SESSION_TOKEN", "token"}});
  EXPECT_EQ(get().value(), (Credentials{"id", "secret", "token", {}}));
}

TEST_F(AwsCredentials, HalfOfAKeyPairIsAnError) {
  variables["AWS_ACCESS_KEY_ID"] = "id";
  EXPECT_THAT(get().error().message, HasSubstr("AWS_SECRET_ACCESS_KEY is not"));
}

TEST_F(AwsCredentials, ProfileOfTheCredentialsFile) {
  write("credentials",
        "# mine\r\n[default]\r\naws_access_key_id = id1\r\naws_secret_access_key = a/b+c= ; old\r\n"
        "[ work ]\naws_access_key_id=id2\naws_secret_access_key=s2\naws_session_token=t2\n");
  EXPECT_EQ(get().value(), (Credentials{"id1", "a/b+c=", "", {}}));
  variables["AWS_PROFILE"] = "work";
  EXPECT_EQ(get().value(), (Credentials{"id2", "s2", "t2", {}}));
}

TEST_F(AwsCredentials, ProfileOfTheConfigFile) {
  write("config",
        "[default]\nregion = eu-west-1\n[profile \"my work\"]\nregion=eu-north-1\n"
        "s3 =\n  region = nowhere\naws_access_key_id=id\naws_secret_access_key=s\n");
  variables["AWS_PROFILE"] = "my work";
  EXPECT_EQ(get().value(), (Credentials{"id", "s", "", {}}));
  EXPECT_EQ(find_region(environment_of(variables)).value(), "eu-north-1");
}

TEST_F(AwsCredentials, FilesAtOtherPaths) {
  const auto file = home.path() / "keys";
  std::ofstream(file) << "[default]\naws_access_key_id=id\naws_secret_access_key=s\n";
  variables["AWS_SHARED_CREDENTIALS_FILE"] = file.string();
  EXPECT_EQ(get()->access_key_id, "id");
}

TEST_F(AwsCredentials, MissingProfile) {
  variables["AWS_PROFILE"] = "typo";
  const auto error = get().error();
  EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("AWS_PROFILE"), HasSubstr("typo"), HasSubstr(home.path().string())));
}

TEST_F(AwsCredentials, UnsupportedKindsAreExplained) {
  for (const char* const setting : {"role_arn", "web_identity_token_file"}) {
    write("config", "[default]\n" + std::string(setting) + " = x\n");
    const auto error = get().error();
    EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
    EXPECT_THAT(error.message, AllOf(HasSubstr(setting), HasSubstr("not supported"),
                                     HasSubstr("export-credentials --profile default")));
  }
}

TEST_F(AwsCredentials, UnreadableFileIsNotAMissingOne) {
  write("credentials", "");
  const auto file = home.path() / ".aws/credentials";
  std::filesystem::remove(file);
  std::filesystem::create_symlink(file, file);  // root may read all files, but not follow this
  EXPECT_EQ(get().error().code, ErrorCode::kUnauthorized);
  EXPECT_THAT(get().error().message, HasSubstr("cannot read " + file.string()));
}

TEST(CredentialProcess, CommandsAreSplitAsAShellDoes) {
  using ::testing::ElementsAre;
  EXPECT_THAT(*split_words(R"(a  "b c"	'd "e' f\ g "h\"i\\j\k" '' l"m"n)"),
              ElementsAre("a", "b c", "d \"e", "f g", "h\"i\\j\\k", "", "lmn"));
  EXPECT_THAT(*split_words("$(rm) ; a|b > c"), ElementsAre("$(rm)", ";", "a|b", ">", "c"));
  EXPECT_THAT(*split_words("  "), ::testing::IsEmpty());
  EXPECT_FALSE(split_words("a 'b"));
}

constexpr auto kPrinted =
    R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","SessionToken":"t","Expiration":"2027-01-15T09:00:00Z"})";

TEST_F(AwsCredentials, CredentialProcess) {
  const auto printer = home.path() / "print keys";
  std::ofstream(printer) << "#!/bin/sh\necho \"$1\"\n";
  std::filesystem::permissions(printer, std::filesystem::perms::owner_all);
  const auto prints = [&](const std::string& text) {
    write("config",
          "[profile p]\ncredential_process = \"" + printer.string() + "\" '" + text + "'\n");
    variables["AWS_PROFILE"] = "p";
    return get();
  };
  EXPECT_EQ(
      prints(kPrinted).value(),
      (Credentials{"P", "s", "t", std::chrono::sys_days{std::chrono::January / 15 / 2027} + 9h}));
  EXPECT_EQ(prints(R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"s"})").value(),
            (Credentials{"P", "s", "", {}}));
  for (const auto& [text, why] :
       {std::pair{R"({"Version":2,"AccessKeyId":"P","SecretAccessKey":"s"})", "\"Version\": 1"},
        std::pair{R"({"Version":1,"AccessKeyId":"P"})", "no SecretAccessKey"},
        std::pair{R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","Expiration":"soon"})",
                  "not a time"},
        std::pair{"hello", "JSON"}}) {
    const auto error = prints(text).error();
    EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
    EXPECT_THAT(error.message,
                AllOf(HasSubstr("credential_process of profile \"p\""), HasSubstr(why)));
  }
}

TEST(CredentialProcess, FailuresAreTold) {
  const auto error = process_credentials("p", "sh -c 'echo no ticket >&2; exit 3'").error();
  EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
  EXPECT_THAT(error.message, AllOf(HasSubstr("status 3"), HasSubstr("no ticket")));
  EXPECT_THAT(process_credentials("p", "/none/such").error().message, HasSubstr("/none/such"));
  // A program that goes on, and one that has left its output to another.
  for (const char* const command : {"sleep 600", "sh -c 'sleep 600 & exit'"}) {
    const auto slow = process_credentials("p", command, 50ms).error();
    EXPECT_EQ(slow.code, ErrorCode::kUnavailable);
    EXPECT_THAT(slow.message, HasSubstr("did not end"));
  }
  // One that prints without end is read without end, but not kept.
  EXPECT_EQ(process_credentials("p", "yes", 50ms).error().code, ErrorCode::kUnavailable);
}

// A portal and a token service of single sign-on.
class SsoCredentials : public AwsCredentials {
 protected:
  SsoCredentials() {
    variables["AWS_ENDPOINT_URL_SSO"] = service_.url() + "/portal";
    variables["AWS_ENDPOINT_URL_SSO_OIDC"] = service_.url() + "/oidc";
    clock.advance(std::chrono::sys_days{std::chrono::January / 15 / 2027} + 8h - clock.now());
    write("config",
          "[default]\nsso_session = my\nsso_account_id = 123456789012\nsso_role_name = a role\n"
          "[sso-session my]\nsso_region = eu-west-1\nsso_start_url = https://x.awsapps.com/start\n"
          "[profile legacy]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
          "sso_account_id = 123456789012\nsso_role_name = a role\n");
  }
  // As `aws sso login` stores it.
  void store_token(const std::string& name, const nlohmann::json& token) const {
    std::filesystem::create_directories(home.path() / ".aws/sso/cache");
    std::ofstream(home.path() / ".aws/sso/cache" / (name + ".json")) << token.dump();
  }
  nlohmann::json stored_token(const std::string& name) const {
    std::ifstream file(home.path() / ".aws/sso/cache" / (name + ".json"));
    return nlohmann::json::parse(file);
  }

  // printf my | sha1sum, and of the start page.
  const std::string session_file_ = "3ece1471f44f63177cbc35ba0b904e0c096b6783";
  const std::string start_page_file_ = "3947de8b16688092197fa616c34e01335f21d256";
  int portal_status_ = 200;
  std::string seen_;

 private:
  http::Response play(const http::Request& request) {
    seen_ += request.path;
    for (const auto& [name, value] : request.query)
      seen_ += std::string(" ").append(name).append("=").append(value);
    seen_ += " " + std::string(request.headers.get("x-amz-sso_bearer_token")) + request.body + "\n";
    if (request.path == "/oidc/token") {
      return http::json_response(
          200, {{"accessToken", "new"}, {"expiresIn", 3600}, {"refreshToken", "next"}});
    }
    return http::json_response(portal_status_, {{"roleCredentials",
                                                 {{"accessKeyId", "S"},
                                                  {"secretAccessKey", "s"},
                                                  {"sessionToken", "t"},
                                                  {"expiration", 1'800'003'600'000}}}});
  }
  testing::FakeService service_{[this](const http::Request& request) { return play(request); }};
};

TEST_F(SsoCredentials, AreThoseOfTheRole) {
  const Credentials expected{"S", "s", "t", from_ms(1'800'003'600'000)};
  store_token(session_file_, {{"accessToken", "token"}, {"expiresAt", "2027-01-15T09:00:00Z"}});
  EXPECT_EQ(get().value(), expected);
  EXPECT_EQ(seen_,
            "/portal/federation/credentials account_id=123456789012 role_name=a role token\n");
  variables["AWS_PROFILE"] = "legacy";
  EXPECT_THAT(get().error().message, HasSubstr("aws sso login --profile legacy"));
  store_token(start_page_file_, {{"accessToken", "old"}, {"expiresAt", "2027-01-15T09:00:00UTC"}});
  EXPECT_EQ(get().value(), expected);
}

TEST_F(SsoCredentials, ExpiredTokensAreRenewedOrToldOf) {
  store_token(session_file_, {{"accessToken", "token"}, {"expiresAt", "2027-01-15T07:59:00Z"}});
  const auto expired = get().error();
  EXPECT_EQ(expired.code, ErrorCode::kUnauthorized);
  EXPECT_THAT(expired.message,
              AllOf(HasSubstr("has expired"), HasSubstr("aws sso login --profile default")));
  EXPECT_EQ(seen_, "");
  const nlohmann::json renewable = {
      {"accessToken", "token"},    {"expiresAt", "2027-01-15T07:59:00Z"},
      {"clientId", "id"},          {"clientSecret", "secret"},
      {"refreshToken", "refresh"}, {"registrationExpiresAt", "2027-02-15T08:00:00Z"}};
  store_token(session_file_, renewable);
  EXPECT_EQ(get()->access_key_id, "S");
  EXPECT_THAT(seen_,
              AllOf(HasSubstr("\"grantType\":\"refresh_token\",\"refreshToken\":\"refresh\""),
                    HasSubstr("role_name=a role new\n")));
  // The AWS tools use it as well.
  EXPECT_EQ(stored_token(session_file_)["accessToken"], "new");
  EXPECT_EQ(stored_token(session_file_)["refreshToken"], "next");
  EXPECT_EQ(stored_token(session_file_)["expiresAt"], "2027-01-15T09:00:00Z");
  EXPECT_EQ(stored_token(session_file_)["clientId"], "id");
  portal_status_ = 401;
  EXPECT_THAT(get().error().message, HasSubstr("aws sso login"));
  portal_status_ = 403;
  EXPECT_THAT(get().error().message, HasSubstr("sso_role_name"));
  portal_status_ = 500;
  EXPECT_EQ(get().error().code, ErrorCode::kUnavailable);
}

TEST_F(SsoCredentials, MissingSettingsAreNamed) {
  write("config", "[default]\nsso_session = my\n[sso-session my]\nsso_region = eu-west-1\n");
  EXPECT_THAT(get().error().message, HasSubstr("no sso_start_url"));
  write("config",
        "[default]\nsso_start_url = x\nsso_region = a.b/c\nsso_account_id=1\nsso_role_name=r\n");
  EXPECT_THAT(get().error().message, HasSubstr("sso_region is \"a.b/c\""));
}

TEST_F(AwsCredentials, WithoutCredentialsAllPlacesAreNamed) {
  const auto error = get().error();
  EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
  EXPECT_THAT(error.message, AllOf(HasSubstr("AWS_ACCESS_KEY_ID"), HasSubstr("profile \"default\""),
                                   HasSubstr(".aws/credentials"), HasSubstr(".aws/config"),
                                   HasSubstr("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                                   HasSubstr("instance metadata does not answer")));
  variables["AWS_EC2_METADATA_DISABLED"] = "TRUE";
  EXPECT_THAT(get().error().message, HasSubstr("disabled by AWS_EC2_METADATA_DISABLED"));
}

constexpr auto kRoleAnswer =
    R"({"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","Expiration":"2027-01-15T09:00:00Z"})";
const TimePoint kRoleExpiry = std::chrono::sys_days{std::chrono::January / 15 / 2027} + 9h;

TEST_F(AwsCredentials, ContainerEndpoint) {
  std::atomic<int> calls = 0;
  const FakeService ecs([&](const http::Request& request) {
    if (calls++ == 0) return http::error_response(503, "starting");
    if (request.path != "/v2/credentials/abc" || request.headers.get("Authorization") != "Bearer x")
      return http::error_response(403, "who are you");
    return http::text_response(200, "application/json", kRoleAnswer);
  });
  container_endpoint = ecs.url();
  variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/abc";
  const auto token = home.path() / "token";
  std::ofstream(token) << "Bearer x\n";
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = token.string();
  EXPECT_EQ(get().value(), (Credentials{"ASIA1", "s", "t", kRoleExpiry}));
  variables.erase("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = ecs.url() + "/v2/credentials/abc";
  EXPECT_EQ(get()->access_key_id, "ASIA1");
  variables.erase("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  EXPECT_EQ(get().error().code, ErrorCode::kUnauthorized);
}

TEST_F(AwsCredentials, ContainerEndpointMustBeTrustworthy) {
  for (const char* const bad :
       {"http://example.org/x", "http://169.254.170.3/x", "http://127.0.0.1.example.org/x",
        "ftp://127.0.0.1/x", "nonsense"}) {
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = bad;
    const auto error = get().error();
    EXPECT_EQ(error.code, ErrorCode::kUnauthorized) << bad;
    EXPECT_THAT(error.message, AllOf(HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
                                     HasSubstr(bad), HasSubstr("https")));
  }
}

TEST_F(AwsCredentials, UnreachableContainerEndpointIsTransient) {
  variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/x";
  EXPECT_EQ(get().error().code, ErrorCode::kUnavailable);
}

TEST_F(AwsCredentials, InstanceMetadataVersion2) {
  std::atomic<bool> has_role = true;
  const FakeService imds([&](const http::Request& request) {
    const std::string base = "/latest/meta-data/iam/security-credentials/";
    if (request.method == "PUT" && request.path == "/latest/api/token" &&
        request.headers.get("X-aws-ec2-metadata-token-ttl-seconds") == "21600")
      return http::text_response(200, "text/plain", "secret-token");
    if (request.headers.get("X-aws-ec2-metadata-token") != "secret-token")
      return http::error_response(401, "version 1 is off");
    if (request.path == base && has_role)
      return http::text_response(200, "text/plain", "my-role\n");
    if (request.path == base + "my-role")
      return http::text_response(200, "application/json", kRoleAnswer);
    return http::error_response(404, "no");
  });
  variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = imds.url() + "/";
  EXPECT_EQ(get().value(), (Credentials{"ASIA1", "s", "t", kRoleExpiry}));
  has_role = false;
  EXPECT_THAT(get().error().message, HasSubstr("has no role"));
}

TEST(AwsRegion, IsFoundInOrder) {
  const testing::TempDir home;
  Variables variables{{"HOME", home.path().string()}};
  EXPECT_THAT(find_region(environment_of(variables)).error().message, HasSubstr("set AWS_REGION"));
  variables["AWS_DEFAULT_REGION"] = "eu-west-1";
  EXPECT_EQ(find_region(environment_of(variables)).value(), "eu-west-1");
  variables["AWS_REGION"] = "us-east-2";
  EXPECT_EQ(find_region(environment_of(variables)).value(), "us-east-2");
  variables["AWS_REGION"] = "us-east-1/evil.example";
  const auto error = find_region(environment_of(variables)).error();
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("AWS_REGION is \"us-east-1/evil.example\""));
}

class CachedCredentialsTest : public ::testing::Test {
 protected:
  Result<Credentials> fetch() {
    ++fetches;
    if (failing) return fail(ErrorCode::kUnavailable, "down");
    return Credentials{std::to_string(fetches), "s", "t", clock.now() + lifetime};
  }
  testing::ManualClock clock;
  std::chrono::milliseconds lifetime = 1h;
  std::atomic<int> fetches = 0;
  std::atomic<bool> failing = false;
  CachedCredentials cache{clock, [this] { return fetch(); }};
};

TEST_F(CachedCredentialsTest, AreRenewedFiveMinutesBeforeTheyExpire) {
  EXPECT_EQ(cache.get()->access_key_id, "1");
  clock.advance(54min);
  EXPECT_EQ(cache.get()->access_key_id, "1");
  clock.advance(2min);
  EXPECT_EQ(cache.get()->access_key_id, "2");
}

TEST_F(CachedCredentialsTest, FailedRenewalKeepsValidCredentials) {
  cache.get();
  failing = true;
  clock.advance(56min);
  EXPECT_EQ(cache.get()->access_key_id, "1");
  EXPECT_EQ(cache.get()->access_key_id, "1");
  EXPECT_EQ(fetches, 2) << "not asked again at once";
  clock.advance(10s);
  cache.get();
  EXPECT_EQ(fetches, 3);
  clock.advance(5min);
  EXPECT_EQ(cache.get().error().message, "down");
  failing = false;
  clock.advance(10s);
  EXPECT_EQ(cache.get()->access_key_id, "5");
}

TEST_F(CachedCredentialsTest, NewCredentialsThatLookExpiredAreUsed) {
  lifetime = -10min;  // this machine's clock is ahead
  EXPECT_EQ(cache.get()->access_key_id, "1");
  EXPECT_EQ(cache.get()->access_key_id, "1");
}

TEST_F(CachedCredentialsTest, RejectedCredentialsAreFetchedAgainOnce) {
  const auto first = cache.get().value();
  cache.reject(first);
  EXPECT_EQ(cache.get()->access_key_id, "2");
  cache.reject(first);
  EXPECT_EQ(cache.get()->access_key_id, "2");
}

TEST(CachedCredentialsThreads, OneThreadRenewsWhileOthersContinue) {
  testing::ManualClock clock;
  std::atomic<int> fetches = 0;
  std::atomic<bool> hold = false;
  CachedCredentials cache(clock, [&]() -> Result<Credentials> {
    const int number = ++fetches;
    while (hold) std::this_thread::sleep_for(1ms);
    return Credentials{std::to_string(number), "s", "", clock.now() + 1h};
  });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] { EXPECT_EQ(cache.get()->access_key_id, "1"); });
  }
  clock.advance(57min);
  hold = true;
  std::jthread refresher([&] { EXPECT_EQ(cache.get()->access_key_id, "2"); });
  while (fetches < 2) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(cache.get()->access_key_id, "1");
  hold = false;
  refresher.join();
  EXPECT_EQ(cache.get()->access_key_id, "2");
  EXPECT_EQ(fetches, 2);
}

}  // namespace
}  // namespace classifier::aws
