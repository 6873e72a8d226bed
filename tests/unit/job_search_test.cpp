// The outcomes of an image in jobs that are too large or too many for one look.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapters/embedded/sqlite_job_store.hpp"
#include "support/jobs.hpp"
#include "support/temp_dir.hpp"

namespace classifier::testing {
namespace {

constexpr std::int64_t kRowsInOneCall = 100;

class JobSearchTest : public ::testing::Test {
 protected:
  // All images have an outcome, and those at `places` are the photo "uploads/photo.jpg".
  std::string add_job(int images, const std::vector<int>& places) {
    NewJob job = new_job(images, TimePoint{});
    for (const int place : places) job.s3_keys[static_cast<std::size_t>(place)] = kPhoto;
    std::vector<ImageOutcome> outcomes;
    for (int i = 0; i < images; ++i) outcomes.push_back(success(job.id, i));
    EXPECT_TRUE(jobs_.create(job));
    EXPECT_TRUE(jobs_.record(outcomes, TimePoint{}));
    return job.id;
  }

  // "<job> <index>" of all pages.
  std::vector<std::string> find(std::size_t limit) {
    std::vector<std::string> found;
    std::string token;
    for (calls_ = 1; calls_ < 1'000; ++calls_) {
      const auto page = jobs_.records_of_image(kPhoto, limit, token).value();
      EXPECT_LE(page.records.size(), limit);
      for (const auto& [job, record] : page.records)
        found.push_back(job.id + " " + std::to_string(record.index));
      if (!page.next_token) break;
      EXPECT_NE(*page.next_token, token);
      token = *page.next_token;
    }
    return found;
  }

  static constexpr const char* kPhoto = "uploads/photo.jpg";
  TempDir dir_;
  std::unique_ptr<SqliteDatabase> database_ =
      SqliteDatabase::open(dir_.path() / "jobs.sqlite").value();
  SpecCache specs_;
  SqliteJobStore jobs_{*database_, specs_, kRowsInOneCall};
  int calls_ = 0;
};

TEST_F(JobSearchTest, ALargeJobIsLookedThroughInPieces) {
  const std::string job = add_job(1'000, {0, 99, 100, 101, 555, 999});
  const std::vector<std::string> all{job + " 0",   job + " 99",  job + " 100",
                                     job + " 101", job + " 555", job + " 999"};
  EXPECT_EQ(find(10), all);
  EXPECT_EQ(calls_, 10);
  EXPECT_EQ(find(1), all);
}

TEST_F(JobSearchTest, ManyJobsAreLookedThroughInPieces) {
  const std::string oldest = add_job(2, {1});
  for (int i = 0; i < 200; ++i) add_job(1, {});
  const std::string newest = add_job(2, {0, 1});
  EXPECT_EQ(find(10), (std::vector<std::string>{newest + " 0", newest + " 1", oldest + " 1"}));
  EXPECT_GT(calls_, 50);
}

TEST_F(JobSearchTest, AJobThatIsRemovedMeanwhileIsPassedOver) {
  const std::string oldest = add_job(3, {0, 2});
  add_job(3, {0, 1});
  const auto first = jobs_.records_of_image(kPhoto, 1, "").value();
  ASSERT_TRUE(first.next_token);
  // The token is within the newer job, which goes first here.
  ASSERT_TRUE(
      database_->write(Durability::kOrdered, [](SqliteConnection& connection) -> Result<int> {
        return connection.database().exec(
            "DELETE FROM jobs WHERE seq = (SELECT max(seq) FROM jobs)");
      }));
  const auto rest = jobs_.records_of_image(kPhoto, 10, *first.next_token).value();
  ASSERT_EQ(rest.records.size(), 2U);
  EXPECT_EQ(rest.records[0].job.id, oldest);
  EXPECT_EQ(rest.records[0].record.index, 0);
}

}  // namespace
}  // namespace classifier::testing
