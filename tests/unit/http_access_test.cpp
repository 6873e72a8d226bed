// Who may call and how often: roles, rates, proxies, headers of every answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/http/access.hpp"
#include "adapters/http/rate_limiter.hpp"
#include "ports/clock.hpp"

namespace classifier::http {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(IpNetworkTest, ReadsAddressesAndRanges) {
  EXPECT_EQ(to_string(*parse_ip("::ffff:192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(to_string(*parse_ip("[2001:DB8::1]")), "2001:db8::1");
  EXPECT_EQ(to_string(*parse_ip("fe80::1%eth0")), "fe80::1");
  for (const char* const bad : {"", "x", "192.0.2", "192.0.2.256", "192.0.2.1:80", "::g"})
    EXPECT_FALSE(parse_ip(bad)) << bad;
  EXPECT_FALSE(parse_ip(std::string_view("192.0.2.1\0x", 11)));
  const auto contains = [](const char* network, const char* address) {
    return IpNetwork::parse(network)->contains(*parse_ip(address));
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("127.0.0.1", "::ffff:127.0.0.1"));
  for (const char* const bad : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "ten/8"})
    EXPECT_FALSE(IpNetwork::parse(bad)) << bad;
}

TEST(RateLimiterTest, ABurstThenTheRate) {
  RateLimiter limiter(2, 3);
  RateLimiter::Time now{};
  now += 1h;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("a", now), 0ns);
  EXPECT_EQ(limiter.take("a", now), 500ms);
  EXPECT_EQ(limiter.look("b", now), 0ns);
  EXPECT_EQ(limiter.take("b", now), 0ns);
  EXPECT_EQ(limiter.take("a", now + 500ms), 0ns);
  EXPECT_EQ(limiter.look("a", now + 500ms), 500ms);
  EXPECT_EQ(limiter.look("a", now + 600ms), 400ms);
  // A pause fills the bucket, but not beyond its capacity.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("a", now + 1h), 0ns);
  EXPECT_GT(limiter.take("a", now + 1h), 0ns);
}

TEST(RateLimiterTest, RemembersAsManySubjectsAsItMayAndThoseOfLate) {
  RateLimiter limiter(1, 1, 100);
  RateLimiter::Time now{};
  now += 1h;
  EXPECT_EQ(limiter.take("busy", now), 0ns);
  for (int i = 0; i < 100'000; ++i) {
    limiter.take(std::to_string(i), now);
    if (i % 50 == 0) {
      EXPECT_GT(limiter.take("busy", now), 0ns);
    }
  }
  EXPECT_EQ(limiter.subjects(), 100U);
  EXPECT_EQ(limiter.take("0", now), 0ns) << "was forgotten";
}

TEST(RateLimiterTest, NoRateIsNoLimitAndNoMemory) {
  RateLimiter limiter(0, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(limiter.take("a", {}), 0ns);
  EXPECT_EQ(limiter.subjects(), 0U);
}

class AccessTest : public ::testing::Test {
 protected:
  static AccessOptions with_keys() {
    KeyRingOptions ring;
    ring.keys = {{.name = "r", .role = Role::kRead, .secret = "reader"},
                 {.name = "w", .role = Role::kWrite, .secret = "writer"},
                 {.name = "a", .role = Role::kAdmin, .secret = "admin"}};
    static const SystemClock clock;
    AccessOptions options;
    options.keys = std::move(*KeyRing::open(std::move(ring), clock));
    return options;
  }
  static Request request(Headers headers = {}, const std::string& peer = "192.0.2.1") {
    Request made;
    made.method = "GET";
    made.headers = std::move(headers);
    made.peer = peer;
    return made;
  }
  static int status(const Access& access, const std::string& key, Role needed,
                    const std::string& peer = "192.0.2.1") {
    Request made = request({{"X-API-Key", key}}, peer);
    const auto refused = access.check_key(made, needed);
    return refused ? refused->status : 200;
  }
  static std::string body(const Response& response) { return std::get<std::string>(response.body); }
};

int status_of_page(const Access& access, const char* method, Headers headers) {
  Request made;
  made.method = method;
  made.headers = std::move(headers);
  const auto refused = access.check_page(made);
  return refused ? refused->status : 200;
}

TEST_F(AccessTest, WithoutKeysOnlyOwnNamesAreAnswered) {
  AccessOptions options;
  options.allowed_hosts = {"nas.local", "Other:8080"};
  options.public_base_url = "https://Photos.Example:8443/app";
  const Access access(options);
  for (const char* const own :
       {"localhost", "localhost:8080", "LOCALHOST.", "app.localhost:1", "127.0.0.1", "127.9.9.9:80",
        "[::1]:8080", "[::1]", "192.0.2.7:8080", "0.0.0.0:1", "nas.local", "NAS.local.:8080",
        "other", "photos.example", "photos.example:1"})
    EXPECT_EQ(status_of_page(access, "GET", {{"Host", own}}), 200) << own;
  const std::string longest(300, 'a');
  for (const std::string& foreign : std::vector<std::string>{
           "evil.example", "evil.example:8080", "localhost.evil.example", "xlocalhost",
           "127.0.0.1.evil.example", "nas.local.evil", "[evil]", "photos.example.evil", "256.0.0.1",
           ":8080", "@localhost", "evil.example:80@localhost", longest})
    EXPECT_EQ(status_of_page(access, "GET", {{"Host", foreign}}), 421) << foreign;
  EXPECT_EQ(status_of_page(access, "GET", {}), 200) << "HTTP/1.0, which no browser speaks";
  EXPECT_EQ(status_of_page(Access(with_keys()), "GET", {{"Host", "evil.example"}}), 200);
  Request made = request({{"Host", longest}});
  EXPECT_THAT(body(*access.check_page(made)), HasSubstr("ALLOWED_HOSTS"));
  EXPECT_LT(body(*access.check_page(made)).size(), 300U) << "the name is cut";
}

TEST_F(AccessTest, PagesOfOtherOriginsChangeNothing) {
  AccessOptions options;
  options.allowed_origins = {"https://page.example"};
  options.public_base_url = "https://photos.example";
  AccessOptions guarded = with_keys();
  guarded.allowed_origins = options.allowed_origins;
  guarded.public_base_url = options.public_base_url;
  for (const AccessOptions& each : {options, guarded}) {
    const Access access(each);
    for (const char* const method : {"POST", "PUT", "PATCH", "DELETE"}) {
      const auto from = [&](const char* field, const char* value) {
        return status_of_page(access, method, {{"Host", "localhost:8080"}, {field, value}});
      };
      EXPECT_EQ(status_of_page(access, method, {{"Host", "localhost:8080"}}), 200);
      EXPECT_EQ(from("Origin", "http://localhost:8080"), 200);
      EXPECT_EQ(from("Origin", "https://LOCALHOST:8080"), 200) << "behind a proxy";
      EXPECT_EQ(from("Origin", "https://page.example"), 200);
      EXPECT_EQ(from("Origin", "https://photos.example"), 200);
      for (const char* const foreign :
           {"https://evil.example", "null", "http://localhost", "http://localhost:3000",
            "http://localhost:8080.evil.example", "https://photos.example.evil", "x", "://"})
        EXPECT_EQ(from("Origin", foreign), 403) << foreign;
      EXPECT_EQ(from("Sec-Fetch-Site", "same-origin"), 200);
      EXPECT_EQ(from("Sec-Fetch-Site", "none"), 200);
      EXPECT_EQ(from("Sec-Fetch-Site", "same-site"), 403);
      EXPECT_EQ(from("Sec-Fetch-Site", "Cross-Site"), 403);
    }
    EXPECT_EQ(status_of_page(access, "GET", {{"Origin", "https://evil.example"}}), 200)
        << "which cannot read the answer";
  }
}

TEST_F(AccessTest, EachRoleMayDoWhatItMayDo) {
  const Access access(with_keys());
  const auto row = [&](const char* key) {
    return std::vector<int>{status(access, key, Role::kRead), status(access, key, Role::kWrite),
                            status(access, key, Role::kAdmin)};
  };
  EXPECT_THAT(row("reader"), ElementsAre(200, 403, 403));
  EXPECT_THAT(row("writer"), ElementsAre(200, 200, 403));
  EXPECT_THAT(row("admin"), ElementsAre(200, 200, 200));
  Request tried = request({{"Authorization", "Bearer reader"}});
  EXPECT_THAT(body(*access.check_key(tried, Role::kWrite)),
              HasSubstr("needs an API key with the role write; yours has the role read"));
  EXPECT_EQ(tried.key_name, "r");
}

TEST_F(AccessTest, WrongKeysFromOneAddressAreStopped) {
  const Access access(with_keys());
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(status(access, "guess-" + std::to_string(i), Role::kRead), 401) << i;
  Request guess = request({{"X-API-Key", "guess"}});
  const auto stopped = access.check_key(guess, Role::kRead);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->status, 429);
  EXPECT_EQ(stopped->headers.get("Retry-After"), "6");
  // Otherwise the client could go on guessing.
  EXPECT_EQ(status(access, "reader", Role::kRead), 429);
  // Other clients are not limited; all addresses of one IPv6 network are.
  EXPECT_EQ(status(access, "reader", Role::kRead, "192.0.2.2"), 200);
  for (int i = 0; i < 10; ++i)
    status(access, "guess", Role::kRead, "2001:db8::" + std::to_string(i + 1));
  EXPECT_EQ(status(access, "reader", Role::kRead, "2001:db8::ffff"), 429);
  EXPECT_EQ(status(access, "reader", Role::kRead, "2001:db8:0:1::1"), 200);
}

TEST_F(AccessTest, NoKeyIsNoGuess) {
  const Access access(with_keys());
  for (int i = 0; i < 100; ++i) {
    Request none = request();
    EXPECT_EQ(access.check_key(none, Role::kRead)->status, 401);
  }
  EXPECT_EQ(status(access, "reader", Role::kRead), 200);
}

TEST_F(AccessTest, KeysAndAddressesHaveTheirRates) {
  AccessOptions options = with_keys();
  options.rate_of_key = 2;
  options.rate_of_address = 3;
  const Access access(options);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(status(access, "reader", Role::kRead), 200) << i;
  EXPECT_EQ(status(access, "reader", Role::kRead, "192.0.2.9"), 429);
  EXPECT_EQ(status(access, "writer", Role::kRead), 200);
  for (int i = 0; i < 6; ++i) EXPECT_FALSE(access.check_rate(request())) << i;
  const auto refused = access.check_rate(request());
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->headers.get("Retry-After"), "1");
  EXPECT_THAT(body(*refused), HasSubstr("try again in 1 second"));
  EXPECT_FALSE(access.check_rate(request({}, "192.0.2.9")));
}

TEST_F(AccessTest, OnlyTrustedProxiesAreBelieved) {
  AccessOptions options;
  options.trusted_proxies = {*IpNetwork::parse("10.0.0.0/8"), *IpNetwork::parse("::1")};
  const Access access(options);
  const auto seen = [&](const std::string& peer, const std::string& forwarded) {
    Request made = request({{"X-Forwarded-For", forwarded}, {"X-Forwarded-Proto", "https"}});
    access.identify(made, peer, false);
    return made.peer + (made.https ? " https" : " http");
  };
  EXPECT_EQ(seen("192.0.2.1", "198.51.100.7"), "192.0.2.1 http");
  EXPECT_EQ(seen("10.1.2.3", "198.51.100.7"), "198.51.100.7 https");
  EXPECT_EQ(seen("::1", "2001:db8::5"), "2001:db8::5 https");
  // A client may send any value; the address that the first trusted proxy saw counts.
  EXPECT_EQ(seen("10.1.2.3", "1.1.1.1, 198.51.100.7, 10.9.9.9"), "198.51.100.7 https");
  EXPECT_EQ(seen("10.1.2.3", "10.5.5.5, 10.9.9.9"), "10.5.5.5 https");
  EXPECT_EQ(seen("10.1.2.3", "nonsense"), "10.1.2.3 https");
  EXPECT_EQ(seen("10.1.2.3", "nonsense, 198.51.100.7"), "10.1.2.3 https");
  Request several = request({{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "198.51.100.7"}});
  access.identify(several, "10.1.2.3", false);
  EXPECT_EQ(several.peer, "198.51.100.7");
}

TEST_F(AccessTest, UploadUrlsAreHttpsOnlyWhereTheClientIs) {
  const Access access;
  Request made = request({{"Host", "a.example"}, {"X-Forwarded-Proto", "https"}});
  access.identify(made, "192.0.2.1", false);
  EXPECT_EQ(origin_of(made), "http://a.example");
  access.identify(made, "192.0.2.1", true);
  EXPECT_EQ(origin_of(made), "https://a.example");
}

TEST_F(AccessTest, AnswersCannotBeRunFramedGuessedOrShared) {
  const auto headers = [](const Access& access, const Request& made, bool page = false) {
    Response response;
    access.add_headers(made, response, page);
    return response.headers;
  };
  const Access open;
  const Headers plain = headers(open, request({{"Host", "a.example"}}));
  EXPECT_EQ(plain.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(plain.get("Referrer-Policy"), "no-referrer");
  EXPECT_THAT(std::string(plain.get("Content-Security-Policy")), HasSubstr("default-src 'none'"));
  EXPECT_EQ(plain.get("Cross-Origin-Resource-Policy"), "same-site");
  EXPECT_EQ(plain.get("Cache-Control"), "no-store");
  EXPECT_FALSE(plain.has("Strict-Transport-Security"));
  EXPECT_FALSE(plain.has("Vary"));
  const Headers page = headers(open, request(), true);
  for (const char* const policy :
       {"default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}) {
    EXPECT_THAT(std::string(page.get("Content-Security-Policy")), HasSubstr(policy));
  }
  EXPECT_EQ(page.get("Cross-Origin-Opener-Policy"), "same-origin");
  EXPECT_EQ(headers(Access(with_keys()), request()).get("Vary"), "Authorization, X-API-Key");

  Request secure = request({{"Host", "a.example:8080"}});
  secure.https = true;
  EXPECT_EQ(headers(open, secure).get("Strict-Transport-Security"), "max-age=31536000");
  // Other programs on this machine may use plain HTTP.
  for (const char* const host : {"localhost:8080", "127.0.0.1:8080", "[::1]:8080"}) {
    secure.headers.set("Host", host);
    EXPECT_FALSE(headers(open, secure).has("Strict-Transport-Security")) << host;
  }
}

TEST_F(AccessTest, NoOriginGetsInWithCredentials) {
  AccessOptions options;
  options.allowed_origins = {"https://page.example"};
  const Access access(options);
  for (const char* const origin :
       {"https://page.example.evil.test", "http://page.example", "https://page.example:444", "null",
        "https://evil.test", "https://page.examplee"}) {
    const Request made = request({{"Origin", origin}});
    Response response;
    access.add_headers(made, response, false);
    EXPECT_FALSE(response.headers.has("Access-Control-Allow-Origin")) << origin;
    EXPECT_EQ(response.headers.get("Vary"), "Origin");
    EXPECT_EQ(access.preflight(made, "GET").status, 403) << origin;
  }
  options.allowed_origins = {"*"};
  Response response;
  Access(options).add_headers(request({{"Origin", "https://evil.test"}}), response, false);
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_FALSE(response.headers.has("Access-Control-Allow-Credentials"));
}

}  // namespace
}  // namespace classifier::http
