// The API of the backend and of the ML service, over a real connection, on the embedded stores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "adapters/api/backend_api.hpp"
#include "adapters/api/ml_api.hpp"
#include "adapters/http/server.hpp"
#include "adapters/image/image_facts.hpp"
#include "contract/embedded_stores.hpp"
#include "domain/text.hpp"
#include "services/job_service.hpp"
#include "services/job_watch.hpp"
#include "services/label_set_service.hpp"
#include "support/faulty_stores.hpp"
#include "support/image_files.hpp"
#include "support/jobs.hpp"
#include "support/labelling_classifier.hpp"
#include "support/raw_client.hpp"

namespace classifier::http {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::RawAnswer;
using testing::RawClient;
using ::testing::StartsWith;

// Classifies nothing while it is held.
class HeldClassifier final : public testing::LabellingClassifier {
 public:
  Result<void> warm_up(const std::shared_ptr<const JobSpec>&, const std::stop_token&) override {
    held_.wait(true);
    return {};
  }
  void hold() { held_ = true; }
  void release() {
    held_ = false;
    held_.notify_all();
  }

 private:
  std::atomic<bool> held_{false};
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    auto backend = std::make_shared<Router>();
    api::add_backend_routes(*backend,
                            {.job_service = job_service_,
                             .jobs = stores_.jobs(),
                             .images = images_,
                             .details = details_,
                             .objects = stores_.objects(),
                             .queue = stores_.queue(),
                             .classifier = classifier_,
                             .clock = stores_.clock(),
                             .label_advisor = &label_advisor_,
                             .catalogue = &stores_.catalogue(),
                             .label_sets = &label_sets_,
                             .uploads = &stores_.files(),
                             .max_upload_bytes = 1'000,
                             .public_base_url = {},
                             .version = "1.2.3",
                             .uploaded = [this](std::string_view key) { uploaded_ = key; },
                             .stores_answer = [this] { return stores_.jobs().ping(); },
                             .metrics_text = [] { return std::string("classifier_up 1\n"); }});
    auto ml = std::make_shared<Router>();
    api::add_ml_routes(*ml, {.objects = stores_.objects(),
                             .classifier = classifier_,
                             .clock = stores_.clock(),
                             .metrics = metrics_,
                             .pipeline = {},
                             .limits = {},
                             .max_image_bytes = 1'000,
                             .max_form_bytes = 10'000,
                             .version = "1.2.3",
                             .worker_runs = [] { return true; },
                             .stores_answer = [this] { return stores_.jobs().ping(); },
                             .metrics_text = [] { return std::string(); },
                             .stopping = {}});
    const auto open = std::make_shared<const Access>();
    port_ = server_.listen("127.0.0.1", 0, {backend, open}).value();
    ml_port_ = server_.listen("127.0.0.1", 0, {ml, open}).value();
    server_.start();
  }
  ~ApiTest() override {
    classifier_.release();
    server_.stop(1s);
  }

  RawAnswer request(const std::string& method, const std::string& target,
                    const std::string& headers = {}, const std::string& body = {},
                    std::uint16_t port = 0) {
    RawClient client(port == 0 ? port_ : port);
    return client.call(method + " " + target + " HTTP/1.1\r\nHost: here:1\r\n" + headers +
                       (body.empty() && method == "GET"
                            ? ""
                            : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
                       "\r\n" + body);
  }
  RawAnswer get(const std::string& target) { return request("GET", target); }
  RawAnswer post(const std::string& target, const std::string& body) {
    return request("POST", target, "Content-Type: application/json\r\n", body);
  }
  static json body_of(const RawAnswer& answer) { return json::parse(answer.body, nullptr, false); }
  static std::string error_of(const RawAnswer& answer) {
    return body_of(answer).value("error", "(no error)");
  }

  std::string submit(const std::vector<std::string>& keys) {
    const RawAnswer answer =
        post("/submit", json{{"job_type", "image_classification"}, {"s3_keys", keys}}.dump());
    EXPECT_EQ(answer.status, 202) << answer.body;
    return body_of(answer)["job_id"];
  }
  // Reports a label for each image; "" is a failure.
  void finish(const std::string& job, const std::vector<std::string>& labels) {
    std::vector<ImageOutcome> outcomes;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      ImageOutcome outcome;
      outcome.job_id = job;
      outcome.index = static_cast<std::int64_t>(i);
      if (labels[i].empty()) {
        outcome.result = Error{ErrorCode::kUndecodable, "the image is broken"};
      } else {
        outcome.result = Predictions{{labels[i], 0.9F}, {"other", 0.1F}};
        outcome.output_key = job + "/" + labels[i] + "/x.jpg";
      }
      outcomes.push_back(outcome);
    }
    ASSERT_TRUE(stores_.jobs().record(outcomes, stores_.clock().now()));
  }

  testing::EmbeddedStores stores_;
  HeldClassifier classifier_;
  NoMetrics metrics_;
  std::atomic<int> removals_{0};
  JobService job_service_{stores_.jobs(),
                          stores_.queue(),
                          classifier_,
                          stores_.clock(),
                          metrics_,
                          {},
                          [] {},
                          {},
                          [this] { ++removals_; }};
  MemoryBudget thumbnail_memory_{1'000'000};
  ImageService images_{stores_.objects(), stores_.clock(),
                       [](std::span<const std::byte> image, int size) -> Result<std::string> {
                         const std::string_view text(reinterpret_cast<const char*>(image.data()),
                                                     image.size());
                         if (text == "broken")
                           return fail(ErrorCode::kUndecodable, "the image is broken");
                         if (text == "busy") return fail(ErrorCode::kUnavailable, "try again");
                         return "thumbnail of " + std::to_string(size);
                       },
                       1'000, thumbnail_memory_};
  ImageDetailsService details_{stores_.objects(), read_image_facts, thumbnail_memory_, nullptr,
                               &stores_.catalogue()};
  LabelAdvisor label_advisor_{&classifier_};
  LabelSetService label_sets_{stores_.label_sets(), stores_.clock()};
  std::string uploaded_;  // the last key
  Server server_{{}};
  std::uint16_t port_ = 0;
  std::uint16_t ml_port_ = 0;
};

TEST_F(ApiTest, TellsItsHealth) {
  EXPECT_EQ(body_of(get("/health"))["status"], "healthy");
  EXPECT_EQ(body_of(get("/health"))["service"], "backend-service");
  EXPECT_EQ(get("/ready").status, 200);
  EXPECT_EQ(get("/metrics").body, "classifier_up 1\n");
  EXPECT_EQ(body_of(get("/models"))["models"][0]["name"], "labelling");
  EXPECT_EQ(body_of(get("/queue"))["visible"], 0);
  EXPECT_TRUE(body_of(get("/queue/dead-letters?limit=5"))["dead_letters"].empty());
}

TEST_F(ApiTest, GivesTheGroupsOfAModelsLabels) {
  const RawAnswer answer = get("/models/labelling/groups");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(
      body_of(answer),
      json::parse(R"({"model":"labelling","groups":[{"name":"pet","labels":["cat","dog"]}]})"));
  EXPECT_EQ(get("/models/..%2flabelling/groups").status, 404);
  EXPECT_EQ(get("/models/other/groups").status, 404);
  EXPECT_THAT(get("/models/other/groups").body, HasSubstr("has no groups of labels"));
}

TEST_F(ApiTest, DescribesItself) {
  const json api = body_of(get("/openapi.json"));
  EXPECT_EQ(api["servers"][0]["url"], "http://here:1");
  EXPECT_EQ(api["info"]["version"], "1.2.3");
  EXPECT_THAT(get("/docs").header("Content-Security-Policy"), HasSubstr("default-src 'self'"));
  EXPECT_EQ(get("/docs/docs.js").header("Content-Type"), "text/javascript; charset=utf-8");
}

TEST_F(ApiTest, EveryDescribedCallExistsAndEveryCallIsDescribed) {
  const json api = body_of(get("/openapi.json"));
  for (const auto& [path, methods] : api["paths"].items()) {
    std::string target = path;
    if (const auto at = target.find('{'); at != std::string::npos)
      target.replace(at, target.find('}') - at + 1, "x");
    const RawAnswer allowed = request("TRACE", target);
    EXPECT_EQ(allowed.status, 405) << path;
    for (const auto& [method, call] : methods.items()) {
      std::string name = method;
      for (char& c : name) c = static_cast<char>(c - 'a' + 'A');
      EXPECT_THAT(allowed.header("Allow"), HasSubstr(name)) << path;
    }
  }
}

TEST_F(ApiTest, TakesAnUploadThroughASignedUrl) {
  const RawAnswer ticket =
      post("/upload-url", R"({"filename": "my cat.JPG", "content_type": "image/jpeg"})");
  ASSERT_EQ(ticket.status, 200) << ticket.body;
  const std::string key = body_of(ticket)["s3_key"];
  EXPECT_THAT(key, MatchesRegex("uploads/my_cat_[0-9]{8}-[0-9]{6}_[0-9a-f]{8}.jpg"));
  const std::string url = body_of(ticket)["upload_url"];
  ASSERT_THAT(url, StartsWith("http://here:1/objects/uploads/my_cat_"));
  const std::string target = url.substr(std::string("http://here:1").size());
  const std::string type = "Content-Type: image/jpeg\r\n";

  EXPECT_EQ(request("PUT", target, "Content-Type: image/png\r\n", "cat").status, 403);
  EXPECT_EQ(request("PUT", target, "", "cat").status, 403);
  EXPECT_EQ(request("PUT", target + "0", type, "cat").status, 403);
  EXPECT_EQ(
      request("PUT", "/objects/other.jpg" + target.substr(target.find('?')), type, "cat").status,
      403);
  EXPECT_EQ(request("PUT", "/objects/other.jpg", type, "cat").status, 403);
  EXPECT_EQ(request("PUT", target, type, std::string(1'001, 'x')).status, 413);
  EXPECT_FALSE(stores_.objects().head(Bucket::kInput, key));
  EXPECT_EQ(uploaded_, "");

  const RawAnswer stored = request("PUT", target, type, "cat");
  EXPECT_EQ(stored.status, 200) << stored.body;
  EXPECT_EQ(uploaded_, key);
  EXPECT_FALSE(stored.header("ETag").empty());
  EXPECT_EQ(get("/images/" + key).body, "cat");
  stores_.clock().advance(2h);
  EXPECT_EQ(request("PUT", target, type, "cat").status, 403);
}

// As browsers, systems and libraries write them; the upload then has the same Content-Type.
TEST_F(ApiTest, TakesContentTypesAsTheyAreWritten) {
  const auto extension = [&](const std::string& name, const std::string& type) {
    const json answer =
        body_of(post("/upload-url", json{{"filename", name}, {"content_type", type}}.dump()));
    if (!answer.contains("upload_url")) return answer.dump();
    const std::string url = answer["upload_url"];
    EXPECT_EQ(request("PUT", url.substr(std::string("http://here:1").size()),
                      "Content-Type: " + type + "\r\n", "cat")
                  .status,
              200)
        << type;
    const std::string key = answer["s3_key"];
    return key.substr(key.rfind('.'));
  };
  EXPECT_EQ(extension("a.jpg", "Image/JPEG; charset=x"), ".jpg");
  EXPECT_EQ(extension("a.JPEG", "image/pjpeg"), ".jpeg");
  EXPECT_EQ(extension("a.jfif", "image/jpeg"), ".jfif");
  EXPECT_EQ(extension("a", "image/jpg"), ".jpg");
  EXPECT_EQ(extension("a.png", "image/x-png"), ".png");
  EXPECT_EQ(extension("a.dib", "IMAGE/X-MS-BMP"), ".dib");
  EXPECT_EQ(extension("a", "image/x-tiff"), ".tif");
  EXPECT_EQ(extension("IMG_1.HEIC", "image/heic-sequence"), ".heic");
  EXPECT_EQ(extension("a.hif", "image/heif"), ".hif");
  EXPECT_EQ(extension("a", "image/avif"), ".avif");
  EXPECT_EQ(extension("a", "image/jxl ; q=1"), ".jxl");
  EXPECT_EQ(extension("DSC1.NRW", "image/x-nikon-nrw"), ".nrw");
  EXPECT_EQ(extension("a.dng", "image/dng"), ".dng");
  EXPECT_THAT(extension("a.svg", "image/svg+xml"),
              HasSubstr("is not supported: it must be one of image/jpeg, image/png, image/apng,"));
  EXPECT_THAT(extension("a.jpg", "image/jpeg; x=\x01"), HasSubstr("printable ASCII"));
  EXPECT_THAT(extension("a.jpg", "image/jpeg;" + std::string(300, 'x')), HasSubstr("311 bytes"));
}

TEST_F(ApiTest, ListsImagesOfEveryKind) {
  const std::vector<std::string> names{"a.apng", "a.arw", "a.avif", "a.bmp",  "a.cr2",  "a.cr3",
                                       "a.dib",  "a.dng", "a.gif",  "a.heic", "a.heif", "a.hif",
                                       "a.jfif", "a.jpe", "a.jpeg", "a.jpg",  "a.jxl",  "a.nef",
                                       "a.nrw",  "a.orf", "a.pef",  "a.png",  "a.raf",  "a.rw2",
                                       "a.sr2",  "a.srf", "a.srw",  "a.tif",  "a.tiff", "a.webp"};
  for (const auto& name : names) stores_.put_object("kinds/" + name, "x");
  stores_.put_object("kinds/a.mp4", "x");
  std::vector<std::string> listed;
  const json answer = body_of(get("/images?prefix=kinds/"));
  for (const auto& image : answer["images"])
    listed.push_back(image["key"].get<std::string>().substr(6));
  EXPECT_EQ(listed, names);
  EXPECT_EQ(get("/images/kinds/a.cr3").header("Content-Type"), "image/x-canon-cr3");
}

TEST_F(ApiTest, RefusesUploadUrlsForOtherThings) {
  EXPECT_EQ(
      post("/upload-url", R"({"filename": "a.pdf", "content_type": "application/pdf"})").status,
      415);
  EXPECT_THAT(error_of(post("/upload-url", R"({"content_type": "image/png"})")),
              HasSubstr("filename is missing"));
  EXPECT_THAT(error_of(post("/upload-url", R"({"filename": "a.png"})")),
              HasSubstr("content_type is missing"));
  EXPECT_EQ(post("/upload-url", "[]").status, 400);
  EXPECT_EQ(request("POST", "/upload-url", "", "{}").status, 415);
}

TEST_F(ApiTest, ListsLooksAtAndDeletesImages) {
  for (const char* key : {"a/1.jpg", "a/2.png", "b/3.webp"}) stores_.put_object(key, "x");
  const json all = body_of(get("/images"));
  ASSERT_EQ(all["images"].size(), 3U);
  EXPECT_EQ(all["images"][0]["key"], "a/1.jpg");
  EXPECT_EQ(all["images"][0]["size"], 1);
  EXPECT_EQ(body_of(get("/images?prefix=a/"))["images"].size(), 2U);
  const json first = body_of(get("/images?limit=2"));
  EXPECT_EQ(first["images"].size(), 2U);
  const json second =
      body_of(get("/images?limit=2&next_token=" + first["next_token"].get<std::string>()));
  EXPECT_EQ(second["images"][0]["key"], "b/3.webp");
  EXPECT_FALSE(second.contains("next_token"));
  for (const char* const foreign : {"b/3.webp", "a", "0123456789abcdefa/1.jpg"})
    EXPECT_EQ(get("/images?next_token=" + std::string(foreign)).status, 400) << foreign;
  EXPECT_EQ(get("/jobs?next_token=" + first["next_token"].get<std::string>()).status, 400)
      << "of another list";
  EXPECT_EQ(error_of(get("/images?limit=1001")),
            "limit must be a whole number from 1 to 1000, not 1001");

  const RawAnswer small = get("/images/a%2F1.jpg/thumbnail");
  EXPECT_EQ(small.body, "thumbnail of 256");
  EXPECT_EQ(small.header("Content-Type"), "image/jpeg");
  EXPECT_THAT(small.header("Cache-Control"), HasSubstr("private"));
  EXPECT_EQ(
      request("GET", "/images/a/1.jpg/thumbnail", "If-None-Match: " + small.header("ETag") + "\r\n")
          .status,
      304);
  EXPECT_EQ(get("/images/a/1.jpg/thumbnail?size=64").body, "thumbnail of 64");
  EXPECT_EQ(get("/images/a/1.jpg/thumbnail?size=64").body, "thumbnail of 64");
  EXPECT_EQ(get("/images/a/1.jpg/thumbnail?size=5000").status, 400);
  EXPECT_EQ(get("/images/none.jpg/thumbnail").status, 404);

  EXPECT_EQ(get("/images/a/2.png").header("Content-Type"), "image/png");
  EXPECT_EQ(get("/images/none.png").status, 404);
  const RawAnswer dots = get("/images/a/%2E%2E/secret.jpg");
  EXPECT_TRUE(dots.status == 400 || dots.status == 404) << dots.status;

  EXPECT_EQ(body_of(request("DELETE", "/images/a%2F1.jpg"))["success"], true);
  EXPECT_EQ(request("DELETE", "/images/a/1.jpg").status, 404);
}

TEST_F(ApiTest, TellsWhatIsKnownOfAnImage) {
  const std::string photo =
      testing::jpeg_with_exif(testing::exif({.date_time_original = "2026:01:31 08:09:10",
                                             .make = "FUJIFILM",
                                             .model = "X-T3",
                                             .exposure = {{1, 125}},
                                             .sensitivity = 160}));
  stores_.put_object("a/1.jpg", photo);
  stores_.put_object("a/2.PNG", "x");
  const json info = body_of(get("/images/a/1.jpg/info"));
  EXPECT_EQ(info["key"], "a/1.jpg");
  EXPECT_EQ(info["name"], "a/1.jpg");
  EXPECT_EQ(info["size"], photo.size());
  EXPECT_EQ(info["content_type"], "image/jpeg");
  EXPECT_EQ(info["width"], 64);
  EXPECT_EQ(info["height"], 48);
  EXPECT_EQ(info["taken_at"], "2026-01-31T08:09:10.000Z");
  EXPECT_EQ(info["camera"],
            json({{"make", "FUJIFILM"}, {"model", "X-T3"}, {"exposure_s", 0.008}, {"iso", 160}}));
  EXPECT_FALSE(info.contains("sha256"));

  // What only the catalogue has, as long as it knows this version.
  CatalogueEntry entry;
  entry.key = "a/1.jpg";
  entry.name = "Holiday/1.jpg";
  entry.batch = "b1";
  entry.etag = info["etag"];
  entry.sha256 = sha256_hex("x");
  entry.uploaded_at = stores_.clock().now();
  ASSERT_TRUE(stores_.catalogue().put({&entry, 1}));
  const json known = body_of(get("/images/a%2F1.jpg/info"));
  EXPECT_EQ(known["name"], "Holiday/1.jpg");
  EXPECT_EQ(known["batch"], "b1");
  EXPECT_EQ(known["sha256"], sha256_hex("x"));
  EXPECT_EQ(known["uploaded_at"], to_rfc3339(stores_.clock().now()));
  stores_.put_object("a/1.jpg", "another one");
  const json replaced = body_of(get("/images/a/1.jpg/info"));
  EXPECT_EQ(replaced["name"], "Holiday/1.jpg");
  for (const char* const field : {"sha256", "uploaded_at", "width", "camera", "taken_at"})
    EXPECT_FALSE(replaced.contains(field)) << field;
  EXPECT_EQ(replaced["content_type"], "image/jpeg") << "by its name";

  EXPECT_EQ(body_of(get("/images/a/2.PNG/info"))["content_type"], "image/png");
  EXPECT_EQ(get("/images/none.jpg/info").status, 404);
  stores_.put_object("notes.txt", "x");
  EXPECT_EQ(get("/images/notes.txt/info").status, 404);
}

TEST_F(ApiTest, TellsWhatJobsFoundForAnImage) {
  const std::string first = submit({"a.jpg", "b.jpg"});
  const std::string second = submit({"b.jpg", "c.jpg", "b.jpg"});
  finish(first, {"cat", ""});
  finish(second, {"dog", "cat", "dog"});
  const json all = body_of(get("/images/b.jpg/predictions"));
  ASSERT_EQ(all["predictions"].size(), 3U);
  EXPECT_FALSE(all.contains("next_token"));
  const json& best = all["predictions"][0];
  EXPECT_EQ(best["job_id"], second);
  EXPECT_EQ(best["job_type"], "image_classification");
  EXPECT_EQ(best["model"], "labelling");
  EXPECT_EQ(best["index"], 0);
  EXPECT_EQ(best["status"], "classified");
  EXPECT_EQ(best["all_predictions"][0], json({{"label", "dog"}, {"score", 0.9}}));
  EXPECT_TRUE(best.contains("created_at") && best.contains("confidence_threshold"));
  EXPECT_EQ(all["predictions"][1]["index"], 2);
  EXPECT_EQ(all["predictions"][2]["status"], "failed");
  EXPECT_EQ(all["predictions"][2]["error"], "the image is broken");
  EXPECT_TRUE(all["predictions"][2]["all_predictions"].empty());

  const json page = body_of(get("/images/b.jpg/predictions?limit=2"));
  EXPECT_EQ(page["predictions"].size(), 2U);
  const std::string token = page["next_token"];
  EXPECT_EQ(body_of(get("/images/b.jpg/predictions?next_token=" + token))["predictions"],
            json::array({all["predictions"][2]}));
  EXPECT_EQ(get("/images/b.jpg/predictions?next_token=x").status, 400);
  EXPECT_EQ(get("/images?next_token=" + token).status, 400) << "of another list";
  EXPECT_EQ(get("/images/b.jpg/predictions?limit=0").status, 400);
  EXPECT_TRUE(body_of(get("/images/none.jpg/predictions"))["predictions"].empty());
}

TEST_F(ApiTest, QuietThumbnailsAreNoErrors) {
  stores_.put_object("broken.jpg", "broken");
  stores_.put_object("large.jpg", std::string(1'001, 'x'));
  stores_.put_object("busy.jpg", "busy");
  stores_.put_object("good.jpg", "good");
  EXPECT_EQ(get("/images/broken.jpg/thumbnail").status, 422);
  EXPECT_EQ(get("/images/broken.jpg/thumbnail?quiet=false").status, 422);
  const RawAnswer none = get("/images/broken.jpg/thumbnail?quiet=true");
  EXPECT_EQ(none.status, 204);
  EXPECT_EQ(none.body, "");
  EXPECT_EQ(none.header("Content-Type"), "");
  const RawAnswer good = get("/images/good.jpg/thumbnail?quiet=true");
  EXPECT_EQ(good.body, "thumbnail of 256");
  EXPECT_EQ(none.header("Cache-Control"), good.header("Cache-Control"));
  EXPECT_EQ(request("GET", "/images/broken.jpg/thumbnail?quiet=true",
                    "If-None-Match: " + none.header("ETag") + "\r\n")
                .status,
            304);
  EXPECT_EQ(get("/images/large.jpg/thumbnail").status, 413);
  EXPECT_EQ(get("/images/large.jpg/thumbnail?quiet=true").status, 204);
  // Not the images' fault.
  EXPECT_EQ(get("/images/busy.jpg/thumbnail?quiet=true").status, 503);
  EXPECT_EQ(get("/images/none.jpg/thumbnail?quiet=true").status, 404);
  EXPECT_EQ(get("/images/good.jpg/thumbnail?quiet=yes").status, 400);
  EXPECT_EQ(get("/images/good.jpg/thumbnail?quiet=true&size=5").status, 400);
}

TEST_F(ApiTest, HeadSaysHowLargeAnImageIs) {
  stores_.put_object("a/1.jpg", "twelve bytes");
  RawClient client(port_);
  const RawAnswer head = client.call("HEAD /images/a/1.jpg HTTP/1.1\r\nHost: a\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "12");
  EXPECT_EQ(head.header("Content-Type"), "image/jpeg");
  // The connection stays usable: no byte of the image was sent.
  const RawAnswer all = client.call("GET /images/a/1.jpg HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(all.body, "twelve bytes");
  EXPECT_EQ(all.header("ETag"), head.header("ETag"));
  EXPECT_EQ(client.call("HEAD /images/no.jpg HTTP/1.1\r\nHost: a\r\n\r\n", true).status, 404);
}

// In pieces of 256 KiB, whatever MAX_IMAGE_BYTES is.
TEST_F(ApiTest, ALargeImageIsSentAsItIs) {
  std::string content(1'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  stores_.put_object("a/large.jpg", content);
  const RawAnswer answer = get("/images/a/large.jpg");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Length"), "1000000");
  EXPECT_TRUE(answer.body == content);
  EXPECT_EQ(
      request("GET", "/images/a/large.jpg", "If-None-Match: " + answer.header("ETag") + "\r\n")
          .status,
      304);
}

// An answer that stops in the middle must not look whole.
TEST_F(ApiTest, AnImageThatBecomesShorterEndsTheConnection) {
  constexpr std::size_t kSize = 64 << 20;
  stores_.put_object("a/large.jpg", std::string(kSize, 'x'));
  RawClient client(port_);
  client.send("GET /images/a/large.jpg HTTP/1.1\r\nHost: a\r\n\r\n");
  std::size_t received = client.some().size();  // the server cannot send more than buffers hold
  std::filesystem::resize_file(stores_.folder() / "objects/in/a/large.jpg", kSize / 2);
  while (const std::size_t size = client.some().size()) received += size;
  EXPECT_TRUE(client.is_closed());
  EXPECT_LT(received, kSize);
}

TEST_F(ApiTest, ChecksSubmissions) {
  const auto refused = [&](const json& changes) {
    json body = {{"job_type", "image_classification"}, {"s3_keys", {"a.jpg"}}};
    body.merge_patch(changes);
    const RawAnswer answer = post("/submit", body.dump());
    EXPECT_EQ(answer.status, 400) << body.dump();
    return error_of(answer);
  };
  EXPECT_EQ(refused({{"top_k", 11}}), "top_k must be a whole number from 1 to 10, not 11");
  EXPECT_EQ(refused({{"top_k", 0}}), "top_k must be a whole number from 1 to 10, not 0");
  EXPECT_EQ(refused({{"top_k", "5"}}), "top_k must be a whole number from 1 to 10, not \"5\"");
  EXPECT_EQ(refused({{"confidence_threshold", -0.1}}),
            "confidence_threshold must be a number from 0 to 1, not -0.1");
  EXPECT_EQ(refused({{"confidence_threshold", "NaN"}}),
            "confidence_threshold must be a number from 0 to 1, not \"NaN\"");
  EXPECT_THAT(refused({{"job_type", "x"}}), HasSubstr("\"custom_classification\", not \"x\""));
  EXPECT_THAT(refused({{"job_type", nullptr}}), HasSubstr("job_type is missing"));
  EXPECT_THAT(refused({{"s3_keys", json::array()}}), HasSubstr("s3_keys"));
  EXPECT_THAT(refused({{"s3_keys", "a.jpg"}}), HasSubstr("must be a list of strings"));
  EXPECT_THAT(refused({{"s3_keys", {"a", 1}}}), HasSubstr("s3_keys[1]"));
  EXPECT_THAT(refused({{"s3_keys", {"../a"}}}), HasSubstr("s3_keys[0]"));
  EXPECT_EQ(refused({{"s3_keys", {"a", "s3://bucket/uploads/cat.jpg"}}}),
            "s3_keys[1] is a URL of S3: give the key alone: uploads/cat.jpg");
  EXPECT_EQ(refused({{"s3_keys", {"S3://bucket"}}}),
            "s3_keys[0] is a URL of S3: give the key alone: uploads/cat.jpg");
  EXPECT_THAT(refused({{"custom_labels", {"a"}}}), HasSubstr("custom_classification"));
  EXPECT_THAT(refused({{"job_type", "custom_classification"}}), HasSubstr("custom_labels"));
  EXPECT_THAT(error_of(post("/submit", "{\"job_type\": NaN}")), HasSubstr("line 1, column"));
  EXPECT_EQ(request("POST", "/submit", "Content-Type: text/plain\r\n", "{}").status, 415);
  EXPECT_EQ(
      post("/submit", R"({"job_type":"image_classification","s3_keys":["a"],"model":"no"})").status,
      400);
  EXPECT_EQ(post("/submit", R"({"job_type":"image_classification","s3_keys":["a"],"more":{"x":1}})")
                .status,
            202);
}

TEST_F(ApiTest, TheSameIdempotencyKeyGivesTheSameJob) {
  const auto submit_with = [&](const std::string& keys) {
    return request("POST", "/submit", "Content-Type: application/json\r\nIdempotency-Key: k\r\n",
                   R"({"job_type":"image_classification","s3_keys":[)" + keys + "]}");
  };
  const json first = body_of(submit_with("\"a\""));
  EXPECT_EQ(body_of(submit_with("\"a\""))["job_id"], first["job_id"]);
  EXPECT_EQ(submit_with("\"b\"").status, 409);
}

TEST_F(ApiTest, FollowsAJobToItsResult) {
  const std::string job = submit({"a/cat.jpg", "b/dog.jpg", "c/broken.jpg"});
  const json status = body_of(get("/status/" + job));
  EXPECT_EQ(status["status"], "queued");
  EXPECT_EQ(status["total"], 3);
  const RawAnswer early = get("/result/" + job);
  EXPECT_EQ(early.status, 202);
  EXPECT_EQ(body_of(early)["job_id"], job);
  EXPECT_EQ(get("/result/" + job + ".csv").status, 202);

  finish(job, {"cat", "dog", ""});
  EXPECT_EQ(body_of(get("/status/" + job))["status"], "completed");
  const RawAnswer answer = get("/result/" + job);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
  const json result = body_of(answer);
  EXPECT_EQ(result["success"], true);
  EXPECT_EQ(result["summary"]["failed"], 1);
  EXPECT_EQ(result["detailed_results"].size(), 3U);
  EXPECT_THAT(result["output_paths"]["a/cat.jpg"].get<std::string>(), StartsWith("s3://out/"));

  const json page = body_of(get("/result/" + job + "?limit=2"));
  EXPECT_EQ(page["detailed_results"].size(), 2U);
  const json rest = body_of(
      get("/result/" + job + "?limit=2&next_token=" + page["next_token"].get<std::string>()));
  EXPECT_EQ(rest["detailed_results"].size(), 1U);
  EXPECT_FALSE(rest.contains("next_token"));
  EXPECT_EQ(get("/result/" + job + "?next_token=x").status, 400);
  EXPECT_EQ(get("/result/" + job + "?limit=0").status, 400);

  const RawAnswer table = get("/result/" + job + ".csv");
  EXPECT_EQ(get("/result/" + job + ".csv?excel=1").body, "\xEF\xBB\xBF" + table.body);
  EXPECT_EQ(get("/result/" + job + ".csv?excel=0").body, table.body);
  EXPECT_EQ(error_of(get("/result/" + job + ".csv?excel=yes")), "excel must be 1 or 0, not yes");
  EXPECT_THAT(table.header("Content-Type"), StartsWith("text/csv"));
  EXPECT_THAT(table.header("Content-Disposition"), HasSubstr(job + ".csv"));
  EXPECT_THAT(table.body, HasSubstr("cat.jpg,a/cat.jpg,cat"));
}

TEST_F(ApiTest, WarnsOfLabelsAndAcceptsThem) {
  const auto check = [&](const json& body) { return post("/labels/check", body.dump()); };
  EXPECT_EQ(body_of(check({{"custom_labels", {"cat", "dog"}}})),
            json({{"warnings", json::array()}, {"complete", true}}));
  const json warned = body_of(check({{"custom_labels", {"Cat", "cat"}}}));
  ASSERT_EQ(warned["warnings"].size(), 1U);
  EXPECT_THAT(warned["warnings"][0].get<std::string>(),
              HasSubstr("\"Cat\" and \"cat\" differ only"));
  EXPECT_EQ(check({{"custom_labels", json::array()}}).status, 400);
  EXPECT_EQ(check({{"custom_labels", {"cat", "cat"}}}).status, 400);
  EXPECT_EQ(check({{"custom_labels", {"cat", "dog"}}, {"model", "no"}}).status, 400);
  EXPECT_EQ(check({{"custom_labels", "cat"}}).status, 400);

  json job = {{"job_type", "custom_classification"},
              {"s3_keys", {"a.jpg"}},
              {"custom_labels", {"Cat", "cat"}}};
  const RawAnswer accepted = post("/submit", job.dump());
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(body_of(accepted)["warnings"], warned["warnings"]);
  job["custom_labels"] = {"cat", "dog"};
  EXPECT_FALSE(body_of(post("/submit", job.dump())).contains("warnings"));
}

TEST_F(ApiTest, KeepsLabelSets) {
  const auto put = [&](const std::string& name, const std::string& labels,
                       const std::string& headers = {}) {
    return request("PUT", "/label-sets/" + name, "Content-Type: application/json\r\n" + headers,
                   "{\"labels\":" + labels + "}");
  };
  EXPECT_EQ(get("/label-sets").body, R"({"label_sets":[]})");
  EXPECT_EQ(get("/label-sets/Tiere").status, 404);
  const RawAnswer made = put("Tiere%20%2F%20K%C3%A4fer", R"([" dog ", "cat"])");
  ASSERT_EQ(made.status, 201) << made.body;
  const json first = body_of(made);
  EXPECT_EQ(first["name"], "Tiere / K\u00e4fer");
  EXPECT_EQ(first["labels"], json({"dog", "cat"}));
  EXPECT_EQ(first["updated_at"], to_rfc3339(stores_.clock().now()));
  const std::string etag = "\"" + first["version"].get<std::string>() + "\"";
  EXPECT_EQ(made.header("ETag"), etag);
  const RawAnswer kept = get("/label-sets/Tiere%20/%20K%C3%A4fer");
  EXPECT_EQ(body_of(kept), first);
  EXPECT_EQ(kept.header("ETag"), etag);
  EXPECT_EQ(request("GET", "/label-sets/Tiere%20/%20K%C3%A4fer", "If-None-Match: " + etag + "\r\n")
                .status,
            304);

  // Whoever has the version may change it; whoever has an older one is told.
  EXPECT_EQ(put("new", "[\"a\"]", "If-None-Match: *\r\n").status, 201);
  const RawAnswer again = put("new", "[\"b\"]", "If-None-Match: *\r\n");
  EXPECT_EQ(again.status, 412);
  EXPECT_THAT(error_of(again), HasSubstr("already"));
  const std::string old = get("/label-sets/new").header("ETag");
  const RawAnswer changed = put("new", "[\"b\"]", "If-Match: " + old + "\r\n");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_NE(changed.header("ETag"), old);
  const RawAnswer late = put("new", "[\"c\"]", "If-Match: " + old + "\r\n");
  EXPECT_EQ(late.status, 412);
  EXPECT_THAT(error_of(late), HasSubstr("load it again"));
  EXPECT_EQ(request("DELETE", "/label-sets/new", "If-Match: " + old + "\r\n").status, 412);
  // The same change, whose answer was lost, is not refused.
  const RawAnswer repeated = put("new", "[\"b\"]", "If-Match: " + old + "\r\n");
  EXPECT_EQ(repeated.status, 200);
  EXPECT_EQ(repeated.header("ETag"), changed.header("ETag"));
  EXPECT_EQ(put("new", "[\"d\"]", "If-Match: *\r\n").status, 200);
  EXPECT_EQ(put("none", "[\"d\"]", "If-Match: *\r\n").status, 412);
  EXPECT_EQ(put("none", "[\"d\"]", "If-Match: " + old + "\r\n").status, 412);
  EXPECT_EQ(put("new", "[\"d\"]", "If-None-Match: \"x\"\r\n").status, 400);
  const std::string gzip_tag =
      get("/label-sets/new").header("ETag").insert(17, "-gzip");  // of a compressed answer
  EXPECT_EQ(put("new", "[\"e\"]", "If-Match: " + gzip_tag + "\r\n").status, 200);

  ASSERT_EQ(put("2", "[\"a\"]").status, 201);
  std::vector<std::string> names;
  const json all = body_of(get("/label-sets"));
  for (const auto& set : all["label_sets"]) names.push_back(set["name"]);
  EXPECT_THAT(names, ElementsAre("2", "new", "Tiere / K\u00e4fer"));
  EXPECT_EQ(request("DELETE", "/label-sets/new").status, 200);
  EXPECT_EQ(request("DELETE", "/label-sets/new").status, 404);
  EXPECT_EQ(request("DELETE", "/label-sets/new", "If-Match: " + old + "\r\n").status, 412);
}

TEST_F(ApiTest, ChecksLabelSets) {
  const auto put = [&](const std::string& name, const json& body) {
    return request("PUT", "/label-sets/" + name, "Content-Type: application/json\r\n", body.dump());
  };
  const json good = {{"labels", {"a"}}};
  const auto refused = [&](const std::string& name, const json& body, const std::string& text) {
    const RawAnswer answer = put(name, body);
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_THAT(error_of(answer), HasSubstr(text));
  };
  std::string letters;
  for (int i = 0; i < 80; ++i) letters += "%C3%A4";
  EXPECT_EQ(put(letters, good).status, 201);
  refused(letters + "a", good, "1 to 80 characters, not 81");
  refused("%20", good, "1 to 80 characters, not 0");
  refused("a%0Ab", good, "control character");
  refused("a/../b", good, "the part . or ..");
  refused("x", json::object(), "labels is missing");
  refused("x", {{"labels", {"a", " a "}}}, "labels has \"a\" twice");
  refused("x", {{"labels", {"a", ""}}}, "labels[1] is empty");
  refused("x", {{"labels", {"unknown"}}}, "stands for images below the threshold");
  refused("x", {{"labels", {std::string(1'001, 'x')}}}, "at most 1000");
  refused("x", {{"labels", std::vector<std::string>(10'001, "x")}}, "at most 10000");
  std::vector<std::string> long_ones;
  for (int i = 0; i < 301; ++i) long_ones.push_back(std::string(995, 'x') + std::to_string(i));
  refused("x", {{"labels", long_ones}}, "300000");
  refused("x", {{"labels", 7}}, "labels must be");
  EXPECT_EQ(body_of(get("/label-sets"))["label_sets"].size(), 1U);
}

TEST_F(ApiTest, ListsBatchesAndDates) {
  const auto add = [&](const std::string& key, const std::string& batch, int day,
                       const char* taken) {
    CatalogueEntry entry;
    entry.key = entry.name = key;
    entry.batch = batch;
    entry.uploaded_at = entry.last_modified = TimePoint{std::chrono::days{20'000 + day}};
    entry.etag = key;
    entry.facts.taken_at = parse_rfc3339(taken);
    ASSERT_TRUE(stores_.catalogue().put({&entry, 1}));
  };
  EXPECT_EQ(body_of(get("/batches"))["batches"], json::array());
  EXPECT_EQ(body_of(get("/dates"))["months"], json::array());
  EXPECT_EQ(body_of(get("/dates"))["undated"], 0);
  add("1", "Sch\u00f6n/1", 1, "2024-07-01T00:00:00Z");
  add("2", "b", 2, "2024-07-31T23:59:59Z");
  add("3", "b", 3, "");
  add("4", "", 4, "2023-01-01T12:00:00Z");
  json page = body_of(get("/batches?limit=1"));
  EXPECT_EQ(page["batches"][0],
            json({{"batch", "b"},
                  {"images", 2},
                  {"first_uploaded_at", to_rfc3339(TimePoint{std::chrono::days{20'002}})},
                  {"last_uploaded_at", to_rfc3339(TimePoint{std::chrono::days{20'003}})}}));
  EXPECT_EQ(page["version"], stores_.catalogue().version().value());
  page = body_of(
      get("/batches?limit=1&next_token=" + percent_encode(page["next_token"].get<std::string>())));
  EXPECT_EQ(page["batches"][0]["batch"], "Sch\u00f6n/1");
  EXPECT_FALSE(page.contains("next_token"));
  EXPECT_EQ(get("/batches?next_token=x").status, 400);
  EXPECT_EQ(get("/batches?limit=0").status, 400);
  const json dates = body_of(get("/dates"));
  EXPECT_EQ(dates["months"], json::array({{{"month", "2024-07"}, {"images", 2}},
                                          {{"month", "2023-01"}, {"images", 1}}}));
  EXPECT_EQ(dates["undated"], 1);
  EXPECT_EQ(body_of(get("/images?taken_from=2024-07-01&taken_to=2024-07-31"))["total"], 2);
  const json undated = body_of(get("/images?taken=none"));
  EXPECT_EQ(undated["total"], 1);
  EXPECT_EQ(undated["images"][0]["key"], "3");
  EXPECT_EQ(get("/images?taken=some").status, 400);
  EXPECT_EQ(get("/images?taken=none&taken_from=2024-07-01").status, 400);
}

TEST_F(ApiTest, TellsWhatIsDoneWhileAJobRuns) {
  const std::string job = submit({"a/cat.jpg", "b/dog.jpg", "c/broken.jpg", "d/late.jpg"});
  finish(job, {"cat", "dog", ""});
  EXPECT_EQ(get("/result/" + job).status, 202);
  const json result = body_of(get("/result/" + job + "?partial=true"));
  EXPECT_EQ(result["status"], "processing");
  EXPECT_EQ(result["success"], false);
  ASSERT_EQ(result["detailed_results"].size(), 3U);
  EXPECT_EQ(result["detailed_results"][2]["error"], "the image is broken");
  const json later = body_of(get("/result/" + job + "?partial=true&from=1&limit=1"));
  ASSERT_EQ(later["detailed_results"].size(), 1U);
  EXPECT_EQ(later["detailed_results"][0]["s3_key"], "b/dog.jpg");
  EXPECT_EQ(later["next_token"], "2");
  EXPECT_EQ(body_of(get("/result/" + job + "?partial=true&from=9"))["detailed_results"].size(), 0U);
  EXPECT_EQ(get("/result/" + job + "?partial=yes").status, 400);
  EXPECT_EQ(get("/result/" + job + "?from=-1").status, 400);
}

TEST_F(ApiTest, TellsWhatAJobWasAskedFor) {
  const json custom = {{"job_type", "custom_classification"},
                       {"s3_keys", {"a/cat.jpg"}},
                       {"custom_labels", {"dog", "cat"}},
                       {"top_k", 2},
                       {"confidence_threshold", 0.25}};
  const std::string job = body_of(post("/submit", custom.dump()))["job_id"];
  const json details = body_of(get("/jobs/" + job));
  EXPECT_EQ(details["job_id"], job);
  EXPECT_EQ(details["status"], "queued");
  EXPECT_EQ(details["job_type"], "custom_classification");
  EXPECT_EQ(details["custom_labels"], json({"dog", "cat"}));
  EXPECT_EQ(details["top_k"], 2);
  EXPECT_EQ(details["confidence_threshold"], 0.25);
  EXPECT_FALSE(details["model"].get<std::string>().empty());
  EXPECT_FALSE(body_of(get("/jobs/" + submit({"a"}))).contains("custom_labels"));
}

TEST_F(ApiTest, UnknownJobsAreNotFound) {
  for (const char* target : {"/jobs/x", "/status/x", "/result/x", "/result/x.csv", "/events/x"}) {
    const RawAnswer answer = get(target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(answer.body, R"({"error":"Job not found"})") << target;
  }
  EXPECT_EQ(request("POST", "/jobs/x/cancel").status, 404);
  EXPECT_EQ(request("POST", "/jobs/x/retry").status, 404);
}

TEST_F(ApiTest, ListsJobsWithFilters) {
  const std::string done = submit({"a.jpg"});
  finish(done, {"cat"});
  stores_.clock().advance(1s);
  const std::string waiting = submit({"a.jpg", "b.jpg"});
  const json all = body_of(get("/jobs"));
  EXPECT_EQ(all["total"], 2);
  EXPECT_EQ(all["jobs"][0]["job_id"], waiting);
  EXPECT_EQ(all["jobs"][0]["num_images"], 2);
  const json completed = body_of(get("/jobs?status=completed"))["jobs"][0];
  EXPECT_EQ(completed["job_id"], done);
  EXPECT_EQ(completed["done"], completed["num_images"]);
  EXPECT_EQ(completed["failed"], 0);
  EXPECT_FALSE(completed["model"].get<std::string>().empty());
  EXPECT_EQ(body_of(get("/jobs?job_type=custom_classification"))["total"], 0);
  const json page = body_of(get("/jobs?limit=1"));
  EXPECT_EQ(body_of(get("/jobs?limit=1&next_token=" +
                        page["next_token"].get<std::string>()))["jobs"][0]["job_id"],
            done);
  for (const char* target : {"/jobs?status=x", "/jobs?job_type=x", "/jobs?limit=0", "/jobs?limit=x",
                             "/jobs?next_token=nonsense", "/jobs?next_token=1"}) {
    EXPECT_EQ(get(target).status, 400) << target;
  }
}

TEST_F(ApiTest, CancelsAndRetries) {
  const std::string job = submit({"a.jpg", "b.jpg"});
  EXPECT_EQ(request("POST", "/jobs/" + job + "/retry").status, 409);
  const RawAnswer cancelled = request("POST", "/jobs/" + job + "/cancel");
  EXPECT_EQ(cancelled.status, 200);
  EXPECT_EQ(body_of(cancelled)["status"], "cancelled");
  EXPECT_EQ(request("POST", "/jobs/" + job + "/cancel").status, 409);
  EXPECT_EQ(body_of(get("/result/" + job))["success"], false);
  const RawAnswer retried = request("POST", "/jobs/" + job + "/retry");
  EXPECT_EQ(retried.status, 202);
  EXPECT_EQ(body_of(retried)["retry_count"], 1);
}

TEST_F(ApiTest, JobsHaveNames) {
  json body = {{"job_type", "image_classification"}, {"s3_keys", {"a.jpg"}}, {"name", "  Ferien "}};
  const std::string job = body_of(post("/submit", body.dump()))["job_id"];
  const auto patch = [&](const std::string& text) {
    return request("PATCH", "/jobs/" + job, "Content-Type: application/json\r\n", text);
  };
  EXPECT_EQ(body_of(get("/jobs/" + job))["name"], "Ferien");
  EXPECT_EQ(body_of(get("/status/" + job))["name"], "Ferien");
  EXPECT_EQ(body_of(get("/jobs"))["jobs"][0]["name"], "Ferien");
  const RawAnswer renamed = patch(R"({"name":"2024 \ud83d\udc31"})");
  EXPECT_EQ(renamed.status, 200);
  EXPECT_EQ(body_of(renamed)["name"], "2024 \U0001F431");
  EXPECT_EQ(body_of(renamed), body_of(get("/jobs/" + job)));
  finish(job, {"cat"});
  EXPECT_EQ(body_of(get("/result/" + job))["name"], "2024 \U0001F431");
  // 200 characters are more bytes.
  std::string longest;
  for (int i = 0; i < 200; ++i) longest += "\u00fc";
  EXPECT_EQ(body_of(patch(json{{"name", longest}}.dump()))["name"], longest);
  EXPECT_THAT(error_of(patch(json{{"name", longest + "x"}}.dump())), HasSubstr("201 characters"));
  for (const char* bad :
       {R"({"name":"a\nb"})", R"({"name":"\u0000"})", R"({"name":5})", R"({})", R"([])", "x"})
    EXPECT_EQ(patch(bad).status, 400) << bad;
  for (const char* none : {R"({"name":null})", R"({"name":""})", R"({"name":"  "})"}) {
    EXPECT_FALSE(body_of(patch(none)).contains("name"));
    EXPECT_EQ(patch(R"({"name":"x"})").status, 200);
  }
  body["name"] = "a\tb";
  EXPECT_THAT(error_of(post("/submit", body.dump())), HasSubstr("name"));
  EXPECT_EQ(request("PATCH", "/jobs/none", "Content-Type: application/json\r\n", R"({"name":"x"})")
                .status,
            404);
}

TEST_F(ApiTest, ANameIsPartOfARepeatedSubmission) {
  const auto submit_named = [&](const json& name) {
    const json body = {
        {"job_type", "image_classification"}, {"s3_keys", {"a.jpg"}}, {"name", name}};
    return request("POST", "/submit", "Content-Type: application/json\r\nIdempotency-Key: k\r\n",
                   body.dump());
  };
  const RawAnswer first = submit_named("a");
  EXPECT_EQ(body_of(submit_named("a"))["job_id"], body_of(first)["job_id"]);
  EXPECT_EQ(submit_named("b").status, 409);
  EXPECT_EQ(submit_named(nullptr).status, 409);
}

TEST_F(ApiTest, DeletesJobsThatEnded) {
  const std::string job = submit({"a.jpg", "b.jpg"});
  EXPECT_EQ(request("DELETE", "/jobs/" + job).status, 409);
  finish(job, {"cat", ""});
  const RawAnswer deleted = request("DELETE", "/jobs/" + job);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(body_of(deleted)["success"], true);
  EXPECT_EQ(removals_, 1);
  for (const std::string& path :
       {"/jobs/" + job, "/status/" + job, "/result/" + job, "/result/" + job + ".csv"})
    EXPECT_EQ(get(path).status, 404) << path;
  EXPECT_EQ(request("DELETE", "/jobs/" + job).status, 404);
  EXPECT_EQ(body_of(get("/jobs"))["total"], 0);
}

TEST_F(ApiTest, TheTimeOfARunIsItsOwn) {
  const std::string job = submit({"a.jpg", "b.jpg"});
  EXPECT_FALSE(body_of(get("/jobs/" + job)).contains("started_at"));
  stores_.clock().advance(60s);
  ASSERT_TRUE(stores_.jobs().mark_started(job, stores_.clock().now()));
  const json status = body_of(get("/status/" + job));
  EXPECT_NE(status["started_at"], status["created_at"]);
  EXPECT_EQ(body_of(get("/jobs"))["jobs"][0]["started_at"], status["started_at"]);
  stores_.clock().advance(5s);
  finish(job, {"cat", ""});
  EXPECT_EQ(body_of(get("/result/" + job))["processing_time_ms"], 5'000);
  stores_.clock().advance(1'000s);
  EXPECT_EQ(request("POST", "/jobs/" + job + "/retry").status, 202);
  EXPECT_FALSE(body_of(get("/jobs/" + job)).contains("started_at"));
  stores_.clock().advance(100s);
  ASSERT_TRUE(stores_.jobs().mark_started(job, stores_.clock().now()));
  stores_.clock().advance(14s);
  ImageOutcome outcome = testing::success(job, 1, 1);
  ASSERT_TRUE(stores_.jobs().record({&outcome, 1}, stores_.clock().now()));
  EXPECT_EQ(body_of(get("/result/" + job))["processing_time_ms"], 14'000);
}

TEST_F(ApiTest, TellsProgressAsItHappens) {
  const std::string job = submit({"a.jpg"});
  const std::jthread worker([&] {
    std::this_thread::sleep_for(400ms);
    finish(job, {"cat"});
  });
  const RawAnswer events = get("/events/" + job);
  EXPECT_EQ(events.header("Content-Type"), "text/event-stream");
  EXPECT_TRUE(events.complete);
  EXPECT_THAT(events.body, StartsWith("event: progress\ndata: {"));
  EXPECT_THAT(events.body, HasSubstr("event: end\ndata: {"));
  EXPECT_THAT(events.body, HasSubstr("\"status\":\"completed\""));
}

TEST(JobWatches, OneQuestionServesAllWatchers) {
  testing::EmbeddedStores stores;
  testing::Faults faults;
  testing::FaultyJobStore jobs(stores.jobs(), faults);
  const std::string id = stores.jobs().create(testing::new_job(1, stores.clock().now()))->id;
  JobWatches watches(jobs);
  const auto one = watches.of(id);
  const auto two = watches.of(id);
  for (const auto& watch : {one, two, watches.of(id)}) EXPECT_EQ((*watch->get(5min))->id, id);
  EXPECT_EQ(faults.calls()["JobStore.get"], 1);
  EXPECT_EQ((*two->get(0s))->id, id);
  EXPECT_EQ(faults.calls()["JobStore.get"], 2);
  // An error is an answer, too.
  faults.inject({.operation = "JobStore.get", .call = 1, .mode = testing::FaultMode::kFailAlways});
  EXPECT_FALSE(*two->get(0s));
  EXPECT_FALSE(*one->get(5min));
  EXPECT_EQ(faults.calls()["JobStore.get"], 3);
}

TEST_F(ApiTest, TheMlServiceTellsOfItself) {
  EXPECT_EQ(body_of(request("GET", "/", "", "", ml_port_))["service"], "ml-service");
  const json health = body_of(request("GET", "/health", "", "", ml_port_));
  EXPECT_EQ(health["models"][0]["name"], "labelling");
  EXPECT_EQ(health["models"][0]["loaded"], false);
  EXPECT_EQ(health["sqs_worker"]["status"], "running");
}

TEST_F(ApiTest, ClassificationsAreLimitedAndDelayNothingElse) {
  classifier_.hold();
  const json wanted = {{"job_type", "image_classification"}, {"s3_keys", {"a"}}};
  std::atomic<int> answers{0};
  const auto classify = [&] {
    const RawAnswer answer =
        request("POST", "/classify", "Content-Type: application/json\r\n", wanted.dump(), ml_port_);
    if (++answers > 1) {
      EXPECT_EQ(answer.status, 200) << answer.body;
      return;
    }
    // All others are in progress, so this is the one over the limit.
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_NE(answer.header("Retry-After"), "");
    EXPECT_EQ(request("GET", "/health", "", "", ml_port_).status, 200);
    EXPECT_EQ(request("GET", "/models", "", "", ml_port_).status, 200);
    EXPECT_EQ(get("/jobs").status, 200);
    classifier_.release();
  };
  std::vector<std::jthread> clients;
  for (std::size_t i = 0; i < ServerLimits().long_calls + 1; ++i) clients.emplace_back(classify);
}

TEST_F(ApiTest, TheMlServiceClassifiesStoredImages) {
  stores_.put_object("a/1.jpg", "cat");
  stores_.put_object("b/2.jpg", "broken");
  const auto classify = [&](const json& body) {
    return request("POST", "/classify", "Content-Type: application/json\r\n", body.dump(),
                   ml_port_);
  };
  const RawAnswer answer = classify({{"job_id", "j"},
                                     {"job_type", "image_classification"},
                                     {"s3_bucket", "in"},
                                     {"s3_keys", {"a/1.jpg", "b/2.jpg", "none.jpg"}}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json result = body_of(answer);
  EXPECT_EQ(result["job_id"], "j");
  EXPECT_EQ(result["summary"]["classified"], 1);
  EXPECT_EQ(result["summary"]["failed"], 2);
  EXPECT_EQ(result["output_paths"]["a/1.jpg"], "s3://out/j/cat/1.jpg");
  for (const json& bad :
       {json{{"job_type", "image_classification"}},
        json{{"job_type", "image_classification"}, {"s3_keys", {"a"}}, {"s3_bucket", "elsewhere"}},
        json{{"job_type", "image_classification"}, {"s3_keys", {"a"}}, {"job_id", "../x"}}}) {
    EXPECT_EQ(classify(bad).status, 400) << bad.dump();
  }
}

TEST_F(ApiTest, TheMlServiceClassifiesImagesInAForm) {
  const std::string form =
      "--B\r\nContent-Disposition: form-data; name=\"custom_labels\"\r\n\r\ncat, dog\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"job_type\"\r\n\r\ncustom_classification\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"images\"; filename=\"x/1.jpg\"\r\n"
      "Content-Type: image/jpeg\r\n\r\ncat\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"images\"; "
      "filename=\"2.jpg\"\r\n\r\ndoubtful\r\n"
      "--B--\r\n";
  const std::string type = "Content-Type: multipart/form-data; boundary=B\r\n";
  const RawAnswer answer = request("POST", "/classify", type, form, ml_port_);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json result = body_of(answer);
  EXPECT_EQ(result["detailed_results"][0]["filename"], "1.jpg");
  EXPECT_EQ(result["detailed_results"][0]["top_prediction"], "cat");
  EXPECT_EQ(result["detailed_results"][1]["top_prediction"], "unknown");
  EXPECT_TRUE(result["output_paths"].empty());
  EXPECT_EQ(request("POST", "/classify", type, "--B--\r\n", ml_port_).status, 400);
  EXPECT_EQ(request("POST", "/classify", type, "junk", ml_port_).status, 400);
  EXPECT_EQ(request("POST", "/classify", "Content-Type: text/plain\r\n", "x", ml_port_).status,
            415);
  EXPECT_EQ(request("POST", "/classify", type, std::string(10'001, 'x'), ml_port_).status, 413);
}

TEST_F(ApiTest, DirectAnswersSayWhatIsMissing) {
  const std::string form =
      "--B\r\nContent-Disposition: form-data; name=\"job_type\"\r\n\r\nimage_classification\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.jpg\"\r\n\r\ntorn\r\n"
      "--B--\r\n";
  const RawAnswer answer = request(
      "POST", "/classify", "Content-Type: multipart/form-data; boundary=B\r\n", form, ml_port_);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(body_of(answer)["detailed_results"][0]["warning"], "half of the image is missing");
}

TEST_F(ApiTest, ImagesInAFormAreToldApart) {
  stores_.put_object("cat.jpg", "cat");
  const auto file = [](const std::string& name, const std::string& content) {
    return "--B\r\nContent-Disposition: form-data; name=\"images\"; filename=\"" + name +
           "\"\r\n\r\n" + content + "\r\n";
  };
  const auto field = [](const std::string& name, const std::string& value) {
    return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  };
  const std::string form = field("job_type", "custom_classification") +
                           field("custom_labels", "cat, dog") + file("a/cat.jpg", "cat") +
                           file("", "dog") + file("b/cat.jpg", "dog") + file("image-2", "cat") +
                           file("cat-3.jpg", "dog") + file("c\\cat.jpg", "cat") +
                           field("s3_keys", "cat.jpg") + "--B--\r\n";
  const RawAnswer answer = request(
      "POST", "/classify", "Content-Type: multipart/form-data; boundary=B\r\n", form, ml_port_);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json result = body_of(answer);
  std::vector<std::string> names;
  std::vector<std::string> labels;
  for (const json& image : result["detailed_results"]) {
    names.push_back(image["filename"]);
    labels.push_back(image["top_prediction"]);
  }
  // The stored image keeps its key, wherever it is in the form.
  EXPECT_THAT(names, ElementsAre("cat-2.jpg", "image-2", "cat-3.jpg", "image-2-2", "cat-3-2.jpg",
                                 "cat-4.jpg", "cat.jpg"));
  EXPECT_THAT(labels, ElementsAre("cat", "dog", "dog", "cat", "dog", "cat", "cat"));
}

}  // namespace
}  // namespace classifier::http
