// Old jobs are removed completely, no others are, and their space is returned.
#include "services/retention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "contract/embedded_stores.hpp"
#include "domain/ids.hpp"

namespace classifier::testing {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RetentionTest : public ::testing::Test {
 protected:
  Job accept(int images, const std::string& idempotency_key = "") {
    NewJob job;
    job.id = make_job_id(stores_.clock().now());
    JobSpec spec;
    spec.type = JobType::kCustomClassification;
    spec.model = "a_model";
    spec.custom_labels = {"cat", "dog"};
    job.spec = std::make_shared<const JobSpec>(spec);
    for (int i = 0; i < images; ++i) {
      job.s3_keys.push_back("uploads/" + std::to_string(i) + ".jpg");
      job.filenames.push_back(std::to_string(i) + ".jpg");
    }
    job.created_at = stores_.clock().now();
    if (!idempotency_key.empty()) job.idempotency = IdempotencyKey{idempotency_key, "same"};
    return stores_.jobs().create(job).value();
  }

  void send(const Job& job) {
    const auto all = stores_.jobs().unsent(100, 100'000).value();
    for (const auto& unsent : all) {
      if (unsent.job_id != job.id) continue;
      ASSERT_TRUE(stores_.queue().send(unsent.tasks));
      ASSERT_TRUE(stores_.jobs().mark_sent(unsent));
    }
  }

  void finish(const Job& job) {
    std::vector<ImageOutcome> outcomes;
    for (std::int64_t i = 0; i < job.counts.total; ++i)
      outcomes.push_back({.job_id = job.id,
                          .index = i,
                          .generation = job.retry_count,
                          .result = Predictions{{"cat", 0.9F}},
                          .output_key = "",
                          .processing_time_ms = 1});
    ASSERT_TRUE(stores_.jobs().record(outcomes, stores_.clock().now()));
  }

  std::size_t run() {
    return Retention(stores_.jobs(), stores_.clock(), days(90)).run_once().value();
  }

  std::int64_t listed(JobFilter filter = {}) {
    const auto page = stores_.jobs().list(filter, 100, "").value();
    EXPECT_THAT(page.jobs, SizeIs(page.total));
    return page.total;
  }

  EmbeddedStores stores_;
};

TEST_F(RetentionTest, OnlyOldJobsThatEndedAreForgotten) {
  const Job done = accept(2);
  const Job cancelled = accept(1);
  const Job open = accept(3);
  finish(done);
  ASSERT_TRUE(stores_.jobs().cancel(cancelled.id, stores_.clock().now()));
  stores_.pass(days(90));
  const Job young = accept(1);
  finish(young);
  EXPECT_EQ(run(), 0);  // exactly as old as the limit
  stores_.pass(milliseconds(1));
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(run(), 0);
  for (const Job& gone : {done, cancelled}) {
    EXPECT_EQ(stores_.jobs().get(gone.id).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(stores_.jobs().records(gone.id, 0, 10).error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(stores_.jobs().get(young.id).value().counts.classified, 1);
  EXPECT_EQ(listed(), 2);
  EXPECT_EQ(listed({.status = JobStatus::kCompleted, .type = std::nullopt}), 1);
  // The unfinished job is old, and still runs to its end.
  finish(open);
  EXPECT_EQ(stores_.jobs().get(open.id).value().status, JobStatus::kCompleted);
}

TEST_F(RetentionTest, NothingOfThemIsLeft) {
  const Job job = accept(5, "once");
  send(job);
  ASSERT_TRUE(stores_.jobs().cancel(job.id, stores_.clock().now()));
  stores_.pass(days(91));
  EXPECT_EQ(run(), 1);
  EXPECT_EQ(stores_.queue().depth().value().visible, 0);
  // The key may be used for a new request.
  EXPECT_NE(accept(1, "once").id, job.id);
}

TEST_F(RetentionTest, AnAgeOfZeroForgetsNothing) {
  Retention never(stores_.jobs(), stores_.clock(), days(0));
  finish(accept(1));
  stores_.pass(days(10'000));
  EXPECT_EQ(never.run_once().value(), 0);
  EXPECT_EQ(listed(), 1);
}

TEST_F(RetentionTest, MoreThanARoundAtOnce) {
  for (int i = 0; i < 250; ++i) finish(accept(1));
  stores_.pass(days(91));
  EXPECT_EQ(run(), 250);
  EXPECT_EQ(listed(), 0);
}

TEST_F(RetentionTest, TheFileStaysBounded) {
  const auto file = stores_.folder() / "jobs.sqlite";
  const auto use = [&] {
    const Job job = accept(20'000);
    finish(job);
    stores_.pass(days(91));
    EXPECT_EQ(run(), 1);
    stores_.reopen();  // writes the WAL into the file
    return std::filesystem::file_size(file);
  };
  const auto first = use();
  EXPECT_LT(first, 200'000);  // bytes; the job took more than a million
  for (int i = 0; i < 3; ++i) EXPECT_LE(use(), first + 50'000);
}

}  // namespace
}  // namespace classifier::testing
