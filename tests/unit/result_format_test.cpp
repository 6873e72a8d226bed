#include "services/result_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "services/output_key.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

using nlohmann::json;

class ResultFormatTest : public ::testing::Test {
 protected:
  ResultFormatTest() {
    JobSpec spec;
    spec.model = "a_model";
    job_.spec = std::make_shared<const JobSpec>(spec);
    job_.id = "job";
    job_.status = JobStatus::kCompleted;
    add("uploads/a.jpg", Predictions{{"cat, \"big\"", 0.9F}, {"dog", 0.1F}}, "job/cat/a.jpg");
    add("uploads/=b.jpg", Predictions{{"dog", 0.31F}}, "");
    add("uploads/c.jpg", Error{ErrorCode::kUndecodable, "the JPEG is truncated"}, "");
    add("uploads/a.jpg", Predictions{{"cat, \"big\"", 0.9F}}, "job/cat/a.jpg");
    job_.counts = {.total = 4, .classified = 2, .unknown = 1, .failed = 1};
  }

  void add(const std::string& key, std::variant<Predictions, Error> result,
           const std::string& output) {
    ImageRecord record{.index = static_cast<std::int64_t>(records_.size()),
                       .s3_key = key,
                       .filename = key.substr(8),
                       .outcome = ImageOutcome{.job_id = "job",
                                               .index = 0,
                                               .generation = 0,
                                               .result = std::move(result),
                                               .output_key = output,
                                               .processing_time_ms = 2}};
    records_.push_back(std::move(record));
  }

  RecordSource source() {
    return [this](std::int64_t from, std::size_t count) -> Result<std::vector<ImageRecord>> {
      std::vector<ImageRecord> page;
      for (auto i = static_cast<std::size_t>(from); i < records_.size() && page.size() < count; ++i)
        page.push_back(records_[i]);
      return page;
    };
  }

  static std::string all(ResultWriter& writer) {
    std::string text;
    while (auto piece = writer.next().value()) {
      EXPECT_FALSE(piece->empty());
      text += *piece;
    }
    return text;
  }

  Job job_;
  std::vector<ImageRecord> records_;
};

TEST_F(ResultFormatTest, JsonHasThePromisedFields) {
  const json result = json::parse(
      all(*json_result(job_, source(), {.output_bucket = "out", .from = 0, .limit = {}})));
  EXPECT_EQ(result.at("success"), true);
  EXPECT_EQ(result.at("model_used"), "a_model");
  EXPECT_EQ(result.at("summary"),
            json({{"total", 4}, {"classified", 2}, {"unknown", 1}, {"failed", 1}, {"reused", 0}}));
  EXPECT_EQ(result.at("grouped_by_label"),
            json({{"cat, \"big\"", {"a.jpg", "a.jpg"}}, {"unknown", {"=b.jpg"}}}));
  EXPECT_EQ(result.at("output_paths"), json({{"uploads/a.jpg", "s3://out/job/cat/a.jpg"}}));
  const auto& details = result.at("detailed_results");
  ASSERT_EQ(details.size(), 4U);
  EXPECT_EQ(details[1].at("top_prediction"), "unknown");
  EXPECT_EQ(details[1].at("reason"),
            "confidence below threshold (0.31 < 0.5). Original prediction: dog");
  EXPECT_EQ(details[2].at("error"), "the JPEG is truncated");
  EXPECT_TRUE(details[2].at("top_prediction").is_null());
}

// What is more than fits in memory is written to temporary files, and dropped with them.
TEST_F(ResultFormatTest, LargeResultsReadEachRecordOnce) {
  constexpr int kImages = 40'000;
  constexpr int kKeys = 35'000;
  records_.clear();
  std::map<std::string, std::vector<std::string>> groups;
  for (int i = 0; i < kImages; ++i) {
    const std::string name = std::to_string(i % kKeys) + ".jpg";
    const std::string label = "label " + std::to_string(i % 997);
    add("uploads/" + name, Predictions{{label, 0.9F}}, "job/" + name);
    groups[label].push_back(name);
  }
  job_.counts = {.total = kImages, .classified = kImages};
  std::int64_t read = 0;
  std::size_t longest = 0;
  const testing::TempDir folder;
  const auto counted = [&, all = source()](std::int64_t from, std::size_t count) {
    auto page = all(from, count);
    read += static_cast<std::int64_t>(page->size());
    return page;
  };
  const auto writer = json_result(
      job_, counted, {.output_bucket = "out", .limit = {}, .temporary_folder = folder.path()});
  std::string text;
  while (auto piece = writer->next().value()) {
    longest = std::max(longest, piece->size());
    text += *piece;
  }
  EXPECT_EQ(read, kImages);
  EXPECT_LE(longest, 600'000U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  const json result = json::parse(text);
  // A parsed object hides a member that is there twice.
  std::size_t paths = 0;
  for (auto at = text.find(":\"s3://"); at != std::string::npos; at = text.find(":\"s3://", at + 1))
    ++paths;
  EXPECT_EQ(paths, static_cast<std::size_t>(kKeys));
  EXPECT_EQ(result.at("output_paths").size(), paths);
  EXPECT_EQ(result.at("output_paths").at("uploads/34999.jpg"), "s3://out/job/34999.jpg");
  EXPECT_EQ(result.at("detailed_results").size(), static_cast<std::size_t>(kImages));
  EXPECT_EQ(result.at("grouped_by_label"), json(groups));
}

TEST_F(ResultFormatTest, LongNamesMakeShorterPages) {
  records_.clear();
  for (int i = 0; i < 3'000; ++i)
    add("uploads/" + std::string(1'000, '\x01') + std::to_string(i), Predictions{{"cat", 0.9F}},
        "o");
  job_.counts = {.total = 3'000, .classified = 3'000};
  const auto writer = json_result(job_, source(), {.output_bucket = "out", .limit = {}});
  std::size_t longest = 0;
  while (auto piece = writer->next().value()) longest = std::max(longest, piece->size());
  EXPECT_LE(longest, 2U << 20);
}

TEST_F(ResultFormatTest, PagesJoinToTheWhole) {
  std::int64_t from = 0;
  std::size_t seen = 0;
  while (true) {
    const json page = json::parse(
        all(*json_result(job_, source(), {.output_bucket = "out", .from = from, .limit = 3})));
    seen += page.at("detailed_results").size();
    if (!page.contains("next_token")) break;
    from = std::stoll(page.at("next_token").get<std::string>());
  }
  EXPECT_EQ(seen, 4U);
}

TEST_F(ResultFormatTest, CsvQuotesAndDisarms) {
  const std::string text = all(*csv_result(job_, source()));
  EXPECT_THAT(text,
              ::testing::HasSubstr("a.jpg,uploads/a.jpg,\"cat, \"\"big\"\"\",0.9,classified,"));
  EXPECT_THAT(text, ::testing::HasSubstr("\r\n'=b.jpg,"));
  EXPECT_THAT(text, ::testing::HasSubstr("c.jpg,uploads/c.jpg,,,failed,,the JPEG is truncated,"));
}

TEST_F(ResultFormatTest, ImagesThatAreNotWholeCarryAWarning) {
  const std::string warning = "the file ends early: the last 5 % of the picture is missing";
  records_[1].outcome->warning = warning;
  records_[2].outcome->warning = warning;  // of an image that failed: its error says more
  const json result = json::parse(
      all(*json_result(job_, source(), {.output_bucket = "out", .from = 0, .limit = {}})));
  const auto& details = result.at("detailed_results");
  EXPECT_FALSE(details[0].contains("warning"));
  EXPECT_EQ(details[1].at("warning"), warning);
  EXPECT_FALSE(details[2].contains("warning"));
  const std::string table = all(*csv_result(job_, source()));
  EXPECT_THAT(table, ::testing::HasSubstr(",predictions,name,warning\r\n"));
  EXPECT_THAT(table, ::testing::HasSubstr(",dog 0.31,," + warning + "\r\n"));
  EXPECT_THAT(table, ::testing::HasSubstr("the JPEG is truncated,2,,,\r\n"));
}

TEST_F(ResultFormatTest, ExcelGetsAByteOrderMarkOnce) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string plain = all(*csv_result(job_, source()));
  EXPECT_EQ(all(*csv_result(job_, source(), CsvFor::kExcel)), mark + plain);
  EXPECT_EQ(plain.find(mark), std::string::npos);
}

TEST(BelowThreshold, NeverSaysThatEqualNumbersDiffer) {
  EXPECT_EQ(below_threshold_reason({"x", 0.4999F}, 0.5),
            "confidence below threshold (0.499900 < 0.5). Original prediction: x");
}

TEST(SafeLabel, HasNothingThatAStoreReadsAsStructure) {
  EXPECT_EQ(safe_label("a/b\\c\"d"), "a_b_c_d");
  EXPECT_EQ(safe_label(".."), "__");
  EXPECT_EQ(safe_label("🐱 كلب"), "🐱 كلب");
  EXPECT_LE(safe_label(std::string(1'000, 'x')).size(), 200U);
}

}  // namespace
}  // namespace classifier
