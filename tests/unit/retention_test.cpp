// Old jobs are removed completely, no others are, and their space is returned.
#include "services/retention.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "contract/embedded_stores.hpp"
#include "domain/ids.hpp"
#include "support/faulty_stores.hpp"

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

  std::size_t run() { return retention().run_once().value(); }

  // A finished job with a sorted copy of each image.
  Job with_copies(int images) {
    const Job job = accept(images);
    finish(job);
    for (int i = 0; i < images; ++i) copy(job.id + "/cat/" + std::to_string(i) + ".jpg");
    return job;
  }
  void copy(const std::string& output_key) {
    if (!stores_.objects().head(Bucket::kInput, "uploads/0.jpg"))
      stores_.put_object("uploads/0.jpg", "an image");
    ASSERT_TRUE(stores_.objects().copy_to_output("uploads/0.jpg", output_key));
  }
  std::vector<std::string> copies(const std::string& prefix = "") {
    std::vector<std::string> keys;
    const auto page = stores_.objects().list(Bucket::kOutput, prefix, "", 100'000).value();
    for (const auto& object : page.objects) keys.push_back(object.key);
    return keys;
  }
  void remove(const Job& job) { ASSERT_TRUE(stores_.jobs().remove(job.id, stores_.clock().now())); }

  std::int64_t listed(JobFilter filter = {}) {
    const auto page = stores_.jobs().list(filter, 100, "").value();
    EXPECT_THAT(page.jobs, SizeIs(page.total));
    return page.total;
  }

  // Of the stores as they are now.
  Retention retention() { return {stores_.jobs(), stores_.objects(), stores_.clock(), days(90)}; }

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
  Retention never(stores_.jobs(), stores_.objects(), stores_.clock(), days(0));
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
  EXPECT_LT(first, 250'000);  // bytes, of empty tables; the job took more than a million
  for (int i = 0; i < 3; ++i) EXPECT_LE(use(), first + 50'000);
}

TEST_F(RetentionTest, OldJobsLeaveTheirCopies) {
  const Job job = with_copies(2);
  stores_.pass(days(91));
  EXPECT_EQ(run(), 1);
  EXPECT_EQ(retention().finish_removals().value(), 0);
  EXPECT_THAT(copies(), SizeIs(2));
}

TEST_F(RetentionTest, ADeletedJobTakesItsCopiesWithItAndNothingElse) {
  const Job job = with_copies(3);
  const Job other = with_copies(2);
  // What is not "<job>/<label>/<file name>" is not the job's.
  copy(job.id + "/note.jpg");
  copy(job.id + "/cat/mine/0.jpg");
  copy(job.id + "0/cat/0.jpg");
  remove(job);
  EXPECT_EQ(retention().finish_removals().value(), 1);
  EXPECT_THAT(copies(job.id),
              ::testing::UnorderedElementsAre(job.id + "/cat/mine/0.jpg", job.id + "/note.jpg",
                                              job.id + "0/cat/0.jpg"));
  EXPECT_THAT(copies(other.id + "/"), SizeIs(2));
  EXPECT_TRUE(stores_.objects().head(Bucket::kInput, "uploads/0.jpg"));
  EXPECT_EQ(retention().finish_removals().value(), 0);
}

TEST_F(RetentionTest, NoFolderOfADeletedJobIsLeft) {
  const Job job = with_copies(3);
  const auto folder = stores_.folder() / "objects/out" / job.id;
  ASSERT_TRUE(std::filesystem::exists(folder / "cat"));
  remove(job);
  EXPECT_EQ(retention().finish_removals().value(), 1);
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(RetentionTest, ACopyThatAWorkerMakesLateIsRemovedAsWell) {
  const Job job = with_copies(1);
  remove(job);
  EXPECT_EQ(retention().finish_removals().value(), 1);
  copy(job.id + "/cat/late.jpg");
  stores_.pass(std::chrono::minutes(59));
  EXPECT_EQ(retention().finish_removals().value(), 0);
  stores_.pass(std::chrono::minutes(2));
  EXPECT_EQ(retention().finish_removals().value(), 1);
  EXPECT_THAT(copies(), IsEmpty());
  stores_.pass(days(1));
  EXPECT_EQ(retention().finish_removals().value(), 0);
}

TEST_F(RetentionTest, MoreCopiesAndRecordsThanAreRemovedAtOnce) {
  constexpr int kImages = 11'000;
  const Job job = with_copies(kImages);
  const Job kept = with_copies(3);
  remove(job);
  EXPECT_EQ(retention().finish_removals().value(), 1);
  EXPECT_THAT(copies(), SizeIs(3));
  EXPECT_THAT(stores_.jobs().records(kept.id, 0, 10).value(), SizeIs(3));
  const auto file = stores_.folder() / "jobs.sqlite";
  stores_.reopen();  // writes the WAL into the file
  EXPECT_LT(std::filesystem::file_size(file), 250'000);
}

// Stops where the next step of a deletion would begin, as a crash does.
TEST_F(RetentionTest, ADeletionThatWasInterruptedIsFinished) {
  for (const char* step :
       {"ObjectStore.list", "ObjectStore.remove_copies", "JobStore.purge", "JobStore.forget"}) {
    SCOPED_TRACE(step);
    for (const FaultMode mode : {FaultMode::kFailOnce, FaultMode::kLoseAnswer}) {
      const Job job = with_copies(3);
      remove(job);
      Faults faults;
      FaultyJobStore jobs(stores_.jobs(), faults);
      FaultyObjectStore objects(stores_.objects(), faults);
      Retention interrupted(jobs, objects, stores_.clock(), days(90));
      if (std::string_view(step) == "JobStore.forget") stores_.pass(days(1));
      faults.inject({step, 1, mode});
      EXPECT_FALSE(interrupted.finish_removals());
      stores_.reopen();
      EXPECT_TRUE(retention().finish_removals());
      EXPECT_THAT(copies(), IsEmpty());
      stores_.pass(days(1));
      EXPECT_TRUE(retention().finish_removals());
      EXPECT_THAT(stores_.jobs().removed(stores_.clock().now(), 10).value(), IsEmpty());
    }
  }
}

TEST_F(RetentionTest, ADeletionDoesNotWaitForTheNextHour) {
  Retention running(stores_.jobs(), stores_.objects(), stores_.clock(), days(90));
  running.start();
  const Job job = with_copies(2);
  remove(job);
  running.wake();
  for (int i = 0; i < 2'000 && !copies().empty(); ++i) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_THAT(copies(), IsEmpty());
  running.stop();
}

// An interrupted removal of an old job, whose rows are removed in pieces.
TEST_F(RetentionTest, WhatAnEarlierProcessLeftOfOldJobsIsRemoved) {
  const Job job = accept(3);
  finish(job);
  stores_.reopen();
  {
    SQLite::Database database((stores_.folder() / "jobs.sqlite").string(), SQLite::OPEN_READWRITE);
    database.exec(
        "INSERT INTO job_removals(seq, id, total, removed_at, copies) "
        "SELECT seq, id, total, 0, 0 FROM jobs; DELETE FROM jobs");
  }
  EXPECT_THAT(stores_.jobs().removed(stores_.clock().now(), 10).value(), IsEmpty());
  EXPECT_EQ(run(), 0);
  SQLite::Database database((stores_.folder() / "jobs.sqlite").string(), SQLite::OPEN_READONLY);
  for (const char* table : {"images", "outcomes", "job_removals"})
    EXPECT_EQ(database.execAndGet(std::string("SELECT count(*) FROM ") + table).getInt(), 0)
        << table;
}

}  // namespace
}  // namespace classifier::testing
