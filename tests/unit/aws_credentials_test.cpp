// Where credentials and the region are looked for, and how long credentials are cached.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "adapters/aws/client/cached_credentials.hpp"
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
  for (const char* const setting : {"credential_process", "role_arn", "sso_session"}) {
    write("config", "[default]\n" + std::string(setting) + " = x\n");
    const auto error = get().error();
    EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
    EXPECT_THAT(error.message, AllOf(HasSubstr(setting), HasSubstr("not supported"),
                                     HasSubstr("export-credentials --profile default")));
  }
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
