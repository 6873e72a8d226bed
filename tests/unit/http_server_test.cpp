#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "adapters/http/delivery.hpp"
#include "adapters/http/server.hpp"
#include "support/raw_client.hpp"

namespace classifier::http {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawAnswer;
using testing::RawClient;
using ::testing::StartsWith;

constexpr int kGzipOnly = 15 + 16;  // of zlib

// "(damaged)" unless `text` is exactly one gzip stream, to its end.
std::string gunzip(const std::string& text) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) return "(no zlib)";
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  std::string plain;
  int state = Z_OK;
  while (state == Z_OK) {
    std::string piece(1 << 16, '\0');
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    plain.append(piece, 0, piece.size() - stream.avail_out);
  }
  const bool whole = state == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  return whole ? plain : "(damaged)";
}

class Pieces final : public BodyGenerator {
 public:
  Pieces(int count, std::string piece, std::atomic<int>* made, int fails_at)
      : count_(count), piece_(std::move(piece)), made_(made), fails_at_(fails_at) {}
  Result<std::optional<std::string>> next() override {
    if (next_ == fails_at_) return fail(ErrorCode::kUnavailable, "the store is away");
    if (next_++ == count_) return std::nullopt;
    if (made_ != nullptr) ++*made_;
    return piece_;
  }
  std::uint64_t memory() const override { return piece_.size(); }

 private:
  int count_;
  std::string piece_;
  std::atomic<int>* made_;
  int fails_at_;
  int next_ = 0;
};

class Counting final : public EventSource {
 public:
  explicit Counting(int last) : last_(last) {}
  Poll poll() override {
    if (++next_ < last_) return {.events = {{"progress", std::to_string(next_)}}, .last = false};
    return {.events = {{"end", "a\nb"}}, .last = true};
  }

 private:
  int last_;
  int next_ = 0;
};

class Upload final : public BodySink {
 public:
  Upload(std::atomic<int>& abandoned, std::atomic<int>& pieces)
      : abandoned_(abandoned), pieces_(pieces) {}
  ~Upload() override {
    if (!finished_) ++abandoned_;
  }
  Result<void> write(std::span<const std::byte> bytes) override {
    size_ += bytes.size();
    largest_ = std::max(largest_, bytes.size());
    ++pieces_;
    return {};
  }
  Response finish() override {
    finished_ = true;
    return text_response(200, "text/plain",
                         std::to_string(size_) + (largest_ <= 65'536 ? " in pieces" : " at once"));
  }

 private:
  std::atomic<int>& abandoned_;
  std::atomic<int>& pieces_;
  bool finished_ = false;
  std::size_t size_ = 0;
  std::size_t largest_ = 0;
};

class ServerTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (server_) server_->stop(1s);
  }

  void start(AccessOptions access = {}) {
    auto router = std::make_shared<Router>();
    add_routes(*router);
    server_ = std::make_unique<Server>(ServerOptions{
        .io_threads = 2, .blocking_threads = 4, .limits = limits_, .observer = nullptr});
    auto port = server_->listen("127.0.0.1", 0,
                                {router, std::make_shared<const Access>(std::move(access))});
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
    server_->start();
  }

  void add_routes(Router& router) {
    const auto text = [](const std::string& body) {
      return [body](const Request&) { return text_response(200, "text/plain", body); };
    };
    RouteOptions open;
    open.needs_key = false;
    open.run = RunOn::kIoThread;
    router.add("GET", "/health", open, text("fine"));
    router.add("GET", "/images/{key+}/thumbnail", {}, [](const Request& request) {
      return text_response(200, "text/plain", "small " + std::string(request.param("key")));
    });
    router.add("DELETE", "/images/{key+}", {}, [](const Request& request) {
      return text_response(200, "text/plain", "gone " + std::string(request.param("key")));
    });
    router.add("POST", "/echo", {}, [](const Request& request) {
      return text_response(200, "text/plain", request.body);
    });
    router.add("GET", "/query", {}, [](const Request& request) {
      return text_response(200, "text/plain", std::string(request.query_value("q").value_or("-")));
    });
    router.add("GET", "/text/{size}", {}, [](const Request& request) {
      const std::string type(request.query_value("type").value_or("application/json"));
      const std::string text(std::stoul(std::string(request.param("size"))), 'x');
      Response response = text_response(200, type, "\"" + text + "\"");
      if (request.query_value("tag")) response.headers.add("ETag", "\"mine\"");
      if (request.query_value("kept")) response.headers.add("Cache-Control", "no-store");
      return response;
    });
    RouteOptions page;
    page.page = true;
    router.add("GET", "/page", page, [](const Request&) {
      return text_response(200, "application/json", std::string(5'000, 'x'));
    });
    router.add("POST", "/text", {}, [](const Request&) {
      return text_response(200, "application/json", std::string(5'000, 'x'));
    });
    router.add("GET", "/lines/{count}", {}, [](const Request& request) {
      Response response;
      response.headers.add("Content-Type", "text/csv; charset=utf-8");
      const auto fails = request.query_value("fails");
      response.body =
          StreamBody{std::make_unique<Pieces>(std::stoi(std::string(request.param("count"))),
                                              std::string(2'000, 'a') + "\n", nullptr,
                                              fails ? std::stoi(std::string(*fails)) : -1),
                     {}};
      return response;
    });
    router.add("GET", "/throws", {},
               [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
    router.add("GET", "/slow", {}, [this](const Request&) {
      ++slow_begun_;
      std::this_thread::sleep_for(300ms);
      return text_response(200, "text/plain", "done");
    });
    router.add("GET", "/pieces", {}, [](const Request&) {
      Response response;
      response.body = StreamBody{std::make_unique<Pieces>(3, "abc", nullptr, -1), {}};
      return response;
    });
    router.add("GET", "/much", {}, [this](const Request&) {
      Response response;
      response.body =
          StreamBody{std::make_unique<Pieces>(1'000, std::string(1 << 20, 'x'), &made_, -1), {}};
      return response;
    });
    router.add("GET", "/breaks/{at}", {}, [](const Request& request) {
      Response response;
      const int at = std::stoi(std::string(request.param("at")));
      response.body = StreamBody{std::make_unique<Pieces>(3, "abc", nullptr, at), {}};
      return response;
    });
    router.add("GET", "/events/{last}", {}, [](const Request& request) {
      Response response;
      response.headers.add("Content-Type", "text/event-stream");
      EventBody events;
      events.source = std::make_unique<Counting>(std::stoi(std::string(request.param("last"))));
      events.interval = 5ms;
      response.body = std::move(events);
      return response;
    });
    RouteOptions upload;
    upload.max_body = 1 << 20;
    router.add_upload("PUT", "/objects/{key+}", upload,
                      [this](const Request& request) -> Result<std::unique_ptr<BodySink>> {
                        if (request.query_value("no"))
                          return fail(ErrorCode::kForbidden, "not signed");
                        return std::make_unique<Upload>(abandoned_, pieces_);
                      });
  }

  RawAnswer call(const std::string& request) { return RawClient(port_).call(request); }
  RawAnswer get(const std::string& target) {
    return call("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  ServerLimits limits_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::atomic<int> abandoned_{0};
  std::atomic<int> pieces_{0};
  std::atomic<int> made_{0};
  std::atomic<int> slow_begun_{0};
};

TEST_F(ServerTest, AnswersWithTheHeadersThatEveryAnswerHas) {
  start();
  const RawAnswer answer = call("GET /health HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-id.1\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "fine");
  EXPECT_EQ(answer.header("X-Request-Id"), "my-id.1");
  EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer");
  EXPECT_THAT(answer.header("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(answer.header("Date"), HasSubstr(" GMT"));
}

TEST_F(ServerTest, MakesARequestIdWhereTheGivenOneIsNotUsable) {
  start();
  const RawAnswer answer = call("GET /health HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n");
  EXPECT_EQ(answer.header("X-Request-Id").size(), 16U);
}

TEST_F(ServerTest, ServesSeveralRequestsOnOneConnection) {
  start();
  RawClient client(port_);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").body, "fine");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(port_);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
      "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n"
      "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read().body, "one");
  EXPECT_EQ(client.read().body, "fine");
  EXPECT_EQ(client.read().body, "two");
  EXPECT_EQ(client.read().body, "fine");
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, AnswersARequestThatComesByteByByte) {
  start();
  RawClient client(port_);
  for (const char c :
       std::string("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")) {
    client.send(std::string(1, c));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(client.read().body, "hello");
}

TEST_F(ServerTest, KeepsHttp10ConnectionsOnlyOnRequest) {
  start();
  RawClient once(port_);
  EXPECT_EQ(once.call("GET /health HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(once.is_closed());
  RawClient twice(port_);
  EXPECT_EQ(
      twice.call("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("Connection"),
      "keep-alive");
  EXPECT_EQ(twice.call("GET /health HTTP/1.0\r\n\r\n").status, 200);
}

TEST_F(ServerTest, HeadHasTheHeaderOfGetWithoutItsBody) {
  start();
  RawClient client(port_);
  const RawAnswer head = client.call("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "4");
  EXPECT_EQ(client.call("HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n", true).status, 200);
  EXPECT_EQ(client.call("HEAD /events/9 HTTP/1.1\r\nHost: a\r\n\r\n", true).status, 200);
}

TEST_F(ServerTest, UnknownPathsAndMethodsHaveJsonErrors) {
  start();
  const RawAnswer missing = get("/nowhere");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, R"({"error":"there is nothing at /nowhere"})");
  EXPECT_EQ(missing.header("Content-Type"), "application/json");
  const RawAnswer method = call("POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.header("Allow"), "GET, HEAD, OPTIONS");
  const RawAnswer unknown = call("BREW /images/a HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(unknown.status, 405);
  EXPECT_EQ(unknown.header("Allow"), "DELETE, OPTIONS");
  EXPECT_EQ(call("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status, 204);
}

TEST_F(ServerTest, KeysHaveSlashesEitherWay) {
  start();
  EXPECT_EQ(get("/images/a/b%20c.jpg/thumbnail").body, "small a/b c.jpg");
  EXPECT_EQ(get("/images/a%2Fb%20c.jpg/thumbnail").body, "small a/b c.jpg");
  EXPECT_EQ(call("DELETE /images/a%2fb/c HTTP/1.1\r\nHost: a\r\n\r\n").body, "gone a/b/c");
  EXPECT_EQ(call("DELETE /images/%C3%A4+%25 HTTP/1.1\r\nHost: a\r\n\r\n").body, "gone ä+%");
  EXPECT_EQ(call("DELETE /images/ HTTP/1.1\r\nHost: a\r\n\r\n").status, 404);
}

TEST_F(ServerTest, BadEscapesInTheUrlAre400) {
  start();
  for (const std::string target :
       {"/images/%/thumbnail", "/images/%2/thumbnail", "/images/%zz/thumbnail",
        "/images/%ff/thumbnail", "/images/a%00b/thumbnail", "/query?q=%g1", "/\"", "no-slash"}) {
    const RawAnswer answer = get(target);
    EXPECT_EQ(answer.status, 400) << target;
    EXPECT_THAT(answer.body, StartsWith("{\"error\":")) << target;
  }
}

TEST_F(ServerTest, DecodesTheQuery) {
  start();
  EXPECT_EQ(get("/query?x=1&q=a%26b+c%2Bd").body, "a&b c+d");
  EXPECT_EQ(get("/query?q=").body, "");
  EXPECT_EQ(get("/query").body, "-");
  EXPECT_EQ(get("http://elsewhere/query?q=1").body, "1");
}

TEST_F(ServerTest, MalformedRequestsAre400AndTheConnectionCloses) {
  start();
  for (const std::string request :
       {"GARBAGE\r\n\r\n", "GET /health\r\n\r\n", "GET /health HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET /health HTTP/1.1\r\nHo st: a\r\n\r\n", "GET /health HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nX: b\r\n c: d\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}) {
    RawClient client(port_);
    const RawAnswer answer = client.call(request);
    EXPECT_EQ(answer.status, 400) << request;
    EXPECT_THAT(answer.body, StartsWith("{\"error\":")) << request;
    EXPECT_EQ(answer.header("Connection"), "close") << request;
    client.end_sending();
    EXPECT_TRUE(client.is_closed()) << request;
  }
  EXPECT_EQ(
      call("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
          .status,
      501);
}

TEST_F(ServerTest, LongUrlsAndHeadersAreRefused) {
  start();
  EXPECT_EQ(get("/query?q=" + std::string(8'100, 'a')).status, 200);
  EXPECT_EQ(get("/query?q=" + std::string(8'192, 'a')).status, 414);
  EXPECT_EQ(get("/query?q=" + std::string(40'000, 'a')).status, 414);
  EXPECT_EQ(
      call("GET /health HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n").status,
      431);
}

TEST_F(ServerTest, LargeBodiesAreRefusedBeforeTheyAreRead) {
  start();
  const RawAnswer answer =
      call("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("1048577"));
  EXPECT_EQ(call("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n180000\r\n" +
                 std::string(0x180000, 'x') + "\r\n0\r\n\r\n")
                .status,
            413);
  // The client sends the whole body before it reads, and still gets the answer.
  EXPECT_EQ(call("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n" +
                 std::string(30'000'000, 'x'))
                .status,
            413);
}

TEST_F(ServerTest, WhatIsAroundChunksMustEnd) {
  start();
  const std::string chunked = " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string fields = "0\r\n";
  while (fields.size() < 1'000'000) fields += "X-Sum: 12345678\r\n";
  for (const std::string& endless :
       {std::string(1'000'000, '0'), "3;" + std::string(1'000'000, 'x'),
        "3\r\nabc\r\n3;x=\"" + std::string(1'000'000, 'y'), fields,
        "3\r\nabc\r\n0\r\nX-Sum: " + std::string(1'000'000, '1')}) {
    for (const std::string target : {"GET /health", "POST /echo", "PUT /objects/a"}) {
      RawClient client(port_);
      const RawAnswer answer = client.call(target + chunked + endless);
      EXPECT_EQ(answer.status, 431) << target << " " << endless.substr(0, 20);
      EXPECT_THAT(answer.body, HasSubstr("at most 32768 bytes"));
      EXPECT_EQ(answer.header("Connection"), "close");
      client.end_sending();
      EXPECT_TRUE(client.is_closed());
    }
  }
  EXPECT_EQ(abandoned_, 5);
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(ServerTest, ChunksMayHaveExtensionsAndFieldsAfterThem) {
  start();
  RawClient client(port_);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(
      client
          .call(head +
                "3;a=b\r\nabc\r\n2;q=\"c d\"\r\nde\r\n0;last\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n")
          .body,
      "abcde");
  client.send(head + "3;x=" + std::string(20'000, 'y'));
  std::this_thread::sleep_for(20ms);
  client.send("\r\nabc\r\n0\r\nX-Sum: " + std::string(20'000, '1'));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(client.call("\r\n\r\n").body, "abc");
  // Each chunk has a line of its own, however many there are.
  std::string small;
  for (int i = 0; i < 20'000; ++i) small += "1;n\r\nx\r\n";
  EXPECT_EQ(client.call(head + small + "0\r\n\r\n").body, std::string(20'000, 'x'));
}

TEST_F(ServerTest, BodiesShareALimitedMemory) {
  limits_.body_memory = 1'000'000;
  start();
  const auto head_of = [](int length) {
    return "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) +
           "\r\nExpect: 100-continue\r\n\r\n";
  };
  RawClient first(port_);
  // Told to go on once it has its share of the memory, which it then keeps.
  ASSERT_EQ(first.call(head_of(700'000)).status, 100);
  const RawAnswer refused = call(head_of(300'001));
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.header("Retry-After").empty());
  EXPECT_EQ(call(head_of(300'000)).status, 100);
  const std::string chunks =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "493e1\r\n" +
      std::string(300'001, 'x') + "\r\n0\r\n\r\n";
  EXPECT_EQ(call(chunks).status, 503);
  EXPECT_EQ(first.call(std::string(700'000, 'x')).status, 200);
  // On the same connection, so that the share of the request before it has been given back.
  EXPECT_EQ(first.call(head_of(700'000)).status, 100);
}

// A client that reads slowly holds what its answer needs until it has read it.
TEST_F(ServerTest, AnswersShareALimitedMemory) {
  limits_.answer_memory = 3 << 20;
  start();
  const std::string request = "GET /much HTTP/1.1\r\nHost: a\r\n\r\n";
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(std::make_unique<RawClient>(port_));
    slow.back()->send(request);
    EXPECT_THAT(slow.back()->some(), StartsWith("HTTP/1.1 200 OK"));
  }
  const RawAnswer refused = call(request);
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.header("Retry-After").empty());
  EXPECT_EQ(get("/health").status, 200);
  slow.pop_back();
  int status = 503;
  for (const auto end = std::chrono::steady_clock::now() + 30s;
       status == 503 && std::chrono::steady_clock::now() < end;) {
    RawClient next(port_);
    next.send(request);
    if (next.some().starts_with("HTTP/1.1 200 OK")) status = 200;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(ServerTest, CompressesJsonAndCsvForWhoTakesIt) {
  start();
  const auto ask = [&](const std::string& target, const std::string& accept,
                       const std::string& method = "GET") {
    RawClient client(port_);
    return client.call(method + " " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" +
                           (accept.empty() ? "" : "Accept-Encoding: " + accept + "\r\n") + "\r\n",
                       method == "HEAD");
  };
  const std::string text = "\"" + std::string(5'000, 'x') + "\"";
  const RawAnswer plain = ask("/text/5000", "");
  EXPECT_EQ(plain.body, text);
  EXPECT_EQ(plain.header("Content-Encoding"), "");
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  const RawAnswer small = ask("/text/5000", "gzip, deflate, br");
  EXPECT_EQ(small.header("Content-Encoding"), "gzip");
  EXPECT_EQ(small.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(small.header("Content-Type"), "application/json");
  EXPECT_EQ(small.header("Content-Length"), std::to_string(small.body.size()));
  EXPECT_LT(small.body.size(), 100U);
  EXPECT_EQ(gunzip(small.body), text);
  EXPECT_NE(small.header("ETag"), plain.header("ETag")) << "other bytes";

  const RawAnswer head = ask("/text/5000", "gzip", "HEAD");
  for (const char* const name : {"Content-Encoding", "Content-Length", "ETag", "Vary"})
    EXPECT_EQ(head.header(name), small.header(name)) << name;
  EXPECT_EQ(ask("/text", "gzip", "POST").header("Content-Encoding"), "gzip");

  // What is small, not text, or compressed by its route is sent as it is.
  for (const char* const target :
       {"/text/900", "/text/5000?type=image/jpeg", "/text/5000?type=text/html", "/page"})
    EXPECT_EQ(ask(target, "gzip").header("Content-Encoding"), "") << target;
  EXPECT_EQ(ask("/events/2", "gzip").header("Content-Encoding"), "");
}

TEST_F(ServerTest, StreamsAreCompressedPieceByPiece) {
  start();
  const auto ask = [&](const std::string& target, const std::string& rest = " HTTP/1.1") {
    return call("GET " + target + rest + "\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  };
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += std::string(2'000, 'a') + "\n";
  const RawAnswer csv = ask("/lines/1000");
  EXPECT_EQ(csv.header("Content-Encoding"), "gzip");
  EXPECT_EQ(csv.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(csv.header("Content-Length"), "");
  EXPECT_EQ(gunzip(csv.body), text);
  EXPECT_EQ(get("/lines/1000").body, text);
  EXPECT_EQ(gunzip(ask("/lines/1000", " HTTP/1.0").body), text);
  EXPECT_EQ(ask("/pieces").body, "abcabcabc") << "of no type";
  EXPECT_EQ(ask("/lines/0").header("Content-Encoding"), "") << "empty";
  EXPECT_EQ(ask("/lines/3?fails=0").status, 503);
  EXPECT_EQ(gunzip(ask("/lines/3000?fails=2900").body), "(damaged)");
  RawClient client(port_);
  const RawAnswer head =
      client.call("HEAD /lines/3 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Vary"), "Accept-Encoding");
}

TEST_F(ServerTest, WithoutMemoryForItAnAnswerIsNotCompressed) {
  limits_.answer_memory = 100 << 10;
  start();
  const RawAnswer answer =
      call("GET /text/5000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_EQ(answer.header("Content-Encoding"), "");
  EXPECT_EQ(answer.body.size(), 5'002U);
  EXPECT_EQ(server_->answer_memory().used(), 0U);
}

TEST_F(ServerTest, WhoHasAnAnswerGetsNoSecondOne) {
  start();
  const auto ask = [&](const std::string& target, const std::string& headers,
                       const std::string& method = "GET") {
    RawClient client(port_);
    return client.call(method + " " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n",
                       method == "HEAD");
  };
  const std::string gzip = "Accept-Encoding: gzip\r\n";
  const RawAnswer first = ask("/text/5000", "");
  const std::string tag = first.header("ETag");
  EXPECT_EQ(tag.size(), 34U);
  EXPECT_EQ(first.header("Cache-Control"), "private, no-cache");
  const std::string has = "If-None-Match: " + tag + "\r\n";
  for (const std::string method : {"GET", "HEAD"}) {
    const RawAnswer same = ask("/text/5000", has, method);
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.body, "");
    EXPECT_EQ(same.header("ETag"), tag);
    EXPECT_EQ(same.header("Cache-Control"), "private, no-cache");
    EXPECT_EQ(same.header("Vary"), "Accept-Encoding");
    EXPECT_EQ(same.header("Content-Type"), "");
    EXPECT_EQ(same.header("Content-Length"), "");
  }
  // The tag of either form says that the client has it.
  const std::string other = ask("/text/5000", gzip).header("ETag");
  EXPECT_EQ(ask("/text/5000", gzip + has).header("ETag"), other);
  EXPECT_EQ(ask("/text/5000", "If-None-Match: " + other + "\r\n").header("ETag"), tag);
  EXPECT_EQ(ask("/text/5001", has).status, 200);
  EXPECT_EQ(ask("/text/5", "").header("ETag").size(), 34U);

  const std::string mine = "If-None-Match: \"mine\"\r\n";
  EXPECT_EQ(ask("/text/5?tag=1", "").header("ETag"), "\"mine\"");
  EXPECT_EQ(ask("/text/5?tag=1", mine).status, 304);
  EXPECT_EQ(ask("/text/5000?tag=1", gzip).header("ETag"), "\"mine-gzip\"");
  for (const char* const none : {"/text/5?type=text/csv", "/text/5?kept=1", "/page", "/pieces"})
    EXPECT_EQ(ask(none, "").header("ETag"), "") << none;
  EXPECT_EQ(get("/nowhere").header("ETag"), "");
  EXPECT_EQ(ask("/text", "Content-Length: 0\r\nIf-None-Match: *\r\n", "POST").status, 200);
}

TEST(DeliveryTest, ReadsWhatAClientTakes) {
  for (const char* const yes : {"gzip", "GZIP;q=0.1", "br, gzip", "*", "deflate, *;q=0.5", "x-gzip",
                                "gzip ; q=1.0", "*;q=0, gzip"})
    EXPECT_TRUE(takes_gzip(yes)) << yes;
  for (const char* const no :
       {"", "br", "identity", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "gzippy", ",;,"})
    EXPECT_FALSE(takes_gzip(no)) << no;
}

TEST_F(ServerTest, TellsAClientThatWaitsToGoOn) {
  start();
  RawClient client(port_);
  EXPECT_EQ(client
                .call("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                      "Expect: 100-continue\r\n\r\n")
                .status,
            100);
  EXPECT_EQ(client.call("ok").body, "ok");
  EXPECT_EQ(call("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n"
                 "Expect: 100-continue\r\n\r\n")
                .status,
            413);
  EXPECT_EQ(call("GET /health HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n").status, 417);
}

TEST_F(ServerTest, ASlowHeaderAndASlowBodyEndWith408) {
  limits_.header_time = 200ms;
  limits_.body_idle = 200ms;
  start();
  RawClient header(port_);
  EXPECT_EQ(header.call("GET /health HTTP/1.1\r\nHost").status, 408);
  EXPECT_EQ(call("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").status, 408);
  EXPECT_EQ(call("PUT /objects/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").status, 408);
  EXPECT_EQ(abandoned_, 1);
  RawClient silent(port_);
  EXPECT_TRUE(silent.is_closed());
}

TEST_F(ServerTest, IdleConnectionsAreClosed) {
  limits_.keep_alive_idle = 200ms;
  start();
  RawClient client(port_);
  EXPECT_EQ(client.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ServerTest, ConnectionsOverTheLimitAreTold) {
  limits_.connections = 2;
  start();
  RawClient one(port_);
  RawClient two(port_);
  EXPECT_EQ(one.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  EXPECT_EQ(two.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  RawClient three(port_);
  const RawAnswer refused = three.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.header("Retry-After").empty());
  EXPECT_EQ(one.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
}

TEST_F(ServerTest, AnExceptionIs500WithoutItsDetail) {
  start();
  const RawAnswer answer = get("/throws");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, AllOf(HasSubstr("error"), Not(HasSubstr("secret"))));
}

TEST_F(ServerTest, StreamsInChunksOrUntilTheEnd) {
  start();
  const RawAnswer chunks = get("/pieces");
  EXPECT_EQ(chunks.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(chunks.body, "abcabcabc");
  EXPECT_TRUE(chunks.complete);
  EXPECT_EQ(call("GET /pieces HTTP/1.0\r\n\r\n").body, "abcabcabc");
}

TEST_F(ServerTest, AStreamThatFailsIsAnErrorAtFirstAndACutLater) {
  start();
  const RawAnswer at_once = get("/breaks/0");
  EXPECT_EQ(at_once.status, 503);
  EXPECT_THAT(at_once.body, HasSubstr("the store is away"));
  const RawAnswer later = get("/breaks/2");
  EXPECT_EQ(later.status, 200);
  EXPECT_FALSE(later.complete);
}

TEST_F(ServerTest, MakesNoMoreThanTheClientTakes) {
  start();
  {
    RawClient client(port_);
    client.send("GET /much HTTP/1.1\r\nHost: a\r\n\r\n");
    std::this_thread::sleep_for(300ms);
    EXPECT_LT(made_, 40);  // the buffers of the sockets have room for some megabytes
  }
  const int made = made_;
  std::this_thread::sleep_for(100ms);
  EXPECT_LE(made_, made + 2);
}

TEST_F(ServerTest, SendsEventsUntilTheLast) {
  start();
  const RawAnswer answer = get("/events/3");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body,
            "event: progress\ndata: 1\n\nevent: progress\ndata: 2\n\n"
            "event: end\ndata: a\ndata: b\n\n");
}

TEST_F(ServerTest, StreamsUploadsPieceByPiece) {
  start();
  RawClient client(port_);
  EXPECT_EQ(
      client
          .call("PUT /objects/a/b.jpg HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n" +
                std::string(1'048'576, 'x'))
          .body,
      "1048576 in pieces");
  EXPECT_EQ(client.call("PUT /objects/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").body,
            "0 in pieces");
  EXPECT_EQ(client.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  EXPECT_EQ(abandoned_, 0);
}

TEST_F(ServerTest, RefusesUploadsThatAreNotWhole) {
  start();
  EXPECT_EQ(call("PUT /objects/a HTTP/1.1\r\nHost: a\r\n\r\n").status, 411);
  EXPECT_EQ(call("PUT /objects/a?no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345").status,
            403);
  RawClient client(port_);
  client.send("PUT /objects/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  client.end_sending();
  EXPECT_EQ(client.read().status, 400);
  EXPECT_EQ(abandoned_, 1);
}

TEST_F(ServerTest, AsksForAKeyWhereOneIsConfigured) {
  KeyRingOptions keys;
  keys.keys = {{.name = "first", .role = Role::kAdmin, .secret = "first"},
               {.name = "second", .role = Role::kRead, .secret = "second"}};
  const SystemClock clock;
  AccessOptions access;
  access.keys = std::move(*KeyRing::open(std::move(keys), clock));
  start(access);
  EXPECT_EQ(get("/health").status, 200);
  const RawAnswer without = get("/query");
  EXPECT_EQ(without.status, 401);
  EXPECT_EQ(without.header("WWW-Authenticate"), "Bearer");
  const auto with = [&](const std::string& field) {
    return call("GET /query HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n").status;
  };
  EXPECT_EQ(with("X-API-Key: second"), 200);
  EXPECT_EQ(with("Authorization: bearer first"), 200);
  EXPECT_EQ(with("X-API-Key: third"), 401);
  EXPECT_EQ(with("Authorization: Basic Zmlyc3Q="), 401);
  // GET needs read, DELETE needs admin, all others need write.
  const auto remove = [&](const std::string& key) {
    return call("DELETE /images/a HTTP/1.1\r\nHost: a\r\nX-API-Key: " + key + "\r\n\r\n").status;
  };
  EXPECT_EQ(remove("second"), 403);
  EXPECT_EQ(remove("first"), 200);
  EXPECT_EQ(
      call("POST /echo HTTP/1.1\r\nHost: a\r\nX-API-Key: second\r\nContent-Length: 1\r\n\r\nx")
          .status,
      403);
  // The key is checked before the body is read.
  EXPECT_EQ(call("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n").status, 401);
}

TEST_F(ServerTest, PagesOfAllowedOriginsMayCall) {
  AccessOptions access;
  access.allowed_origins = {"https://page.example"};
  start(access);
  const auto preflight = [&](const std::string& origin) {
    return call("OPTIONS /images/a HTTP/1.1\r\nHost: a\r\nOrigin: " + origin +
                "\r\nAccess-Control-Request-Method: DELETE\r\n\r\n");
  };
  const RawAnswer allowed = preflight("https://page.example");
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.header("Access-Control-Allow-Origin"), "https://page.example");
  EXPECT_EQ(allowed.header("Access-Control-Allow-Methods"), "DELETE, OPTIONS");
  EXPECT_EQ(allowed.header("Vary"), "Origin");
  const RawAnswer refused = preflight("https://other.example");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.header("Access-Control-Allow-Origin"), "");
  // The page can read errors, too.
  EXPECT_EQ(call("GET /none HTTP/1.1\r\nHost: a\r\nOrigin: https://page.example\r\n\r\n")
                .header("Access-Control-Allow-Origin"),
            "https://page.example");
}

TEST_F(ServerTest, AStarAllowsAllOrigins) {
  AccessOptions access;
  access.allowed_origins = {"*"};
  start(access);
  EXPECT_EQ(call("GET /health HTTP/1.1\r\nHost: a\r\nOrigin: null\r\n\r\n")
                .header("Access-Control-Allow-Origin"),
            "*");
}

TEST_F(ServerTest, StoppingLetsRequestsEnd) {
  start();
  RawClient busy(port_);
  RawClient idle(port_);
  RawClient listener(port_);
  EXPECT_EQ(idle.call("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  listener.send("GET /events/1000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  while (slow_begun_ == 0) std::this_thread::sleep_for(1ms);
  server_->stop(5s);
  const RawAnswer answer = busy.read();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(listener.read().complete);
  EXPECT_THROW(const RawClient late(port_), std::runtime_error);
}

TEST_F(ServerTest, StoppingEndsWhatTakesTooLong) {
  start();
  RawClient client(port_);
  client.send("GET /much HTTP/1.1\r\nHost: a\r\n\r\n");
  RawClient uploader(port_);
  uploader.send("PUT /objects/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  while (pieces_ == 0) std::this_thread::sleep_for(1ms);
  const auto begin = std::chrono::steady_clock::now();
  server_->stop(200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_EQ(abandoned_, 1);
}

TEST_F(ServerTest, SaysWhatToDoWhenThePortIsTaken) {
  start();
  Server second({});
  const auto port = second.listen("127.0.0.1", port_,
                                  {std::make_shared<Router>(), std::make_shared<const Access>()});
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().code, ErrorCode::kConflict);
  EXPECT_THAT(port.error().message,
              AllOf(HasSubstr(std::to_string(port_)), HasSubstr("127.0.0.1"), HasSubstr("taken")));
  EXPECT_EQ(second.listen("not-an-address", 0, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(second.listen("192.0.2.1", 0, {}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace classifier::http
