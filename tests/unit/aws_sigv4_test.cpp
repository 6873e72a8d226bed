// The signer against the examples that AWS publishes.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "adapters/aws/client/endpoint.hpp"
#include "adapters/aws/client/sigv4.hpp"
#include "domain/text.hpp"
#include "support/aws_environment.hpp"

namespace classifier::aws {
namespace {

using namespace std::chrono_literals;
using testing::environment_of;

std::string value_of(const Pairs& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::string after(const std::string& text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string::npos ? "no " + std::string(mark) : text.substr(at + mark.size());
}

struct Example {
  const char* name;
  const char* signature;
  const char* method = "GET";
  const char* path = "/";
  Pairs query = {};
  Pairs headers = {};
  const char* body = "";
};

// AWS's Signature Version 4 test suite.
class SuiteTest : public ::testing::TestWithParam<Example> {};

TEST_P(SuiteTest, SignatureIsThePublishedOne) {
  const Example& example = GetParam();
  const SigningKey key{
      {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}}, "us-east-1", "service"};
  const SignableRequest request{example.method, "example.amazonaws.com", example.path,
                                example.query, example.headers};
  const TimePoint now = std::chrono::sys_days{2015y / 8 / 30} + 12h + 36min;
  const Pairs added = sign_headers(request, sha256_hex(example.body), key, now);
  EXPECT_EQ(value_of(added, "X-Amz-Date"), "20150830T123600Z");
  EXPECT_EQ(after(value_of(added, "Authorization"), "Signature="), example.signature);
}

constexpr auto kVanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

INSTANTIATE_TEST_SUITE_P(
    Published, SuiteTest,
    ::testing::Values(
        Example{"get_vanilla", kVanilla},
        Example{"get_vanilla_query_order_key_case",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                "GET",
                "/",
                {{"Param2", "value2"}, {"Param1", "value1"}}},
        Example{"get_vanilla_empty_query_key",
                "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
                "GET",
                "/",
                {{"Param1", "value1"}}},
        Example{"get_vanilla_utf8_query",
                "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
                "GET",
                "/",
                {{"\u1234", "bar"}}},
        Example{"get_utf8", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
                "GET", "/\u1234"},
        Example{"get_space", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
                "GET", "/example space/"},
        Example{"get_relative", kVanilla, "GET", "/example/.."},
        Example{"get_relative_relative", kVanilla, "GET", "/example1/example2/../.."},
        Example{"get_slash", kVanilla, "GET", "//"},
        Example{"get_slash_dot_slash", kVanilla, "GET", "/./"},
        Example{"get_slash_pointless_dot",
                "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5", "GET",
                "/./example"},
        Example{"get_slashes", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
                "GET", "//example//"},
        Example{"get_header_key_duplicate",
                "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
                "GET",
                "/",
                {},
                {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}},
        Example{"get_header_value_trim",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
                "GET",
                "/",
                {},
                {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}},
        Example{"post_vanilla", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
                "POST"},
        Example{"post_header_key_case",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
                "POST",
                "/",
                {},
                {{"My-Header1", "value1"}}},
        Example{"post_x_www_form_urlencoded",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
                "POST",
                "/",
                {},
                {{"Content-Type", "application/x-www-form-urlencoded"}},
                "Param1=value1"}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(SigV4, OrderOfHeadersAndQueryDoesNotMatter) {
  const SigningKey key{{"id", "secret", "", {}}, "us-east-1", "service"};
  const SignableRequest one{
      "GET", "h", "/", {{"a", "2"}, {"a", "1"}, {"b", ""}}, {{"X", "1"}, {"Y", "2"}}};
  const SignableRequest other{
      "GET", "h", "/", {{"b", ""}, {"a", "1"}, {"a", "2"}}, {{"y", "2"}, {"x", "1"}}};
  EXPECT_EQ(sign_headers(one, "hash", key, TimePoint{}),
            sign_headers(other, "hash", key, TimePoint{}));
}

// The examples in the documentation of S3.
class S3SigV4 : public ::testing::Test {
 protected:
  static std::string signature(const SignableRequest& request, std::string_view body = "") {
    return after(value_of(sign_headers(request, sha256_hex(body), kKey, kNow), "Authorization"),
                 "Signature=");
  }
  static inline const SigningKey kKey{
      {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}},
      "us-east-1",
      "s3"};
  static constexpr TimePoint kNow = std::chrono::sys_days{2013y / 5 / 24};
  static constexpr auto kHost = "examplebucket.s3.amazonaws.com";
};

TEST_F(S3SigV4, GetObject) {
  EXPECT_EQ(signature({"GET", kHost, "/test.txt", {}, {{"Range", "bytes=0-9"}}}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3SigV4, PutObject) {
  EXPECT_EQ(signature({"PUT",
                       kHost,
                       "/test%24file.text",
                       {},
                       {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                        {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}},
                      "Welcome to Amazon S3."),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(S3SigV4, GetBucketLifecycle) {
  EXPECT_EQ(signature({"GET", kHost, "/", {{"lifecycle", ""}}, {}}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST_F(S3SigV4, ListObjects) {
  EXPECT_EQ(signature({"GET", kHost, "/", {{"max-keys", "2"}, {"prefix", "J"}}, {}}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_F(S3SigV4, PresignedGet) {
  EXPECT_EQ(after(presign_query({"GET", kHost, "/test.txt", {}, {}}, kKey, kNow, 86'400s),
                  "X-Amz-Signature="),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST_F(S3SigV4, PathsAreSignedAsSent) {
  EXPECT_NE(signature({"GET", kHost, "/a//b", {}, {}}), signature({"GET", kHost, "/a/b", {}, {}}));
}

TEST_F(S3SigV4, PresignedUrlNamesItsHeadersAndToken) {
  SigningKey key = kKey;
  key.credentials.session_token = "to/ken+";
  const std::string query = presign_query(
      {"PUT", kHost, "/cat.jpg", {}, {{"content-type", "image/jpeg"}}}, key, kNow, 3'600s);
  EXPECT_NE(query.find("X-Amz-SignedHeaders=content-type%3Bhost"), std::string::npos) << query;
  EXPECT_NE(query.find("X-Amz-Security-Token=to%2Fken%2B"), std::string::npos) << query;
  EXPECT_NE(query, presign_query({"PUT", kHost, "/cat.jpg", {}, {{"content-type", "image/png"}}},
                                 key, kNow, 3'600s));
}

TEST_F(S3SigV4, SessionTokenIsSigned) {
  SigningKey key = kKey;
  key.credentials.session_token = "token";
  const Pairs added = sign_headers({"GET", kHost, "/", {}, {}}, kUnsignedPayload, key, kNow);
  EXPECT_EQ(value_of(added, "X-Amz-Security-Token"), "token");
  EXPECT_EQ(value_of(added, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_NE(value_of(added, "Authorization")
                .find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
            std::string::npos);
}

TEST(AwsEndpoints, AwsItself) {
  const auto endpoints = Endpoints::from_environment("eu-central-1", environment_of({})).value();
  EXPECT_EQ(endpoints.resolve("sqs", "", "/").url(), "https://sqs.eu-central-1.amazonaws.com/");
  EXPECT_EQ(endpoints.resolve("s3", "photos", "/a%20b.jpg").url(),
            "https://photos.s3.eu-central-1.amazonaws.com/a%20b.jpg");
  EXPECT_EQ(endpoints.resolve("s3", "my.photos", "/a").url(),
            "https://s3.eu-central-1.amazonaws.com/my.photos/a");
  const auto china = Endpoints::from_environment("cn-north-1", environment_of({})).value();
  EXPECT_EQ(china.resolve("dynamodb", "", "/").url(),
            "https://dynamodb.cn-north-1.amazonaws.com.cn/");
}

TEST(AwsEndpoints, Configured) {
  const auto endpoints =
      Endpoints::from_environment("us-east-1",
                                  environment_of({{"AWS_ENDPOINT_URL", "http://127.0.0.1:4566/"},
                                                  {"AWS_ENDPOINT_URL_S3", "https://[::1]:443/s3/"},
                                                  {"AWS_ENDPOINT_URL_SQS", ""}}))
          .value();
  EXPECT_EQ(endpoints.resolve("sqs", "", "/").url(), "http://127.0.0.1:4566/");
  EXPECT_EQ(endpoints.resolve("s3", "photos", "/a").url(), "https://[::1]/s3/photos/a");
}

TEST(AwsEndpoints, InvalidValuesNameTheVariable) {
  for (const char* const bad :
       {"localhost:4566", "ftp://host", "http://", "http://user@host", "http://host:99999",
        "http://ho st", "http://host?x=1", "http://host#x"}) {
    const auto endpoints = Endpoints::from_environment(
        "us-east-1", environment_of({{"AWS_ENDPOINT_URL_DYNAMODB", bad}}));
    ASSERT_FALSE(endpoints) << bad;
    EXPECT_EQ(endpoints.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(endpoints.error().message.find("AWS_ENDPOINT_URL_DYNAMODB"), std::string::npos);
    EXPECT_NE(endpoints.error().message.find(bad), std::string::npos);
  }
}

}  // namespace
}  // namespace classifier::aws
