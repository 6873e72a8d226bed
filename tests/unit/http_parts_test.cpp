// The parts of the HTTP adapter that need no connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "adapters/api/static_files.hpp"
#include "adapters/http/access.hpp"
#include "adapters/http/json_body.hpp"
#include "adapters/http/multipart.hpp"
#include "adapters/http/router.hpp"
#include "adapters/http/wire.hpp"
#include "domain/text.hpp"
#include "support/temp_dir.hpp"

namespace classifier::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

Response nothing(const Request&) { return {}; }

std::string matched(const Router& router, std::string_view method, std::string_view path) {
  const RouteMatch match = router.match(method, path);
  switch (match.outcome) {
    case RouteMatch::Outcome::kUnknownPath:
      return "unknown";
    case RouteMatch::Outcome::kOtherMethod:
      return "allow " + match.allowed;
    case RouteMatch::Outcome::kBadPath:
      return "bad";
    case RouteMatch::Outcome::kFound:
      break;
  }
  std::string text = match.route->pattern;
  for (const auto& [name, value] : match.params) text.append(" ").append(value);
  return text;
}

TEST(RouterTest, FindsTheFirstPatternThatFits) {
  Router router;
  router.add("GET", "/", {}, nothing);
  router.add("GET", "/jobs", {}, nothing);
  router.add("GET", "/result/{id}.csv", {}, nothing);
  router.add("GET", "/result/{id}", {}, nothing);
  router.add("POST", "/jobs/{id}/cancel", {}, nothing);
  router.add("GET", "/images/{key+}/thumbnail", {}, nothing);
  router.add("GET", "/images/{key+}", {}, nothing);
  router.add("DELETE", "/images/{key+}", {}, nothing);
  EXPECT_EQ(matched(router, "GET", "/"), "/");
  EXPECT_EQ(matched(router, "HEAD", "/jobs"), "/jobs");
  EXPECT_EQ(matched(router, "GET", "/jobs/"), "unknown");
  EXPECT_EQ(matched(router, "GET", "/jobs/1"), "unknown");
  EXPECT_EQ(matched(router, "GET", "/result/a.csv"), "/result/{id}.csv a");
  EXPECT_EQ(matched(router, "GET", "/result/.csv"), "/result/{id} .csv");
  EXPECT_EQ(matched(router, "GET", "/result/a"), "/result/{id} a");
  EXPECT_EQ(matched(router, "GET", "/result/"), "unknown");
  EXPECT_EQ(matched(router, "GET", "/result/a%2Fb"), "/result/{id} a/b");
  EXPECT_EQ(matched(router, "POST", "/jobs/x/cancel"), "/jobs/{id}/cancel x");
  EXPECT_EQ(matched(router, "GET", "/jobs/x/cancel"), "allow POST, OPTIONS");
  EXPECT_EQ(matched(router, "GET", "/images/a/b/thumbnail"), "/images/{key+}/thumbnail a/b");
  EXPECT_EQ(matched(router, "GET", "/images/a/b"), "/images/{key+} a/b");
  EXPECT_EQ(matched(router, "GET", "/images/a%2Fb/%2e%2e"), "/images/{key+} a/b/..");
  EXPECT_EQ(matched(router, "PUT", "/images/a"), "allow GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(matched(router, "GET", "/images/"), "unknown");
  EXPECT_EQ(matched(router, "GET", "/images/thumbnail"), "/images/{key+} thumbnail");
  EXPECT_EQ(matched(router, "GET", "/images/%FF"), "bad");
  EXPECT_EQ(matched(router, "GET", "/images/%00"), "bad");
}

TEST(RouterTest, FallsBackForReadingOnly) {
  Router router;
  router.add("POST", "/submit", {}, nothing);
  router.set_fallback({}, nothing);
  EXPECT_EQ(matched(router, "GET", "/any/where"), "(other)");
  EXPECT_EQ(matched(router, "POST", "/any/where"), "unknown");
  EXPECT_EQ(matched(router, "GET", "/submit"), "allow POST, OPTIONS");
}

TEST(RouterTest, RefusesPatternsThatMakeNoSense) {
  Router router;
  for (const char* pattern : {"jobs", "/{}", "/{id", "/{a+}/{b+}"})
    EXPECT_THROW(router.add("GET", pattern, {}, nothing), std::invalid_argument) << pattern;
}

TEST(RouterTest, DecodesEscapes) {
  EXPECT_EQ(percent_decode("a%2Fb%c3%a4+"), "a/bä+");
  for (const char* bad : {"%", "a%2", "%2x", "%%41"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

std::string error_of(std::string_view text) {
  const auto body = JsonBody::parse(text);
  return body ? "" : body.error().message;
}

TEST(JsonBodyTest, ReadsFields) {
  auto body = JsonBody::parse(
      R"({"a": "x", "n": 5.0, "t": 0.25, "l": ["1", "2"], "o": {"l": ["no"], "a": 1}, "z": null})");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->text("a", ""), "x");
  EXPECT_EQ(body->text("z", "fallback"), "fallback");
  EXPECT_EQ(body->whole_number("n", 1, 10, 2), 5);
  EXPECT_EQ(body->number("t", 0, 1, 0.5), 0.25);
  EXPECT_THAT(*body->texts("l"), ElementsAre("1", "2"));
  EXPECT_TRUE(body->texts("none")->empty());
}

TEST(JsonBodyTest, SaysWhatIsWrongWithAField) {
  auto body = JsonBody::parse(
      R"({"n": 11, "h": 1.5, "s": "NaN", "b": true, "l": ["a", 1], "m": [["a"]], "o": {}, "big": 1e300})");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->whole_number("n", 1, 10, 5).error().message,
            "n must be a whole number from 1 to 10, not 11");
  EXPECT_EQ(body->whole_number("h", 1, 10, 5).error().message,
            "h must be a whole number from 1 to 10, not 1.5");
  EXPECT_EQ(body->whole_number("big", 1, 10, 5).error().message,
            "big must be a whole number from 1 to 10, not 1e+300");
  EXPECT_EQ(body->number("s", 0, 1, 0).error().message,
            "s must be a number from 0 to 1, not \"NaN\"");
  EXPECT_EQ(body->text("b", "").error().message, "b must be a string, not true");
  EXPECT_EQ(body->texts("l").error().message, "l[1] must be a string, not a number");
  EXPECT_EQ(body->texts("m").error().message, "m[0] must be a string, not a list");
  EXPECT_EQ(body->texts("o").error().message, "o must be a list of strings, not an object");
  EXPECT_EQ(body->texts("s").error().message, "s must be a list of strings, not \"NaN\"");
  EXPECT_THAT(body->required_text("x", "\"y\"").error().message, HasSubstr("x is missing"));
}

TEST(JsonBodyTest, ReadsTheFieldsOfAnObject) {
  const auto body = JsonBody::parse(
      R"({"q": "outer", "images": {"q": "inner", "all": true, "deep": {"q": 1}, "list": ["a"]}, "n": 1})");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->text("q", "").value(), "outer");
  EXPECT_EQ(body->text("images.q", "").value(), "inner");
  EXPECT_TRUE(body->boolean("images.all", false).value());
  EXPECT_FALSE(body->boolean("images.none", false).value());
  EXPECT_EQ(body->text("images.deep", "").error().message,
            "images.deep must be a string, not an object");
  EXPECT_EQ(body->text("images.list", "").error().message,
            "images.list must be a string, not a list");
  EXPECT_EQ(body->text("deep.q", "none").value(), "none");
  EXPECT_THAT(body->fields_of("images").value().value(),
              UnorderedElementsAre("q", "all", "deep", "list"));
  EXPECT_FALSE(body->fields_of("none").value());
  EXPECT_EQ(body->fields_of("n").error().message, "n must be an object, not 1");
  EXPECT_EQ(body->boolean("n", false).error().message, "n must be true or false, not 1");
}

TEST(JsonBodyTest, SaysWhereTheTextBreaks) {
  EXPECT_THAT(error_of("{\"a\": 1,\n \"b\": NaN}"), HasSubstr("line 2, column"));
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
  EXPECT_THAT(error_of("  "), HasSubstr("empty"));
  for (const char* text : {"{", "{\"a\":}", "{} {}", "{\"a\":1e999}", "{\"a\":\"\xff\"}", "nan"})
    EXPECT_THAT(error_of(text), HasSubstr("not valid JSON")) << text;
  for (const char* text : {"[]", "5", "\"text\"", "null"})
    EXPECT_THAT(error_of(text), HasSubstr("must be a JSON object")) << text;
}

TEST(JsonBodyTest, BoundsDepthAndLists) {
  EXPECT_THAT(error_of("{\"a\":" + std::string(1'000'000, '[')), HasSubstr("deeper"));
  JsonLimits limits;
  limits.max_items = 2;
  const auto body = JsonBody::parse(R"({"a": ["1", "2", "3"]})", limits);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ErrorCode::kTooLarge);
}

std::string many_fields(int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i)
    text += (i == 0 ? "\"f" : ",\"f") + std::to_string(i) + "\":\"x\"";
  return text + "}";
}

TEST(JsonBodyTest, BoundsFields) {
  EXPECT_EQ(error_of(many_fields(256)), "");
  const auto body = JsonBody::parse(many_fields(257));
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(body.error().message, "the body has more than 256 fields");
  // Fields of nested objects are not kept. A repeated name is searched for again.
  EXPECT_EQ(error_of("{\"a\":" + many_fields(1'000) + "}"), "");
  const auto inner = JsonBody::parse("{\"a\":" + many_fields(257) + "}");
  ASSERT_TRUE(inner);
  EXPECT_THAT(inner->fields_of("a").error().message, HasSubstr("too many fields"));
  std::string again = "{\"a\":0";
  for (int i = 0; i < 256; ++i) again += ",\"a\":1";
  EXPECT_THAT(error_of(again + "}"), HasSubstr("256 fields"));
}

TEST(JsonBodyTest, ListsOfUnknownFieldsCountToo) {
  JsonLimits limits;
  limits.max_strings = 3;
  EXPECT_TRUE(JsonBody::parse(R"({"a": ["1", "2"], "b": ["3"]})", limits));
  const auto body = JsonBody::parse(R"({"a": ["1", "2"], "b": ["3", "4"]})", limits);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ErrorCode::kTooLarge);
}

TEST(JsonBodyTest, WantsTheRightContentType) {
  Request request;
  request.body = "{}";
  EXPECT_EQ(JsonBody::read(request).error().code, ErrorCode::kUnsupported);
  request.headers.set("Content-Type", "text/plain");
  EXPECT_EQ(JsonBody::read(request).error().code, ErrorCode::kUnsupported);
  request.headers.set("Content-Type", "Application/JSON; charset=utf-8");
  EXPECT_TRUE(JsonBody::read(request));
}

constexpr const char* kForm = "multipart/form-data; boundary=\"x y\"";

TEST(MultipartTest, ReadsFieldsAndFiles) {
  const std::string body =
      "--x y\r\nContent-Disposition: form-data; name=\"top_k\"\r\n\r\n3\r\n"
      "--x y\r\ncontent-disposition: form-data; filename=\"C:\\\\a\\\\cat \\\"1\\\".jpg\"; "
      "name=images\r\nContent-Type: image/jpeg\r\n\r\n\r\n--x\r\n--x y--not\r\n"
      "--x y\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--x y--\r\n";
  const auto parts = parse_multipart(kForm, body);
  ASSERT_FALSE(parts) << "a boundary inside a part ends it";
  const std::string good =
      "--x y\r\nContent-Disposition: form-data; name=\"top_k\"\r\n\r\n3\r\n"
      "--x y\r\ncontent-disposition: form-data; filename=\"C:\\\\a\\\\cat \\\"1\\\".jpg\"; "
      "name=images\r\nContent-Type: image/jpeg\r\n\r\n\r\n--x\r\n\r\n"
      "--x y\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--x y--\r\n";
  const auto form = parse_multipart(kForm, good);
  ASSERT_TRUE(form) << form.error().message;
  ASSERT_EQ(form->size(), 3U);
  EXPECT_EQ((*form)[0].name, "top_k");
  EXPECT_EQ((*form)[0].content, "3");
  EXPECT_FALSE((*form)[0].is_file);
  EXPECT_EQ((*form)[1].name, "images");
  EXPECT_EQ((*form)[1].filename, "cat \"1\".jpg");
  EXPECT_EQ((*form)[1].content_type, "image/jpeg");
  EXPECT_EQ((*form)[1].content, "\r\n--x\r\n");
  EXPECT_TRUE((*form)[1].is_file);
  EXPECT_EQ((*form)[2].content, "");
}

TEST(MultipartTest, RefusesWhatIsNotWhole) {
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1";
  constexpr const char* kType = "multipart/form-data; boundary=b";
  EXPECT_TRUE(parse_multipart(kType, part + "\r\n--b--"));
  EXPECT_TRUE(parse_multipart(kType, "--b--\r\n"));
  for (const std::string& body :
       {std::string(), std::string("junk"), part, part + "\r\n--b", part + "\r\n--bad--",
        std::string("--b\r\nno header"), std::string("--b\r\nX: y\r\n\r\n1\r\n--b--"),
        std::string("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--"),
        std::string("--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--"),
        std::string("--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--b--"),
        std::string("--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: "
                    "base64\r\n\r\n1\r\n--b--")}) {
    EXPECT_FALSE(parse_multipart(kType, body)) << body;
  }
  EXPECT_FALSE(parse_multipart("multipart/form-data", part + "\r\n--b--"));
  EXPECT_FALSE(parse_multipart("multipart/form-data; boundary=" + std::string(71, 'b'), part));
  MultipartLimits limits;
  limits.max_parts = 1;
  EXPECT_EQ(parse_multipart(kType, part + "\r\n" + part + "\r\n--b--", limits).error().code,
            ErrorCode::kTooLarge);
  limits.max_header_bytes = 10;
  EXPECT_EQ(parse_multipart(kType, part + "\r\n--b--", limits).error().code, ErrorCode::kTooLarge);
}

TEST(WireTest, NoValueCanAddAField) {
  Response response;
  response.headers.add("X-Evil", "a\r\nSet-Cookie: b");
  EXPECT_THAT(head_of(response, {}), HasSubstr("X-Evil: a  Set-Cookie: b\r\n"));
}

TEST(WireTest, FramesBodies) {
  const Response response;
  Framing framing;
  framing.length = 5;
  EXPECT_THAT(head_of(response, framing), HasSubstr("Content-Length: 5\r\n"));
  framing.length.reset();
  framing.chunked = true;
  EXPECT_THAT(head_of(response, framing), Not(HasSubstr("Content-Length")));
  EXPECT_EQ(chunk_of(std::string(17, 'x')), "11\r\n" + std::string(17, 'x') + "\r\n");
  EXPECT_EQ(text_of({"a", "1\n2"}), "event: a\ndata: 1\ndata: 2\n\n");
}

TEST(WireTest, ETagsMatchInListsAndWeakly) {
  EXPECT_TRUE(matches_etag("\"a\"", "\"a\""));
  EXPECT_TRUE(matches_etag("\"b\", W/\"a\"", "\"a\""));
  EXPECT_TRUE(matches_etag("*", "\"a\""));
  EXPECT_TRUE(matches_etag("\"a-gzip\"", "\"a\""));
  EXPECT_FALSE(matches_etag("\"a-gzi\"", "\"a\""));
  EXPECT_FALSE(matches_etag("\"ab\"", "\"a\""));
  EXPECT_FALSE(matches_etag("", "\"a\""));
}

TEST(RequestTest, ReadsWholeNumbersStrictly) {
  Request request;
  request.query = {{"a", "7"}, {"b", ""}, {"c", "7x"}, {"d", "99999999999999999999"}};
  EXPECT_EQ(whole_number(request, "a", 1, 10, 5), 7);
  EXPECT_EQ(whole_number(request, "none", 1, 10, 5), 5);
  for (const char* name : {"b", "c", "d"})
    EXPECT_THAT(whole_number(request, name, 1, 10, 5).error().message, HasSubstr("from 1 to 10"));
}

class StaticFilesTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((dir_.path() / name).parent_path());
    std::ofstream(dir_.path() / name) << text;
  }
  Response get(const std::string& path, Headers headers = {}) {
    const RouteMatch match = router_.match("GET", path);
    if (match.route == nullptr) return error_response(404, "no route");
    Request request;
    request.method = "GET";
    request.path = path;
    request.headers = std::move(headers);
    return match.route->handler(request);
  }

  testing::TempDir dir_;
  Router router_;
};

TEST_F(StaticFilesTest, ServesFilesAndPages) {
  write("index.html", "<html>");
  write("assets/index-1a2b.js", "1");
  write("icon.svg", "<svg/>");
  write("../secret.txt", "secret");
  router_.add("GET", "/jobs", {}, nothing);
  api::add_dashboard_routes(router_, dir_.path());
  EXPECT_EQ(std::get<std::string>(get("/").body), "<html>");
  const Response script = get("/assets/index-1a2b.js");
  EXPECT_EQ(script.headers.get("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_THAT(script.headers.get("Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(get("/icon.svg").headers.get("Cache-Control"), "no-cache");
  const std::string etag(get("/").headers.get("ETag"));
  EXPECT_EQ(get("/", {{"If-None-Match", etag}}).status, 304);

  const Headers page{{"Accept", "text/html,*/*"}};
  EXPECT_EQ(std::get<std::string>(get("/history/1", page).body), "<html>");
  EXPECT_EQ(get("/history/1").status, 404);
  EXPECT_EQ(get("/missing.js", page).status, 404);
  EXPECT_EQ(get("/jobs/1", page).status, 404);
  for (const char* path : {"/../secret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt"})
    EXPECT_EQ(get(path).status, 404) << path;
  std::filesystem::remove(dir_.path() / "../secret.txt");
}

TEST_F(StaticFilesTest, SendsTheCompressedTwinToWhoTakesIt) {
  write("index.html", "<html>");
  write("assets/index-1a2b.js", "script");
  write("assets/index-1a2b.js.gz", "gzipped");
  api::add_dashboard_routes(router_, dir_.path());
  const Response small = get("/assets/index-1a2b.js", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(std::get<std::string>(small.body), "gzipped");
  EXPECT_EQ(small.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(small.headers.get("Vary"), "Accept-Encoding");
  const Response plain = get("/assets/index-1a2b.js");
  EXPECT_EQ(std::get<std::string>(plain.body), "script");
  EXPECT_FALSE(plain.headers.has("Content-Encoding"));
  EXPECT_EQ(plain.headers.get("Vary"), "Accept-Encoding");
  EXPECT_FALSE(get("/", {{"Accept-Encoding", "gzip"}}).headers.has("Content-Encoding"));
  EXPECT_EQ(get("/assets/index-1a2b.js.gz").status, 404);
}

TEST_F(StaticFilesTest, SaysHowToBuildAMissingPage) {
  api::add_dashboard_routes(router_, dir_.path() / "none");
  EXPECT_THAT(std::get<std::string>(get("/").body), HasSubstr("npm run build"));
}

}  // namespace
}  // namespace classifier::http
