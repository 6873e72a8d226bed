// The AWS client against a server that fails in many ways.
#include "adapters/aws/client/aws_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "domain/text.hpp"
#include "support/aws_environment.hpp"

namespace classifier::aws {
namespace {

using namespace std::chrono_literals;
using http::Request;
using http::Response;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using testing::environment_of;
using ::testing::HasSubstr;

class Keys final : public CredentialsSource {
 public:
  Result<Credentials> get() override {
    const std::scoped_lock lock(mutex_);
    return Credentials{"id" + std::to_string(generation_), "secret", token_, expires_at_};
  }
  void reject(const Credentials& /*refused*/) override {
    const std::scoped_lock lock(mutex_);
    ++rejections_;
    if (renews_) ++generation_;
  }
  void renew_on_rejection() { renews_ = true; }
  void set_token(std::string token) { token_ = std::move(token); }
  void set_expiry(TimePoint time) { expires_at_ = time; }
  int rejections() const { return rejections_; }

 private:
  std::mutex mutex_;
  int generation_ = 1;
  std::atomic<int> rejections_ = 0;
  bool renews_ = false;
  std::string token_;
  std::optional<TimePoint> expires_at_;
};

class Counts final : public CallObserver {
 public:
  void call_done(std::string_view service, std::string_view operation, int attempts,
                 std::string_view outcome, std::chrono::milliseconds /*took*/) override {
    const std::scoped_lock lock(mutex_);
    lines_.push_back(fmt::format("{} {} {} {}", service, operation, attempts, outcome));
  }
  std::vector<std::string> lines() {
    const std::scoped_lock lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

// Sends some bytes, and then breaks the connection.
class CutBody final : public http::BodyGenerator {
 public:
  Result<std::optional<std::string>> next() override {
    if (std::exchange(begun_, true)) return fail(ErrorCode::kInternal, "cut");
    return "{";
  }
  std::uint64_t memory() const override { return 0; }

 private:
  bool begun_ = false;
};

Response cut() {
  Response response;
  response.body = http::StreamBody{std::make_unique<CutBody>(), 100};
  return response;
}

Response aws_error(int status, const std::string& code, const std::string& message = "because") {
  Response response = http::text_response(status, "application/x-amz-json-1.0",
                                          R"({"__type":"com.amazonaws.dynamodb.v20120810#)" + code +
                                              R"(","message":")" + message + R"("})");
  response.headers.add("x-amzn-RequestId", "REQ1");
  return response;
}

Response ok(std::string body = "{}") {
  return http::text_response(200, "application/x-amz-json-1.0", std::move(body));
}

// Captures the log. Must be constructed before the server and destroyed after it, whose threads
// log.
class CapturedLog {
 public:
  CapturedLog() { spdlog::set_default_logger(std::make_shared<spdlog::logger>("captured", sink_)); }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  std::string text() const {
    std::string all;
    for (const auto& line : sink_->last_formatted()) all += line;
    return all;
  }

 private:
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> sink_ =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(1'000);
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

class AwsClientTest : public ::testing::Test {
 protected:
  AwsClientTest() {
    options.base_backoff = 1ms;
    options.throttled_base_backoff = 1ms;
    options.max_backoff = 20ms;
    options.timeout = 5s;
  }
  AwsClient& client() {
    if (!client_) {
      auto endpoints = Endpoints::from_environment(
          "us-east-1", environment_of({{"AWS_ENDPOINT_URL", service_.url()}}));
      client_ = std::make_unique<AwsClient>(keys, std::move(*endpoints), clock, options, &counts);
    }
    return *client_;
  }
  static AwsRequest put_item(std::string body = "{}") {
    AwsRequest request;
    request.service = "dynamodb";
    request.operation = "PutItem";
    request.headers = {{"X-Amz-Target", "DynamoDB_20120810.PutItem"},
                       {"Content-Type", "application/x-amz-json-1.0"}};
    request.body = std::move(body);
    return request;
  }
  static AwsRequest s3(std::string method, std::string operation) {
    AwsRequest request;
    request.service = "s3";
    request.operation = std::move(operation);
    request.method = std::move(method);
    request.bucket = "photos";
    request.path = "/a%20b/../c%2Bd.jpg";
    return request;
  }
  // Answers the n-th request, counted from 1.
  std::function<Response(int, const Request&)> answer = [](int, const Request&) { return ok(); };
  std::atomic<int> requests = 0;
  AwsClientOptions options;
  std::shared_ptr<Keys> keys = std::make_shared<Keys>();
  testing::SkewedClock clock;
  Counts counts;
  CapturedLog log;

 private:
  testing::FakeService service_{
      [this](const Request& request) { return answer(++requests, request); }};
  std::unique_ptr<AwsClient> client_;
};

TEST_F(AwsClientTest, SignsWhatItSends) {
  keys->set_token("token");
  answer = [](int, const Request& request) {
    const std::string date(request.headers.get("X-Amz-Date"));
    const std::string authorization(request.headers.get("Authorization"));
    SignableRequest signable{
        request.method, std::string(request.headers.get("Host")), request.path, request.query, {}};
    const auto begin = authorization.find("SignedHeaders=") + 14;
    std::stringstream names(authorization.substr(begin, authorization.find(',', begin) - begin));
    for (std::string name; std::getline(names, name, ';');) {
      const bool added = name == "x-amz-date" || name == "x-amz-content-sha256" ||
                         name == "x-amz-security-token" || name == "host";
      if (!added) signable.headers.emplace_back(name, request.headers.get(name));
    }
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::sscanf(date.c_str(), "%4d%2d%2dT%2d%2d%2dZ", &year, &month, &day, &hour, &minute, &second);
    const TimePoint time = std::chrono::sys_days{std::chrono::year(year) / month / day} +
                           std::chrono::hours(hour) + std::chrono::minutes(minute) +
                           std::chrono::seconds(second);
    const Credentials credentials{"id1", "secret", "token", {}};
    const SigningKey key{credentials, "us-east-1", "s3"};
    const Pairs expected = sign_headers(signable, sha256_hex(request.body), key, time);
    const bool right = expected.back().second == authorization && !request.headers.has("Expect");
    return right ? ok(request.body) : http::error_response(403, "SignatureDoesNotMatch");
  };
  AwsRequest request = s3("PUT", "PutObject");
  request.query = {{"x-id", "Put Object/+"}, {"acl", ""}};
  request.headers = {{"content-type", "image/jpeg"}, {"x-amz-meta-name", "a   b"}};
  request.body = std::string(2 << 20, 'x');
  const auto response = client().call(request);
  ASSERT_TRUE(response) << to_error(response.error()).message;
  EXPECT_EQ(response->body.size(), request.body.size());
  request.headers = {};
  request.body = "";
  EXPECT_TRUE(client().call(request));
  EXPECT_TRUE(client().call(s3("GET", "GetObject")));
  EXPECT_TRUE(client().call(s3("DELETE", "DeleteObject")));
}

TEST_F(AwsClientTest, ThrottledCallsAreRetried) {
  answer = [](int n, const Request&) {
    return n <= 2 ? aws_error(400, "ProvisionedThroughputExceededException") : ok();
  };
  AwsRequest request = put_item();
  EXPECT_TRUE(client().call(request));
  EXPECT_THAT(counts.lines(), ::testing::ElementsAre("dynamodb PutItem 3 ok"));
}

TEST_F(AwsClientTest, ServerErrorsAndBrokenConnectionsAreRetried) {
  answer = [](int n, const Request&) {
    if (n == 1) return http::text_response(502, "text/html", "<html>bad gateway</html>");
    if (n == 2) return cut();
    return ok("{\"n\":3}");
  };
  EXPECT_EQ(client().call(put_item())->body, "{\"n\":3}");
}

TEST_F(AwsClientTest, FailsAfterTheLastAttempt) {
  answer = [](int, const Request&) { return aws_error(503, "ServiceUnavailable"); };
  const auto error = client().call(put_item()).error();
  EXPECT_EQ(requests, 5);
  EXPECT_EQ(error.kind, ErrorCode::kUnavailable);
}

TEST_F(AwsClientTest, RetriesStopWhenTheBudgetIsSpent) {
  options.retry_budget = 20;
  answer = [](int, const Request&) { return aws_error(500, "InternalServerError"); };
  std::vector<AwsRequest> batch(10, put_item());
  for (const auto& result : client().call_all(batch)) EXPECT_FALSE(result);
  EXPECT_EQ(requests, 10 + 20 / 5);
  answer = [](int, const Request&) { return ok(); };
  client().call_all(batch);
  requests = 0;
  answer = [](int, const Request&) { return aws_error(500, "InternalServerError"); };
  EXPECT_FALSE(client().call(put_item()));
  EXPECT_EQ(requests, 3) << "ten successes pay for two retries";
}

TEST_F(AwsClientTest, OutageOfOneServiceLeavesTheOthersTheirRetries) {
  options.retry_budget = 20;
  answer = [](int, const Request&) { return aws_error(500, "InternalServerError"); };
  std::vector<AwsRequest> batch(10, put_item());
  client().call_all(batch);
  requests = 0;
  EXPECT_FALSE(client().call(put_item()));
  EXPECT_EQ(requests, 1) << "the budget of DynamoDB is spent";
  requests = 0;
  EXPECT_FALSE(client().call(s3("GET", "GetObject")));
  EXPECT_EQ(requests, 1 + 20 / 5) << "that of S3 is not";
}

TEST_F(AwsClientTest, ClientsMayShareTheirRetryBudgets) {
  options.retry_budgets = std::make_shared<RetryBudgets>(20);
  ASSERT_TRUE(options.retry_budgets->take("dynamodb", 20));  // by another client
  answer = [](int, const Request&) { return aws_error(500, "InternalServerError"); };
  EXPECT_FALSE(client().call(put_item()));
  EXPECT_EQ(requests, 1);
}

TEST_F(AwsClientTest, PatienceLimitsRetriesAndAttempts) {
  options.timeout = 1h;
  options.max_backoff = 1h;
  auto request = put_item();
  request.patience = 10min;
  answer = [](int, const Request&) {
    Response response = aws_error(503, "ServiceUnavailable");
    response.headers.add("Retry-After", "1000");
    return response;
  };
  EXPECT_EQ(client().call(request).error().status, 503);
  EXPECT_EQ(requests, 1);
  std::promise<void> returned;
  const auto done = returned.get_future().share();
  answer = [done](int, const Request&) {
    done.wait();
    return ok();
  };
  request.patience = 50ms;
  EXPECT_EQ(client().call(request).error().code, kTimedOutCode);
  returned.set_value();
}

TEST_F(AwsClientTest, OtherErrorsAreNotRetried) {
  answer = [](int, const Request&) { return aws_error(400, "ConditionalCheckFailedException"); };
  const auto error = client().call(put_item()).error();
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(error.code, "ConditionalCheckFailedException");
  EXPECT_EQ(error.request_id, "REQ1");
  EXPECT_THAT(error.body, HasSubstr("__type"));
  EXPECT_EQ(to_error(error),
            (Error{ErrorCode::kConflict,
                   "DynamoDB PutItem failed: ConditionalCheckFailedException: because (request id "
                   "REQ1)"}));
}

TEST_F(AwsClientTest, RetryAfterIsObeyed) {
  options.max_backoff = 300ms;
  answer = [](int n, const Request&) {
    if (n > 1) return ok();
    Response response = aws_error(503, "SlowDown");
    response.headers.add("Retry-After", "60");
    return response;
  };
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(client().call(put_item()));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 299ms) << "the longest wait that is obeyed";
}

TEST_F(AwsClientTest, SlowAnswersTimeOutButLongPollsDoNot) {
  options.timeout = 200ms;
  answer = [](int n, const Request&) {
    if (n != 2) std::this_thread::sleep_for(600ms);
    return ok();
  };
  EXPECT_TRUE(client().call(put_item()));
  EXPECT_EQ(requests, 2);
  AwsRequest poll = put_item();
  poll.extra_time = 10s;
  EXPECT_TRUE(client().call(poll));
  EXPECT_EQ(requests, 3);
}

TEST_F(AwsClientTest, WrongClockIsCorrectedAndLoggedOnce) {
  clock.set_offset(-10min);
  const std::string expired = "Signature expired: is now earlier than";
  // The server rejects the dates of the first two requests.
  answer = [&](int n, const Request&) {
    return n <= 2 ? aws_error(403, "InvalidSignatureException", expired) : ok();
  };
  const auto results = client().call_all({put_item(), put_item()});
  EXPECT_TRUE(results[0]);
  EXPECT_TRUE(results[1]);
  std::string date;
  answer = [&](int, const Request& request) {
    date = request.headers.get("X-Amz-Date");
    return ok();
  };
  EXPECT_TRUE(client().call(put_item()));
  const std::string said = log.text();
  EXPECT_GT(date, to_compact(SystemClock().now() - 2min).replace(8, 1, "T"));
  EXPECT_EQ(requests, 5);
  EXPECT_THAT(said, ContainsRegex("(599|600|601) s behind"));
  EXPECT_EQ(said.find("set the clock"), said.rfind("set the clock"));
}

TEST_F(AwsClientTest, WrongSecretIsNotMistakenForAWrongClock) {
  answer = [](int, const Request&) { return aws_error(403, "SignatureDoesNotMatch"); };
  const auto error = to_error(client().call(put_item()).error());
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
  EXPECT_THAT(error.message, HasSubstr("check AWS_SECRET_ACCESS_KEY"));
}

TEST_F(AwsClientTest, ExpiredTokenIsRenewedOnce) {
  keys->renew_on_rejection();
  answer = [](int, const Request& request) {
    const bool fresh = request.headers.get("Authorization").find("id2/") != std::string::npos;
    return fresh ? ok() : aws_error(400, "ExpiredTokenException");
  };
  EXPECT_TRUE(client().call(put_item()));
  EXPECT_EQ(requests, 2);
  answer = [](int, const Request&) { return aws_error(400, "ExpiredTokenException"); };
  const auto error = to_error(client().call(put_item()).error());
  EXPECT_EQ(requests, 4);
  EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
}

TEST_F(AwsClientTest, UnchangedUnknownKeysFailAtOnce) {
  answer = [](int, const Request&) { return aws_error(400, "UnrecognizedClientException"); };
  EXPECT_FALSE(client().call(put_item()));
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(keys->rejections(), 1);
}

TEST_F(AwsClientTest, ErrorsOfS3) {
  answer = [](int, const Request& request) {
    if (request.method == "HEAD") return http::text_response(404, "application/xml", "");
    Response response = http::text_response(
        request.method == "PUT" ? 200 : 301, "application/xml",
        "<?xml version=\"1.0\"?>\n<Error><Code>" +
            std::string(request.method == "PUT" ? "InternalError" : "PermanentRedirect") +
            "</Code><Message>go &amp; see</Message><RequestId>R2</RequestId></Error>");
    response.headers.add("x-amz-bucket-region", "eu-west-1");
    return response;
  };
  const auto head = client().call(s3("HEAD", "HeadObject")).error();
  EXPECT_EQ(head.code, "NotFound");
  EXPECT_EQ(head.kind, ErrorCode::kNotFound);
  EXPECT_EQ(requests, 1);
  const auto get = client().call(s3("GET", "GetObject")).error();
  EXPECT_THAT(to_error(get).message,
              AllOf(HasSubstr("S3 GetObject failed: PermanentRedirect: go & see"),
                    HasSubstr("eu-west-1"), HasSubstr("(request id R2)"), HasSubstr("AWS_REGION")));
  EXPECT_EQ(requests, 2);
  const auto copy = client().call(s3("PUT", "CopyObject")).error();
  EXPECT_EQ(copy.code, "InternalError");
  EXPECT_EQ(requests, 2 + 5) << "200 with an error in its body is one, and is tried again";
}

TEST_F(AwsClientTest, LargeAnswersAreRefused) {
  answer = [](int, const Request&) { return ok(std::string(100'000, 'x')); };
  AwsRequest request = s3("GET", "GetObject");
  request.max_response_bytes = 99'999;
  const auto error = client().call(request).error();
  EXPECT_EQ(error.code, kResponseTooLargeCode);
  EXPECT_EQ(to_error(error).code, ErrorCode::kTooLarge);
  EXPECT_EQ(requests, 1);
  request.max_response_bytes = 100'000;
  EXPECT_EQ(client().call(request)->body.size(), 100'000U);
  request.method = "HEAD";
  request.max_response_bytes = 0;
  EXPECT_EQ(client().call(request)->headers.at("content-length"), "100000");
}

TEST_F(AwsClientTest, ResultsAreInOrderOverFewConnections) {
  options.max_connections = 4;
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  answer = [&](int n, const Request& request) {
    const int running = ++now;
    for (int seen = most; running > seen && !most.compare_exchange_weak(seen, running);) {
    }
    std::this_thread::sleep_for(1ms);
    --now;
    return n % 7 == 0 ? aws_error(500, "InternalServerError") : ok(request.body);
  };
  std::vector<AwsRequest> batch;
  for (int i = 0; i < 200; ++i) batch.push_back(put_item(std::to_string(i)));
  options.retry_budget = 10'000;
  options.max_attempts = 20;
  const auto results = client().call_all(std::move(batch));
  ASSERT_EQ(results.size(), 200U);
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(results[static_cast<std::size_t>(i)]->body, std::to_string(i));
  EXPECT_LE(most, 4);
}

TEST_F(AwsClientTest, ManyThreadsCallAtOnce) {
  answer = [](int, const Request& request) { return ok(request.body); };
  client();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string body = std::to_string(t * 100 + i);
        EXPECT_EQ(client().call(put_item(body))->body, body);
      }
    });
  }
}

TEST_F(AwsClientTest, StopEndsWaitingAndRunningCalls) {
  options.max_backoff = 60s;
  options.base_backoff = 60s;
  options.throttled_base_backoff = 60s;
  options.timeout = 60s;
  std::promise<void> both;
  answer = [&](int n, const Request& request) {
    if (n == 2) both.set_value();
    if (request.body == "slow") std::this_thread::sleep_for(1s);
    Response response = aws_error(503, "SlowDown");
    response.headers.add("Retry-After", "60");
    return response;
  };
  auto calls = std::async(std::launch::async,
                          [&] { return client().call_all({put_item("slow"), put_item()}); });
  both.get_future().wait();
  client().stop();
  for (const auto& result : calls.get()) EXPECT_EQ(result.error().kind, ErrorCode::kUnavailable);
  const auto later = client().call(put_item());
  EXPECT_EQ(later.error().code, kStoppedCode);
  EXPECT_EQ(requests, 2);
}

TEST_F(AwsClientTest, EmptyBatch) { EXPECT_TRUE(client().call_all({}).empty()); }

TEST_F(AwsClientTest, PresignedUrl) {
  const auto url = client().presign(
      {.bucket = "photos", .key = "uploads/a b+c.jpg", .content_type = "image/jpeg"});
  EXPECT_THAT(url->url, AllOf(HasSubstr("/photos/uploads/a%20b%2Bc.jpg?X-Amz-Algorithm="),
                              HasSubstr("X-Amz-Expires=3600"),
                              HasSubstr("X-Amz-SignedHeaders=content-type%3Bhost")));
}

TEST_F(AwsClientTest, PresignedUrlLastsNoLongerThanItsCredentials) {
  const PresignRequest request{.bucket = "photos", .key = "a.jpg", .content_type = {}};
  const auto validity = [&](std::chrono::seconds left) {
    keys->set_expiry(clock.now() + left);
    return client().presign(request);
  };
  EXPECT_EQ(validity(2h)->validity, 1h);
  const auto shorter = validity(10min);
  EXPECT_THAT(shorter->validity, AllOf(::testing::Le(10min), ::testing::Gt(9min)));
  EXPECT_THAT(shorter->url,
              HasSubstr("X-Amz-Expires=" + std::to_string(shorter->validity.count()) + "&"));
  const auto none = validity(0s);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorCode::kUnavailable);
}

TEST(AwsClientAlone, UnreachableServer) {
  testing::SkewedClock clock;
  AwsClientOptions options;
  options.base_backoff = 1ms;
  options.max_attempts = 2;
  const auto environment = environment_of({{"AWS_REGION", "us-east-1"},
                                           {"AWS_ENDPOINT_URL", "http://127.0.0.1:1"},
                                           {"AWS_ACCESS_KEY_ID", "id"},
                                           {"AWS_SECRET_ACCESS_KEY", "s"}});
  const auto client = make_aws_client(clock, options, nullptr, environment).value();
  AwsRequest request;
  request.service = "sqs";
  request.operation = "SendMessage";
  const Error error = to_error(client->call(request).error());
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("SQS SendMessage failed: cannot connect to http://127.0.0.1:1"),
                    HasSubstr("AWS_ENDPOINT_URL")));
}

TEST(AwsClientAlone, NoCredentials) {
  testing::SkewedClock clock;
  const auto environment = environment_of({{"AWS_REGION", "us-east-1"},
                                           {"HOME", "/nonexistent"},
                                           {"AWS_EC2_METADATA_DISABLED", "true"}});
  const auto client = make_aws_client(clock, {}, nullptr, environment).value();
  AwsRequest request;
  request.service = "s3";
  request.operation = "PutObject";
  const auto error = client->call(request).error();
  EXPECT_EQ(error.code, kNoCredentialsCode);
  EXPECT_EQ(to_error(error).code, ErrorCode::kUnauthorized);
}

TEST(AwsErrors, KindsAndAdvice) {
  const auto parsed = [](int status, const std::string& code) {
    return parse_error("sqs", "X", status, {}, R"({"__type":"com.amazonaws.sqs#)" + code + "\"}");
  };
  EXPECT_EQ(parsed(400, "QueueDoesNotExist").kind, ErrorCode::kNotFound);
  EXPECT_EQ(parsed(400, "ResourceNotFoundException").kind, ErrorCode::kNotFound);
  EXPECT_EQ(parsed(400, "AccessDeniedException").kind, ErrorCode::kForbidden);
  EXPECT_EQ(parsed(400, "ThrottlingException").kind, ErrorCode::kUnavailable);
  EXPECT_EQ(parsed(400, "ValidationException").kind, ErrorCode::kInvalidArgument);
  EXPECT_EQ(parsed(403, "InvalidAccessKeyId").kind, ErrorCode::kUnauthorized);
  EXPECT_EQ(parsed(412, "PreconditionFailed").kind, ErrorCode::kConflict);
  AwsError missing = parsed(400, "QueueDoesNotExist");
  missing.context = "the queue q of REQUEST_QUEUE_URL";
  EXPECT_THAT(to_error(missing).message, HasSubstr("; the queue q of REQUEST_QUEUE_URL"));
}

}  // namespace
}  // namespace classifier::aws
