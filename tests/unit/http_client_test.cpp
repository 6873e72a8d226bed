// The HTTP client against the HTTP server.
#include "adapters/client/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "adapters/http/server.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

using namespace std::chrono_literals;
using http::Request;
using http::Response;
using ::testing::HasSubstr;

class Counter final : public http::BodySink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    size_ += bytes.size();
    return {};
  }
  Response finish() override {
    return http::text_response(200, "text/plain", std::to_string(size_));
  }

 private:
  std::size_t size_ = 0;
};

class Pieces final : public http::BodyGenerator {
 public:
  explicit Pieces(bool breaks) : breaks_(breaks) {}
  Result<std::optional<std::string>> next() override {
    if (next_ == 3 && breaks_) return fail(ErrorCode::kInternal, "gone");
    if (next_ == 3) return std::nullopt;
    return std::to_string(next_++);
  }
  std::uint64_t memory() const override { return 0; }

 private:
  bool breaks_;
  int next_ = 0;
};

class Ticks final : public http::EventSource {
 public:
  Poll poll() override {
    if (++next_ < 3) return {.events = {{"tick", std::to_string(next_)}}, .last = false};
    return {.events = {{"end", "over"}}, .last = true};
  }

 private:
  int next_ = 0;
};

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() {
    auto router = std::make_shared<http::Router>();
    router->add("GET", "/echo", {}, [](const Request& request) {
      return http::text_response(200, "text/plain",
                                 std::string(request.query_value("q").value_or("")) + "|" +
                                     std::string(request.headers.get("X-API-Key")));
    });
    router->add("POST", "/fails/{times}", {},
                [this](const Request& request) { return fail_some(request); });
    router->add("GET", "/fails/{times}", {},
                [this](const Request& request) { return fail_some(request); });
    router->add("GET", "/status/{code}", {}, [](const Request& request) {
      return http::error_response(std::stoi(std::string(request.param("code"))), "the sentence");
    });
    router->add("GET", "/slow", {}, [](const Request&) {
      std::this_thread::sleep_for(500ms);
      return Response{};
    });
    router->add("GET", "/later", {}, [](const Request&) {
      return http::text_response(202, "application/json", R"({"message":"not yet"})");
    });
    router->add("GET", "/pieces/{how}", {}, [](const Request& request) {
      Response response;
      response.body =
          http::StreamBody{std::make_unique<Pieces>(request.param("how") == "broken"), {}};
      return response;
    });
    router->add("GET", "/events", {}, [](const Request&) {
      Response response;
      http::EventBody body;
      body.source = std::make_unique<Ticks>();
      body.interval = 1ms;
      response.body = std::move(body);
      return response;
    });
    http::RouteOptions upload;
    upload.max_body = 10 << 20;
    router->add_upload("PUT", "/objects/{key+}", upload,
                       [this](const Request& request) -> Result<std::unique_ptr<http::BodySink>> {
                         key_sent_ = request.headers.has("X-API-Key");
                         type_ = request.headers.get("Content-Type");
                         return std::make_unique<Counter>();
                       });
    port_ =
        server_.listen("127.0.0.1", 0, {router, std::make_shared<const http::Access>()}).value();
    server_.start();
    options_.first_backoff = 1ms;
    options_.max_backoff = 20ms;
  }
  ~HttpClientTest() override { server_.stop(1s); }

  Response fail_some(const Request& request) {
    if (calls_++ < std::stoi(std::string(request.param("times"))))
      return http::error_response(503, "busy");
    return http::text_response(200, "text/plain", request.body);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  HttpClient client() { return HttpClient(url(), "key", options_); }

  http::Server server_{{}};
  std::uint16_t port_ = 0;
  HttpClientOptions options_;
  std::atomic<int> calls_{0};
  std::atomic<bool> key_sent_{false};
  std::string type_;
};

TEST_F(HttpClientTest, SendsQueriesAndTheKey) {
  HttpClient client(url() + "/", "key", options_);
  const auto response = client.get("/echo", {{"q", "a&b ä"}});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "a&b ä|key");
  EXPECT_EQ(response->headers.at("content-type"), "text/plain");
}

TEST_F(HttpClientTest, TriesAgainWhereItDoesNoHarm) {
  HttpClient client(url(), "", options_);
  EXPECT_TRUE(client.get("/fails/3"));
  EXPECT_EQ(calls_, 4);
  calls_ = 0;
  EXPECT_FALSE(client.get("/fails/4"));
  calls_ = 0;
  const auto refused = client.post_json("/fails/1", "{}");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{ErrorCode::kUnavailable, "busy"}));
  EXPECT_EQ(calls_, 1);
  calls_ = 0;
  EXPECT_EQ(client.post_json("/fails/1", "{}", {{"Idempotency-Key", "k"}})->body, "{}");
}

TEST_F(HttpClientTest, PassesOnTheServersSentence) {
  HttpClient client(url(), "", options_);
  for (const auto& [status, code] :
       {std::pair{400, ErrorCode::kInvalidArgument}, std::pair{401, ErrorCode::kUnauthorized},
        std::pair{404, ErrorCode::kNotFound}, std::pair{409, ErrorCode::kConflict},
        std::pair{500, ErrorCode::kInternal}}) {
    const auto response = client.get("/status/" + std::to_string(status));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error(), (Error{code, "the sentence"})) << status;
  }
}

TEST_F(HttpClientTest, NamesTheServerThatCannotBeReached) {
  HttpClient nobody("http://127.0.0.1:1", "", options_);
  const auto response = nobody.get("/health");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("http://127.0.0.1:1:"));
  EXPECT_EQ(HttpClient("ftp://x", "", options_).get("/").error().code, ErrorCode::kInvalidArgument);
  options_.timeout = 100ms;
  EXPECT_THAT(HttpClient(url(), "", options_).get("/slow").error().message,
              HasSubstr("did not answer in time"));
}

TEST_F(HttpClientTest, StreamsAFileWithoutTheKey) {
  const testing::TempDir dir;
  const auto file = dir.path() / "image.jpg";
  std::ofstream(file) << std::string(3 << 20, 'x');
  HttpClient client(url(), "key", options_);
  std::uint64_t last = 0;
  const auto response = client.put_file(url() + "/objects/a.jpg", "image/jpeg", file,
                                        [&](std::uint64_t sent, std::uint64_t total) {
                                          EXPECT_EQ(total, 3U << 20);
                                          last = sent;
                                          return true;
                                        });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, std::to_string(3 << 20));
  EXPECT_EQ(last, 3U << 20);
  EXPECT_FALSE(key_sent_);
  EXPECT_EQ(type_, "image/jpeg");
  EXPECT_EQ(client.put_file(url() + "/objects/a", "image/jpeg", dir.path() / "none").error().code,
            ErrorCode::kNotFound);
  EXPECT_FALSE(client.put_file(url() + "/objects/a", "image/jpeg", file,
                               [](std::uint64_t, std::uint64_t) { return false; }));
}

TEST_F(HttpClientTest, HandsOverABodyAsItComes) {
  HttpClient client(url(), "", options_);
  std::string body;
  const auto collect = [&](std::string_view bytes) {
    body.append(bytes);
    return true;
  };
  EXPECT_TRUE(client.stream("/pieces/whole", {}, collect));
  EXPECT_EQ(body, "012");
  EXPECT_FALSE(client.stream("/pieces/broken", {}, collect)) << "a cut body is an error";
  EXPECT_TRUE(client.stream("/pieces/whole", {}, [](std::string_view) { return false; }));
  const auto later = client.stream("/later", {}, collect);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error(), (Error{ErrorCode::kConflict, "not yet"}));
}

TEST_F(HttpClientTest, ReadsEvents) {
  HttpClient client(url(), "", options_);
  std::string told;
  ASSERT_TRUE(client.events("/events", [&](std::string_view event, std::string_view data) {
    told.append(event).append("=").append(data).append(" ");
    return true;
  }));
  EXPECT_EQ(told, "tick=1 tick=2 end=over ");
  int count = 0;
  EXPECT_TRUE(
      client.events("/events", [&](std::string_view, std::string_view) { return ++count < 1; }));
  EXPECT_EQ(count, 1);
}

TEST_F(HttpClientTest, StopsOnRequest) {
  std::stop_source stop;
  options_.stop = stop.get_token();
  options_.max_backoff = options_.first_backoff = 60s;
  HttpClient client("http://127.0.0.1:1", "", options_);
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(client.get("/health"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST_F(HttpClientTest, ServesSeveralThreads) {
  HttpClient client(url(), "", options_);
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 20; ++j) good += client.get("/echo", {{"q", "x"}}).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(good, 80);
}

}  // namespace
}  // namespace classifier
