// The promises of the ports, which all adapters must keep: see the comments in src/ports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "contract/aws_stores.hpp"
#include "contract/embedded_stores.hpp"
#include "contract/stores.hpp"
#include "domain/half.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/jobs.hpp"

namespace classifier::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ContractTest : public ::testing::TestWithParam<StoresFactory> {
 protected:
  void SetUp() override {
    if (const std::string reason = GetParam().missing(); !reason.empty()) GTEST_SKIP() << reason;
    stores_ = GetParam().make();
  }

  JobStore& jobs() { return stores_->jobs(); }
  WorkQueue& queue() { return stores_->queue(); }
  ObjectStore& objects() { return stores_->objects(); }
  Trash& trash() { return stores_->trash(); }
  ImageNames& image_names() { return stores_->names(); }
  ManualClock& clock() { return stores_->clock(); }

  NewJob new_job(int images, JobSpec spec = {}) {
    return testing::new_job(images, clock().now(), std::move(spec));
  }

  Job accept(int images, JobSpec spec = {}) {
    return jobs().create(new_job(images, std::move(spec))).value();
  }

  // Sends all unsent tasks, as the dispatcher does.
  void dispatch() {
    while (true) {
      const auto unsent = jobs().unsent(10, 100).value();
      if (unsent.empty()) return;
      for (const auto& tasks : unsent) {
        ASSERT_TRUE(queue().send(tasks.tasks));
        ASSERT_TRUE(jobs().mark_sent(tasks));
      }
    }
  }

  std::vector<Delivery> receive(std::size_t max) {
    return queue().receive(max, milliseconds(0), {}).value();
  }

  static ImageOutcome success(const Job& job, std::int64_t index, float score = 0.9F) {
    return testing::success(job.id, index, job.retry_count, score);
  }

  static ImageOutcome failure(const Job& job, std::int64_t index) {
    return {.job_id = job.id,
            .index = index,
            .generation = job.retry_count,
            .result = Error{ErrorCode::kUndecodable, "the JPEG is truncated"},
            .output_key = {},
            .processing_time_ms = 0.5};
  }

  std::size_t record(const ImageOutcome& outcome) {
    return jobs().record({&outcome, 1}, clock().now()).value();
  }
  Job get(const Job& job) { return jobs().get(job.id).value(); }

  void pass(milliseconds time) { stores_->pass(time); }
  milliseconds visibility_timeout() const { return stores_->visibility_timeout(); }

  std::unique_ptr<Stores> stores_;
};

TEST_P(ContractTest, AcceptedJobSurvivesAReopen) {
  JobSpec spec{.type = JobType::kCustomClassification,
               .model = "clip",
               .custom_labels = {"a \"quoted\" label", "🐱", "كلب", "a/b"},
               .top_k = 3,
               .confidence_threshold = 0.25};
  const Job job = accept(3, spec);
  EXPECT_EQ(job.status, JobStatus::kQueued);
  stores_->reopen();
  const Job again = get(job);
  EXPECT_EQ(*again.spec, spec);
  EXPECT_EQ(again.counts, (JobCounts{.total = 3}));
  EXPECT_EQ(again.created_at, job.created_at);
  EXPECT_FALSE(again.completed_at);
  const auto records = jobs().records(job.id, 0, 10).value();
  ASSERT_THAT(records, SizeIs(3));
  EXPECT_EQ(records[2].s3_key, "uploads/2.jpg");
  EXPECT_EQ(records[2].filename, "2.jpg");
  EXPECT_FALSE(records[2].outcome);
}

TEST_P(ContractTest, UnknownJobIsNotFound) {
  EXPECT_EQ(jobs().get("no such job").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(jobs().cancel("no such job", clock().now()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(jobs().records("no such job", 0, 1).error().code, ErrorCode::kNotFound);
}

TEST_P(ContractTest, SameIdempotencyKeyAndRequestReturnTheSameJob) {
  NewJob first = new_job(2);
  first.idempotency = {"key", "fingerprint"};
  NewJob second = new_job(2);
  second.idempotency = first.idempotency;
  EXPECT_EQ(jobs().create(first).value().id, first.id);
  EXPECT_EQ(jobs().create(second).value().id, first.id);
  EXPECT_EQ(jobs().get(second.id).error().code, ErrorCode::kNotFound);
  second.idempotency = {"key", "another"};
  EXPECT_EQ(jobs().create(second).error().code, ErrorCode::kConflict);
}

TEST_P(ContractTest, SimultaneousIdempotentSubmissionsCreateOneJob) {
  std::vector<std::string> ids(8);
  {
    std::vector<std::jthread> threads;
    for (auto& id : ids) {
      threads.emplace_back([&] {
        NewJob job = new_job(2);
        job.idempotency = {"key", "fingerprint"};
        id = jobs().create(job).value().id;
      });
    }
  }
  EXPECT_THAT(std::set<std::string>(ids.begin(), ids.end()), SizeIs(1));
  EXPECT_EQ(jobs().list({}, 10, "").value().total, 1);
}

TEST_P(ContractTest, EachOutcomeCountsOnce) {
  const Job job = accept(3);
  EXPECT_EQ(record(success(job, 0)), 1U);
  EXPECT_EQ(record(success(job, 0)), 0U);
  EXPECT_EQ(record(failure(job, 0)), 0U);
  EXPECT_EQ(record(failure(job, 1)), 1U);
  EXPECT_EQ(get(job).counts, (JobCounts{.total = 3, .classified = 1, .failed = 1}));
  EXPECT_EQ(get(job).status, JobStatus::kProcessing);
  EXPECT_EQ(record(success(job, 2, 0.3F)), 1U);
  const Job done = get(job);
  EXPECT_EQ(done.counts, (JobCounts{.total = 3, .classified = 1, .unknown = 1, .failed = 1}));
  EXPECT_EQ(done.status, JobStatus::kCompleted);
  EXPECT_TRUE(done.completed_at);
}

TEST_P(ContractTest, OutcomesAreStoredUnchanged) {
  const Job job = accept(2);
  record(success(job, 1));
  record(failure(job, 0));
  const auto records = jobs().records(job.id, 0, 10).value();
  ASSERT_TRUE(records[0].outcome && records[1].outcome);
  EXPECT_EQ(std::get<Error>(records[0].outcome->result),
            (Error{ErrorCode::kUndecodable, "the JPEG is truncated"}));
  EXPECT_EQ(std::get<Predictions>(records[1].outcome->result),
            (Predictions{{"cat", 0.9F}, {"dog", 1 - 0.9F}}));
  EXPECT_EQ(records[1].outcome->output_key, job.id + "/cat/x.jpg");
  EXPECT_DOUBLE_EQ(records[1].outcome->processing_time_ms, 2.5);
}

TEST_P(ContractTest, TheOutcomesOfAnImageAreFoundInAllJobs) {
  const std::string key = "uploads/1.jpg";
  NewJob twice = new_job(4);
  twice.s3_keys[3] = key;
  twice.filenames[3] = twice.filenames[1];
  const Job first = jobs().create(twice).value();
  const auto none = jobs().records_of_image(key, 10, "");
  if (!none) {  // a store that cannot look says so
    EXPECT_EQ(none.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(none.error().message, ::testing::HasSubstr("GET /jobs"));
    return;
  }
  EXPECT_THAT(none->records, IsEmpty()) << "none is done";
  accept(1);  // without the image
  JobSpec strict;
  strict.confidence_threshold = 0.95;
  const Job second = accept(2, strict);
  const Job third = accept(3);
  for (int i = 0; i < 4; ++i) record(success(first, i));
  record(success(second, 1));
  record(failure(third, 1));
  record(success(third, 2));
  stores_->reopen();
  const auto page = jobs().records_of_image(key, 10, "").value();
  EXPECT_FALSE(page.next_token);
  std::vector<std::string> found;
  for (const auto& [job, record] : page.records) {
    EXPECT_EQ(record.s3_key, key);
    ASSERT_TRUE(record.outcome);
    found.push_back(job.id + " " + std::to_string(record.index));
  }
  ASSERT_THAT(found,
              ElementsAre(third.id + " 1", second.id + " 1", first.id + " 1", first.id + " 3"));
  EXPECT_EQ(page.records[0].record.outcome->result, failure(third, 1).result);
  EXPECT_EQ(page.records[1].record.outcome->result, success(second, 1).result);
  EXPECT_EQ(page.records[1].job.spec->confidence_threshold, 0.95);
  EXPECT_EQ(page.records[1].job.spec->model, second.spec->model);
  EXPECT_EQ(page.records[1].job.created_at, second.created_at);

  // One by one they are the same.
  std::vector<std::string> one_by_one;
  std::string token;
  for (int calls = 0; calls < 10; ++calls) {
    const auto next = jobs().records_of_image(key, 1, token).value();
    for (const auto& [job, record] : next.records)
      one_by_one.push_back(job.id + " " + std::to_string(record.index));
    if (!next.next_token) break;
    token = *next.next_token;
  }
  EXPECT_EQ(one_by_one, found);
  for (const char* const foreign : {"x", "1", "-1.2", "1.x", "."})
    EXPECT_EQ(jobs().records_of_image(key, 1, foreign).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(jobs().records_of_image("uploads/none.jpg", 10, "").value().records, IsEmpty());
}

TEST_P(ContractTest, WarningsOfOutcomesAreStored) {
  const Job job = accept(3);
  ImageOutcome torn = success(job, 0);
  torn.warning = "the file ends early: the last 5 % of the picture – \"sky\" – is missing";
  record(torn);
  record(success(job, 1));
  record(failure(job, 2));
  stores_->reopen();
  const auto records = jobs().records(job.id, 0, 10).value();
  EXPECT_EQ(records[0].outcome->warning, torn.warning);
  EXPECT_EQ(records[0].outcome->result, torn.result);
  EXPECT_EQ(records[1].outcome->warning, "");
  EXPECT_EQ(records[2].outcome->warning, "");
  EXPECT_EQ(get(job).counts, (JobCounts{.total = 3, .classified = 2, .failed = 1}));
}

TEST_P(ContractTest, OutcomesFromManyThreadsCountOnce) {
  constexpr int kImages = 200;
  const Job job = accept(kImages);
  std::atomic<std::size_t> counted{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        // Every thread reports every outcome, each in another order.
        for (int i = 0; i < kImages; ++i)
          counted += record(success(job, (i * 7 + thread * 50) % kImages));
      });
    }
  }
  EXPECT_EQ(counted, static_cast<std::size_t>(kImages));
  EXPECT_EQ(get(job).counts, (JobCounts{.total = kImages, .classified = kImages}));
  EXPECT_EQ(get(job).status, JobStatus::kCompleted);
}

TEST_P(ContractTest, OutcomesOfUnknownJobsAndImagesAreIgnored) {
  const Job job = accept(1);
  EXPECT_EQ(record(success(job, 1)), 0U);
  EXPECT_EQ(record(success(job, -1)), 0U);
  Job other = job;
  other.id = "no such job";
  EXPECT_EQ(record(success(other, 0)), 0U);
  EXPECT_EQ(get(job).counts, (JobCounts{.total = 1}));
}

TEST_P(ContractTest, JobFailsOnlyIfAllImagesFailed) {
  const Job job = accept(2);
  record(failure(job, 0));
  record(failure(job, 1));
  const Job done = get(job);
  EXPECT_EQ(done.status, JobStatus::kFailed);
  ASSERT_TRUE(done.error);
  EXPECT_THAT(*done.error, ::testing::HasSubstr("the JPEG is truncated"));
}

TEST_P(ContractTest, CancelledJobCountsNoFurtherOutcomes) {
  const Job job = accept(2);
  record(success(job, 0));
  EXPECT_EQ(jobs().cancel(job.id, clock().now()).value().status, JobStatus::kCancelled);
  EXPECT_EQ(record(success(job, 1)), 0U);
  EXPECT_EQ(get(job).counts.done(), 1);
  EXPECT_EQ(jobs().cancel(job.id, clock().now()).error().code, ErrorCode::kConflict);
  EXPECT_THAT(jobs().unsent(10, 10).value(), IsEmpty());
}

TEST_P(ContractTest, RetryRepeatsFailuresAndIgnoresEarlierGenerations) {
  const Job job = accept(3);
  dispatch();
  EXPECT_EQ(jobs().retry(job.id, clock().now()).error().code, ErrorCode::kConflict);
  record(success(job, 0));
  record(failure(job, 1));
  record(success(job, 2));
  const Job retried = jobs().retry(job.id, clock().now()).value();
  EXPECT_EQ(retried.status, JobStatus::kQueued);
  EXPECT_EQ(retried.retry_count, 1);
  EXPECT_EQ(retried.counts, (JobCounts{.total = 3, .classified = 2}));
  const auto unsent = jobs().unsent(10, 10).value();
  ASSERT_THAT(unsent, SizeIs(1));
  ASSERT_THAT(unsent[0].tasks, SizeIs(1));
  EXPECT_EQ(unsent[0].tasks[0].index, 1);
  EXPECT_EQ(unsent[0].tasks[0].generation, 1);
  EXPECT_EQ(record(failure(job, 1)), 0U);  // late, from before the retry
  EXPECT_EQ(record(success(retried, 1)), 1U);
  EXPECT_EQ(get(job).status, JobStatus::kCompleted);
  EXPECT_EQ(get(job).counts.classified, 3);
  EXPECT_EQ(jobs().retry(job.id, clock().now()).error().code, ErrorCode::kConflict);
}

TEST_P(ContractTest, RetryOfACancelledJobProcessesTheRest) {
  const Job job = accept(3);
  record(success(job, 0));
  ASSERT_TRUE(jobs().cancel(job.id, clock().now()));
  const Job retried = jobs().retry(job.id, clock().now()).value();
  const auto unsent = jobs().unsent(10, 10).value();
  ASSERT_THAT(unsent, SizeIs(1));
  EXPECT_THAT(unsent[0].tasks, SizeIs(2));
  EXPECT_FALSE(retried.error);
}

TEST_P(ContractTest, ARunBeginsWithItsFirstImage) {
  const Job job = accept(2);
  EXPECT_FALSE(get(job).started_at);
  clock().advance(seconds(100));
  ASSERT_TRUE(jobs().mark_started(job.id, clock().now()));
  const TimePoint first = clock().now();
  clock().advance(seconds(3));
  record(success(job, 0));
  record(failure(job, 1));
  EXPECT_EQ(get(job).started_at, first);
  EXPECT_EQ(get(job).completed_at, first + seconds(3));
  clock().advance(seconds(100));
  EXPECT_FALSE(jobs().retry(job.id, clock().now()).value().started_at);
  clock().advance(seconds(100));
  // Whoever starts it may fail to say so; the first outcome does.
  const Job again = get(job);
  record(success(again, 1));
  EXPECT_EQ(get(job).started_at, first + seconds(203));
  EXPECT_EQ(get(job).completed_at, first + seconds(203));
}

TEST_P(ContractTest, JobsHaveNames) {
  NewJob named = new_job(1);
  named.name = "Ferien \"2024\" 🐱";
  const Job job = jobs().create(named).value();
  EXPECT_EQ(job.name, named.name);
  const Job other = accept(1);
  EXPECT_EQ(other.name, "");
  stores_->reopen();
  EXPECT_EQ(get(job).name, named.name);
  EXPECT_EQ(jobs().rename(other.id, "beach").value().name, "beach");
  EXPECT_EQ(jobs().rename(job.id, "").value().name, "");
  EXPECT_EQ(jobs().rename("no such job", "x").error().code, ErrorCode::kNotFound);
  std::map<std::string, std::string> names;
  const auto page = jobs().list({}, 10, "").value();
  for (const auto& listed : page.jobs) names[listed.id] = listed.name;
  EXPECT_EQ(names, (std::map<std::string, std::string>{{job.id, ""}, {other.id, "beach"}}));
  // Also while it runs and when it has ended.
  record(success(other, 0));
  EXPECT_EQ(jobs().rename(other.id, "done").value().status, JobStatus::kCompleted);
  EXPECT_EQ(get(other).name, "done");
}

TEST_P(ContractTest, OfSimultaneousNamesOneIsLeft) {
  const Job job = accept(1);
  {
    std::vector<std::jthread> threads;
    for (const char* name : {"a", "b", "c", "d"})
      threads.emplace_back([&, name] { EXPECT_TRUE(jobs().rename(job.id, name)); });
    threads.emplace_back([&] { record(success(job, 0)); });
  }
  EXPECT_THAT(get(job).name, ::testing::AnyOf("a", "b", "c", "d"));
  EXPECT_EQ(get(job).status, JobStatus::kCompleted);
}

TEST_P(ContractTest, ARemovedJobIsGone) {
  JobSpec spec{.type = JobType::kCustomClassification, .model = "m", .custom_labels = {"a", "b"}};
  NewJob asked = new_job(3, spec);
  asked.idempotency = {"key", "fingerprint"};
  const Job job = jobs().create(asked).value();
  const Job other = accept(2);
  dispatch();
  EXPECT_EQ(jobs().remove(job.id, clock().now()).error().code, ErrorCode::kConflict);
  record(success(job, 0));
  record(failure(job, 1));
  ASSERT_TRUE(jobs().cancel(job.id, clock().now()));
  ASSERT_TRUE(jobs().remove(job.id, clock().now()));
  stores_->reopen();
  EXPECT_EQ(jobs().get(job.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(jobs().records(job.id, 0, 10).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(jobs().remove(job.id, clock().now()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(jobs().retry(job.id, clock().now()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(jobs().rename(job.id, "x").error().code, ErrorCode::kNotFound);
  const auto page = jobs().list({}, 10, "").value();
  ASSERT_THAT(page.jobs, SizeIs(1));
  EXPECT_EQ(page.jobs[0].id, other.id);
  EXPECT_EQ(page.total, 1);
  EXPECT_EQ(jobs().list({.status = JobStatus::kCancelled, .type = {}}, 10, "").value().total, 0);
  // A worker that reports late changes nothing.
  EXPECT_EQ(record(success(job, 2)), 0U);
  std::ignore = jobs().mark_started(job.id, clock().now());
  std::ignore = jobs().mark_sent({.job_id = job.id, .generation = 0, .tasks = {}, .next_index = 3});
  EXPECT_EQ(jobs().get(job.id).error().code, ErrorCode::kNotFound);
  // The key may be used again, also for another request.
  NewJob next = new_job(1);
  next.idempotency = {"key", "another"};
  EXPECT_EQ(jobs().create(next).value().id, next.id);
  EXPECT_EQ(jobs().create(next).value().id, next.id);
}

TEST_P(ContractTest, ARemovalIsRememberedUntilItIsForgotten) {
  const auto remove = [&] {
    const Job job = accept(40);
    for (int i = 0; i < 40; ++i) record(success(job, i));
    EXPECT_TRUE(jobs().remove(job.id, clock().now()));
    clock().advance(seconds(10));
    return job.id;
  };
  const auto ids = [&](TimePoint before, std::size_t limit) {
    std::vector<std::string> found;
    const auto removed = jobs().removed(before, limit).value();
    for (const auto& job : removed) found.push_back(job.id);
    return found;
  };
  const TimePoint begin = clock().now();
  EXPECT_THAT(ids(begin, 10), IsEmpty());
  const std::string first = remove();
  const std::string second = remove();
  stores_->reopen();
  EXPECT_THAT(ids(begin, 10), ElementsAre(first, second));
  EXPECT_THAT(ids(begin, 1), ElementsAre(first));
  const auto removed = jobs().removed(begin, 10).value();
  EXPECT_EQ(removed[0].removed_at, begin);
  EXPECT_EQ(removed[0].total, 40);
  ASSERT_TRUE(jobs().purge(removed[0]));
  ASSERT_TRUE(jobs().purge(removed[0]));
  EXPECT_THAT(ids(begin, 10), ElementsAre(second));
  EXPECT_THAT(ids(begin + seconds(1), 10), ElementsAre(first, second));
  ASSERT_TRUE(jobs().forget(removed[0]));
  EXPECT_THAT(ids(begin + seconds(1), 10), ElementsAre(second));
  // What a second process does late brings nothing back.
  ASSERT_TRUE(jobs().purge(removed[0]));
  ASSERT_TRUE(jobs().forget(removed[0]));
  EXPECT_THAT(ids(begin + seconds(1), 10), ElementsAre(second));
}

TEST_P(ContractTest, UnsentTasksAreReturnedUntilMarkedSent) {
  const Job job = accept(5);
  auto unsent = jobs().unsent(10, 2).value();
  ASSERT_THAT(unsent, SizeIs(1));
  EXPECT_THAT(unsent[0].tasks, SizeIs(2));
  EXPECT_EQ(jobs().unsent(10, 2).value()[0].tasks[0].index, 0);
  ASSERT_TRUE(jobs().mark_sent(unsent[0]));
  stores_->reopen();
  unsent = jobs().unsent(10, 2).value();
  EXPECT_EQ(unsent[0].tasks[0].index, 2);
  EXPECT_EQ(unsent[0].job_id, job.id);
  ASSERT_TRUE(jobs().mark_sent(unsent[0]));
  unsent = jobs().unsent(10, 2).value();
  EXPECT_THAT(unsent[0].tasks, SizeIs(1));
  ASSERT_TRUE(jobs().mark_sent(unsent[0]));
  EXPECT_THAT(jobs().unsent(10, 2).value(), IsEmpty());
}

TEST_P(ContractTest, JobsAreListedNewestFirstFilteredAndPaged) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    clock().advance(seconds(1));
    JobSpec spec;
    spec.type = i % 2 == 0 ? JobType::kImageClassification : JobType::kCustomClassification;
    if (i % 2 == 1) spec.custom_labels = {"cat"};
    ids.push_back(accept(1, spec).id);
  }
  ASSERT_TRUE(jobs().cancel(ids[0], clock().now()));
  const auto names = [](const JobPage& page) {
    std::vector<std::string> found;
    for (const auto& job : page.jobs) found.push_back(job.id);
    return found;
  };
  auto page = jobs().list({}, 3, "").value();
  EXPECT_THAT(names(page), ElementsAre(ids[6], ids[5], ids[4]));
  EXPECT_EQ(page.total, 7);
  ASSERT_TRUE(page.next_token);
  page = jobs().list({}, 10, *page.next_token).value();
  EXPECT_THAT(names(page), ElementsAre(ids[3], ids[2], ids[1], ids[0]));
  EXPECT_FALSE(page.next_token);
  page = jobs()
             .list({.status = JobStatus::kQueued, .type = JobType::kImageClassification}, 2, "")
             .value();
  EXPECT_THAT(names(page), ElementsAre(ids[6], ids[4]));
  EXPECT_EQ(page.total, 3);
  page = jobs().list({.status = JobStatus::kCancelled, .type = {}}, 10, "").value();
  EXPECT_THAT(names(page), ElementsAre(ids[0]));
  EXPECT_EQ(jobs().list({}, 3, "nonsense").error().code, ErrorCode::kInvalidArgument);
}

TEST_P(ContractTest, ListedJobsHaveTheirCounts) {
  const Job done = accept(2);
  const Job running = accept(3);
  const Job retried = accept(1);
  record(success(done, 0));
  record(failure(done, 1));
  record(success(running, 2, 0.3F));
  record(failure(retried, 0));
  ASSERT_TRUE(jobs().retry(retried.id, clock().now()));
  const auto page = jobs().list({}, 10, "").value();
  std::map<std::string, JobCounts> counts;
  for (const auto& job : page.jobs) counts[job.id] = job.counts;
  EXPECT_EQ(counts[done.id], (JobCounts{.total = 2, .classified = 1, .failed = 1}));
  EXPECT_EQ(counts[running.id], (JobCounts{.total = 3, .unknown = 1}));
  EXPECT_EQ(counts[retried.id], (JobCounts{.total = 1}));
}

TEST_P(ContractTest, MessagesAreCompleteAndHiddenWhileInFlight) {
  JobSpec spec{.type = JobType::kCustomClassification, .model = "m", .custom_labels = {"a", "b"}};
  const Job job = accept(3, spec);
  dispatch();
  const auto deliveries = receive(10);
  ASSERT_THAT(deliveries, SizeIs(3));
  std::set<std::int64_t> indexes;
  for (const auto& delivery : deliveries) {
    indexes.insert(delivery.task.index);
    EXPECT_EQ(delivery.task.job_id, job.id);
    if (delivery.task.spec) {
      EXPECT_EQ(*delivery.task.spec, spec);
    }
    EXPECT_EQ(delivery.task.filename, std::to_string(delivery.task.index) + ".jpg");
    EXPECT_EQ(attempts(delivery), 1);
  }
  EXPECT_THAT(indexes, ElementsAre(0, 1, 2));
  EXPECT_THAT(receive(10), IsEmpty());
}

TEST_P(ContractTest, MessageIsRedeliveredAfterTheVisibilityTimeout) {
  accept(1);
  dispatch();
  const auto first = receive(10);
  ASSERT_THAT(first, SizeIs(1));
  pass(visibility_timeout() / 2);
  EXPECT_THAT(receive(10), IsEmpty());
  ASSERT_TRUE(queue().extend(std::vector{first[0].receipt}));
  pass(visibility_timeout() * 3 / 4);
  EXPECT_THAT(receive(10), IsEmpty());
  pass(visibility_timeout() / 2);
  const auto second = receive(10);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].losses, 1);
  EXPECT_EQ(second[0].failures, 0);
}

TEST_P(ContractTest, RemovedMessagesAreNotRedelivered) {
  accept(2);
  dispatch();
  const auto deliveries = receive(10);
  ASSERT_TRUE(queue().remove(std::vector{deliveries[0].receipt, deliveries[1].receipt}));
  pass(visibility_timeout() * 5 / 4);
  EXPECT_THAT(receive(10), IsEmpty());
  EXPECT_EQ(queue().depth().value().in_flight, 0);
}

TEST_P(ContractTest, MessageThatIsGivenBackIsRedeliveredAfterItsDelay) {
  accept(1);
  dispatch();
  const auto first = receive(10);
  ASSERT_TRUE(queue().give_back(first, seconds(5)));
  EXPECT_THAT(receive(10), IsEmpty());
  pass(seconds(6));
  EXPECT_THAT(receive(10), SizeIs(1));
}

TEST_P(ContractTest, WhatIsGivenBackIsNotHiddenAgain) {
  accept(1);
  dispatch();
  const auto deliveries = receive(10);
  ASSERT_THAT(deliveries, SizeIs(1));
  ASSERT_TRUE(queue().give_back(deliveries, milliseconds(0)));
  ASSERT_TRUE(queue().extend(std::vector{deliveries[0].receipt}));
  EXPECT_THAT(receive(10), SizeIs(1));
}

TEST_P(ContractTest, OnlyAMessageThatWasNotGivenBackIsLost) {
  accept(1);
  dispatch();
  auto deliveries = receive(10);
  ASSERT_THAT(deliveries, SizeIs(1));
  ASSERT_TRUE(queue().give_back(deliveries, milliseconds(0)));
  deliveries = receive(10);
  ASSERT_THAT(deliveries, SizeIs(1));
  EXPECT_EQ(attempts(deliveries[0]), 1);
  ++deliveries[0].failures;
  ASSERT_TRUE(queue().give_back(deliveries, milliseconds(0)));
  deliveries = receive(10);
  ASSERT_THAT(deliveries, SizeIs(1));
  EXPECT_EQ(deliveries[0].failures, 1);
  EXPECT_FALSE(was_lost(deliveries[0]));
  pass(visibility_timeout() * 5 / 4);
  deliveries = receive(10);
  ASSERT_THAT(deliveries, SizeIs(1));
  EXPECT_EQ(deliveries[0].failures, 1);
  EXPECT_EQ(deliveries[0].losses, 1);
  EXPECT_EQ(attempts(deliveries[0]), 3);
}

TEST_P(ContractTest, ReceiptsOfEarlierDeliveriesHaveNoEffect) {
  accept(1);
  dispatch();
  const auto first = receive(10);
  pass(visibility_timeout() * 5 / 4);
  const auto second = receive(10);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_TRUE(queue().give_back(first, milliseconds(0)));
  // The emulator accepts old receipts.
  if (GetParam().name == "Embedded") {
    EXPECT_THAT(receive(10), IsEmpty());
  }
  EXPECT_TRUE(queue().remove(std::vector{second[0].receipt}));
  EXPECT_TRUE(queue().remove(std::vector{second[0].receipt, std::string("nonsense")}));
}

TEST_P(ContractTest, BuriedMessagesBecomeDeadLetters) {
  const Job job = accept(1);
  dispatch();
  const auto first = receive(10);
  ASSERT_TRUE(queue().bury(first[0].receipt, "it kills the worker"));
  pass(visibility_timeout() * 5 / 4);
  EXPECT_THAT(receive(10), IsEmpty());
  const auto letters = queue().dead_letters(10).value();
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0].job_id, job.id);
  EXPECT_EQ(letters[0].s3_key, "uploads/0.jpg");
  EXPECT_EQ(letters[0].reason, "it kills the worker");
  EXPECT_EQ(queue().depth().value().dead, 1);
}

TEST_P(ContractTest, DepthCountsVisibleAndInFlight) {
  accept(5);
  dispatch();
  pass(seconds(4));
  ASSERT_THAT(receive(2), SizeIs(2));
  const auto depth = queue().depth().value();
  EXPECT_EQ(depth.visible, 3);
  EXPECT_EQ(depth.in_flight, 2);
  ASSERT_TRUE(depth.oldest_age);
  EXPECT_GE(*depth.oldest_age, seconds(3));
}

TEST_P(ContractTest, EachMessageIsReceivedByOneReceiver) {
  constexpr int kImages = 300;
  accept(kImages);
  dispatch();
  std::mutex mutex;
  std::multiset<std::int64_t> seen;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        while (true) {
          const auto deliveries = receive(7);
          if (deliveries.empty()) return;
          const std::scoped_lock lock(mutex);
          for (const auto& delivery : deliveries) seen.insert(delivery.task.index);
        }
      });
    }
  }
  EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(),
            static_cast<std::size_t>(kImages));
}

TEST_P(ContractTest, ObjectIsReadAsWritten) {
  const std::string content("bytes\0and more", 14);
  stores_->put_object("uploads/ä b.jpg", content);
  const auto bytes = objects().get(Bucket::kInput, "uploads/ä b.jpg", 100).value();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), content);
  const auto info = objects().head(Bucket::kInput, "uploads/ä b.jpg").value();
  EXPECT_EQ(info.size, content.size());
  EXPECT_FALSE(info.etag.empty());
  EXPECT_EQ(objects().get(Bucket::kInput, "uploads/ä b.jpg", 13).error().code,
            ErrorCode::kTooLarge);
}

TEST_P(ContractTest, ObjectIsReadInPieces) {
  std::string content(100'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 256);
  stores_->put_object("uploads/ä b.jpg", content);
  stores_->put_object("uploads/empty.jpg", "");
  const auto reader = objects().open(Bucket::kInput, "uploads/ä b.jpg").value();
  const auto info = objects().head(Bucket::kInput, "uploads/ä b.jpg").value();
  EXPECT_EQ(reader->info().key, info.key);
  EXPECT_EQ(reader->info().size, content.size());
  EXPECT_EQ(reader->info().etag, info.etag);
  EXPECT_EQ(reader->info().last_modified, info.last_modified);
  std::string read;
  for (const std::size_t size : {1, 40'000, 59'998, 7'000}) {
    std::vector<std::byte> piece(size);
    const std::size_t got = reader->read(piece).value();
    read.append(reinterpret_cast<const char*>(piece.data()), got);
    EXPECT_EQ(got, std::min(size, content.size() - (read.size() - got)));
  }
  EXPECT_EQ(read, content);
  std::byte more{};
  EXPECT_EQ(reader->read({&more, 1}).value(), 0U);
  const auto empty = objects().open(Bucket::kInput, "uploads/empty.jpg").value();
  EXPECT_EQ(empty->info().size, 0U);
  EXPECT_EQ(empty->read({&more, 1}).value(), 0U);
  EXPECT_EQ(objects().open(Bucket::kInput, "uploads/none.jpg").error().code, ErrorCode::kNotFound);
}

// It goes on with the version that it began with, or says that it cannot.
TEST_P(ContractTest, AReaderNeverMixesTwoVersions) {
  const auto second_half = [&](auto change) {
    stores_->put_object("uploads/a.jpg", "old old old old ");
    const auto reader = objects().open(Bucket::kInput, "uploads/a.jpg").value();
    std::array<std::byte, 8> piece{};
    EXPECT_EQ(reader->read(piece).value(), 8U);
    change();
    const auto size = reader->read(piece);
    if (!size) return std::string(size.error().transient() ? "unavailable" : "a final error");
    return std::string(reinterpret_cast<const char*>(piece.data()), *size);
  };
  const auto old_or_error = ::testing::AnyOf("old old ", "unavailable");
  EXPECT_THAT(second_half([&] { stores_->put_object("uploads/a.jpg", "new new new new "); }),
              old_or_error);
  EXPECT_THAT(second_half([&] { stores_->put_object("uploads/a.jpg", "short"); }), old_or_error);
  EXPECT_THAT(second_half([&] { ASSERT_TRUE(objects().remove(Bucket::kInput, "uploads/a.jpg")); }),
              old_or_error);
}

TEST_P(ContractTest, MissingObjectIsNotFound) {
  EXPECT_EQ(objects().get(Bucket::kInput, "uploads/none.jpg", 100).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(objects().head(Bucket::kInput, "uploads/none.jpg").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(objects().remove(Bucket::kInput, "uploads/none.jpg").error().code,
            ErrorCode::kNotFound);
  const auto copied = objects().copy_to_output("uploads/none.jpg", "job/cat/none.jpg");
  EXPECT_EQ(copied.error().code, ErrorCode::kNotFound) << copied.error().message;
}

TEST_P(ContractTest, RemovedObjectIsGone) {
  stores_->put_object("uploads/a.jpg", "a");
  ASSERT_TRUE(objects().remove(Bucket::kInput, "uploads/a.jpg"));
  EXPECT_EQ(objects().head(Bucket::kInput, "uploads/a.jpg").error().code, ErrorCode::kNotFound);
}

TEST_P(ContractTest, ObjectsAreListedInByteOrderByPrefixAndPage) {
  const std::vector<std::string> keys = {"a-b.jpg",   "a/b.jpg", "a/c.jpg",
                                         "a/d/e.jpg", "a0.jpg",  "b.jpg"};
  for (const auto& key : keys) stores_->put_object(key, key);
  const auto names = [&](std::string_view prefix, std::string_view after, std::size_t limit) {
    std::vector<std::string> found;
    const auto page = objects().list(Bucket::kInput, prefix, after, limit).value();
    for (const auto& object : page.objects) found.push_back(object.key);
    return found;
  };
  EXPECT_EQ(names("", "", 100), keys);
  EXPECT_THAT(names("a/", "", 100), ElementsAre("a/b.jpg", "a/c.jpg", "a/d/e.jpg"));
  EXPECT_THAT(names("a", "a/c.jpg", 100), ElementsAre("a/d/e.jpg", "a0.jpg"));
  EXPECT_THAT(names("a/d/e", "", 100), ElementsAre("a/d/e.jpg"));
  EXPECT_THAT(names("x", "", 100), IsEmpty());
  // With any page size, each key is listed once.
  for (std::size_t limit = 1; limit <= keys.size(); ++limit) {
    std::vector<std::string> found;
    while (true) {
      const auto page =
          objects().list(Bucket::kInput, "", found.empty() ? "" : found.back(), limit).value();
      for (const auto& object : page.objects) found.push_back(object.key);
      if (!page.more) break;
    }
    EXPECT_EQ(found, keys) << "with pages of " << limit;
  }
}

TEST_P(ContractTest, CopyToOutputReplacesAnExistingObject) {
  stores_->put_object("uploads/a.jpg", "one");
  stores_->put_object("uploads/b.jpg", "two");
  ASSERT_TRUE(objects().copy_to_output("uploads/a.jpg", "job/cat/x.jpg"));
  ASSERT_TRUE(objects().copy_to_output("uploads/a.jpg", "job/cat/x.jpg"));
  ASSERT_TRUE(objects().copy_to_output("uploads/b.jpg", "job/cat/x.jpg"));
  const auto bytes = objects().get(Bucket::kOutput, "job/cat/x.jpg", 100).value();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "two");
  ASSERT_TRUE(objects().remove(Bucket::kInput, "uploads/b.jpg"));
  EXPECT_TRUE(objects().head(Bucket::kOutput, "job/cat/x.jpg"));
}

TEST_P(ContractTest, CopiesAreRemovedAndNothingElse) {
  stores_->put_object("job/cat/x.jpg", "an image with the name of a copy");
  for (const char* key :
       {"job/cat/x.jpg", "job/a \"b\" c/ä.jpg", "job/cat/y.jpg", "job2/cat/x.jpg"})
    ASSERT_TRUE(objects().copy_to_output("job/cat/x.jpg", key));
  const auto copies = [&] {
    std::vector<std::string> found;
    const auto page = objects().list(Bucket::kOutput, "job", "", 100).value();
    for (const auto& object : page.objects) found.push_back(object.key);
    return found;
  };
  ASSERT_THAT(copies(), SizeIs(4));
  const std::vector<std::string> keys{"job/cat/x.jpg", "job/none/x.jpg", "job/a \"b\" c/ä.jpg"};
  ASSERT_TRUE(objects().remove_copies(keys));
  EXPECT_THAT(copies(), ElementsAre("job/cat/y.jpg", "job2/cat/x.jpg"));
  ASSERT_TRUE(objects().remove_copies(keys));
  ASSERT_TRUE(objects().remove_copies({}));
  EXPECT_TRUE(objects().head(Bucket::kInput, "job/cat/x.jpg"));
  // More than S3 is asked for at once.
  std::vector<std::string> many;
  for (int i = 0; i < 300; ++i) {
    many.push_back("job/many/" + std::to_string(i) + ".jpg");
    if (i % 90 == 0) {
      ASSERT_TRUE(objects().copy_to_output("job/cat/x.jpg", many.back()));
    }
  }
  ASSERT_TRUE(objects().remove_copies(many));
  EXPECT_THAT(copies(), ElementsAre("job/cat/y.jpg", "job2/cat/x.jpg"));
}

TEST_P(ContractTest, NamesOfImagesAreKeptAndForgotten) {
  const std::string strange = "../\n\"\u00c9t\u00e9\"/" + std::string(1'000, 'x') + ".jpg";
  const TimePoint now = stores_->clock().now();
  ASSERT_TRUE(image_names().announce("uploads/a.jpg", "Ferien/a.jpg", "b1", now));
  ASSERT_TRUE(image_names().announce("uploads/b.jpg", strange, "", now));
  ASSERT_TRUE(image_names().announce("uploads/a.jpg", "Ferien/c.jpg", "", now));
  const std::vector<std::string> keys{"uploads/b.jpg", "none", "uploads/a.jpg", "uploads/b.jpg"};
  EXPECT_THAT(image_names().names(keys).value(), ElementsAre(strange, "", "Ferien/c.jpg", strange));
  stores_->reopen();
  EXPECT_THAT(image_names().names(keys).value(), ElementsAre(strange, "", "Ferien/c.jpg", strange));
  ASSERT_TRUE(image_names().forget("none"));
  // More than one call of DynamoDB takes.
  std::vector<std::string> many;
  std::vector<std::string> expected;
  for (int i = 0; i < 250; ++i) {
    many.push_back("uploads/" + std::to_string(i) + ".jpg");
    expected.push_back(i % 25 == 0 ? std::to_string(i) : "");
    if (i % 25 == 0) {
      ASSERT_TRUE(image_names().announce(many.back(), expected.back(), "", now));
    }
  }
  EXPECT_EQ(image_names().names(many).value(), expected);
  EXPECT_TRUE(image_names().names({}).value().empty());
}

// A content, and what a model saw in it: numbers of 16 bits, as they are stored.
Remembered remembered(int number, std::size_t dimensions = 512) {
  Remembered image{.sha256 = sha256_hex("content " + std::to_string(number)), .seen = {}};
  for (std::size_t i = 0; i < dimensions; ++i)
    image.seen.vector.push_back(
        std::sin(static_cast<float>(i) * 0.7F + static_cast<float>(number)));
  round_to_half(image.seen.vector);
  image.seen.top = {{.label = 999, .score = 0.625F}, {.label = 0, .score = 1e-7F}};
  for (std::size_t i = 0; i < image.seen.look.brightness.size(); ++i)
    image.seen.look.brightness[i] =
        static_cast<std::uint8_t>(i * 7 + static_cast<unsigned>(number));
  image.seen.look.sharpness = 123.25F;
  return image;
}

TEST_P(ContractTest, WhatWasSeenIsRememberedByContentAndModel) {
  if (stores_->embeddings() == nullptr) GTEST_SKIP() << "these stores remember nothing";
  std::vector<Remembered> images;
  std::vector<std::string> contents;
  for (int i = 0; i < 150; ++i) {
    images.push_back(remembered(i));
    contents.push_back(images.back().sha256);
  }
  images[1].seen.warning = "the last 5 % of the picture is missing: \u732b";
  images[2].seen.top.clear();
  images[3].seen.vector.clear();
  const std::string unknown = sha256_hex("never seen");
  EXPECT_THAT(stores_->embeddings()->get("model a", contents).value(), Each(std::nullopt));
  ASSERT_TRUE(stores_->embeddings()->put("model a", images));
  ASSERT_TRUE(stores_->embeddings()->put("model a", {}));
  stores_->reopen();
  EmbeddingStore& store = *stores_->embeddings();
  const auto seen = store.get("model a", contents).value();
  ASSERT_EQ(seen.size(), images.size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], images[i].seen) << i;
  // In the order of the question, which may have a content twice.
  const std::vector<std::string> mixed{contents[5], unknown, contents[0], contents[5]};
  const auto some = store.get("model a", mixed).value();
  EXPECT_EQ(some[0], images[5].seen);
  EXPECT_EQ(some[1], std::nullopt);
  EXPECT_EQ(some[2], images[0].seen);
  EXPECT_EQ(some[3], images[5].seen);
  EXPECT_EQ(store.has("model a", mixed).value(), (std::vector<bool>{true, false, true, true}));
  EXPECT_TRUE(store.get("model a", {}).value().empty());
  // Another model has seen nothing of it, and sees it its own way.
  EXPECT_THAT(store.get("model b", contents).value(), Each(std::nullopt));
  const std::vector<Remembered> other{{contents[0], remembered(77, 1'280).seen}};
  ASSERT_TRUE(store.put("model b", other));
  EXPECT_EQ(store.get("model b", {&contents[0], 1}).value().front(), other[0].seen);
  EXPECT_EQ(store.get("model a", {&contents[0], 1}).value().front(), images[0].seen);
}

TEST_P(ContractTest, WhatWasSeenStaysAsItIsAndIsForgotten) {
  if (stores_->embeddings() == nullptr) GTEST_SKIP() << "these stores remember nothing";
  EmbeddingStore& store = *stores_->embeddings();
  const std::vector<Remembered> first{remembered(1), remembered(2)};
  ASSERT_TRUE(store.put("model", first));
  const std::vector<Remembered> again{{first[0].sha256, remembered(9).seen}, remembered(3)};
  ASSERT_TRUE(store.put("model", again));
  ASSERT_TRUE(store.put("other", first));
  const std::vector<std::string> contents{first[0].sha256, first[1].sha256, again[1].sha256};
  const auto seen = store.get("model", contents).value();
  EXPECT_EQ(seen[0], first[0].seen);
  EXPECT_EQ(seen[2], again[1].seen);
  const std::vector<std::string> gone{contents[0], sha256_hex("never seen"), contents[2]};
  ASSERT_TRUE(store.forget(gone));
  ASSERT_TRUE(store.forget({}));
  EXPECT_EQ(store.has("model", contents).value(), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(store.has("other", contents).value(), (std::vector<bool>{false, true, false}));
  // It may be seen again.
  ASSERT_TRUE(store.put("model", again));
  EXPECT_EQ(store.get("model", {contents.data(), 1}).value().front(), again[0].seen);
}

// As many as go into several objects, asked for in other orders and from another process.
TEST_P(ContractTest, WhatWasSeenInManyImagesIsFoundInAnyOrder) {
  if (stores_->embeddings() == nullptr) GTEST_SKIP() << "these stores remember nothing";
  std::vector<Remembered> images;
  std::vector<std::string> contents;
  for (int i = 0; i < 600; ++i) {
    images.push_back(remembered(i, 16));
    contents.push_back(images.back().sha256);
  }
  ASSERT_TRUE(stores_->embeddings()->put("model", images));
  stores_->reopen();
  std::ranges::reverse(images);
  std::ranges::reverse(contents);
  for (std::size_t i = 1; i < contents.size(); i += 3) {
    contents[i] = sha256_hex("never seen " + std::to_string(i));
  }
  const auto seen = stores_->embeddings()->get("model", contents).value();
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (i % 3 == 1) {
      EXPECT_EQ(seen[i], std::nullopt) << i;
    } else {
      EXPECT_EQ(seen[i], images[i].seen) << i;
    }
  }
  ASSERT_TRUE(stores_->embeddings()->forget({contents.data(), 1}));
  EXPECT_EQ(stores_->embeddings()->get("model", {contents.data(), 1}).value().front(),
            std::nullopt);
  EXPECT_EQ(stores_->embeddings()->get("model", {&contents[2], 1}).value().front(), images[2].seen);
}

TEST_P(ContractTest, WhatWasSeenIsFoundByTheKeyOfTheImage) {
  if (stores_->content_hashes() == nullptr) GTEST_SKIP() << "the catalogue knows contents";
  const auto known = [&](const std::string& key) {
    return stores_->content_hashes()->find({&key, 1}).value().front();
  };
  const auto version = [&](const std::string& key) {
    return stores_->objects().get_version(Bucket::kInput, key, 1'000).value().etag;
  };
  const std::string key = "uploads/ \u732b#.jpg";
  const std::string other = "uploads/other.jpg";
  EXPECT_EQ(known(key), std::nullopt);
  stores_->put_object(key, "first");
  stores_->put_object(other, "other");
  EXPECT_EQ(known(key), std::nullopt);
  EXPECT_EQ(version(key), stores_->objects().head(Bucket::kInput, key)->etag);
  const std::string first = version(key);
  const std::vector<FoundContent> found{
      {key, {sha256_hex("outdated"), "outdated"}},
      {key, {sha256_hex("first"), first}},
      {other, {sha256_hex("other"), version(other)}},
  };
  ASSERT_TRUE(stores_->content_hashes()->put(found));
  ASSERT_TRUE(stores_->content_hashes()->put({}));
  stores_->reopen();
  ContentHashes& hashes = *stores_->content_hashes();
  // In the order of the question, which may have a key twice.
  const std::vector<std::string> keys{other, "uploads/none.jpg", key, other};
  const auto answer = hashes.find(keys).value();
  EXPECT_EQ(answer[0].value().sha256, sha256_hex("other"));
  EXPECT_EQ(answer[1], std::nullopt);
  EXPECT_EQ(answer[2].value().sha256, sha256_hex("first"));
  EXPECT_EQ(answer[2].value().version, first);
  EXPECT_EQ(answer[3].value().sha256, sha256_hex("other"));
  EXPECT_TRUE(hashes.find({}).value().empty());
  EXPECT_TRUE(hashes.is_current(key, first).value());
  EXPECT_EQ(hashes.is_current("uploads/none.jpg", first).error().code, ErrorCode::kNotFound);

  // Not while the image is in the trash.
  const TimePoint now = clock().now();
  ASSERT_TRUE(stores_->trash().put(other, now, now + std::chrono::hours(1)));
  EXPECT_EQ(known(other), std::nullopt);
  ASSERT_TRUE(stores_->trash().restore({&other, 1}));
  EXPECT_EQ(known(other).value().sha256, sha256_hex("other"));

  // Not of another version.
  stores_->put_object(key, "second");
  EXPECT_FALSE(hashes.is_current(key, first).value());
  EXPECT_EQ(known(key), std::nullopt);
  const std::vector<FoundContent> second{{key, {sha256_hex("second"), version(key)}}};
  ASSERT_TRUE(hashes.put(second));
  EXPECT_EQ(known(key).value().sha256, sha256_hex("second"));

  EXPECT_EQ(hashes.forget(key).value(), sha256_hex("second"));
  EXPECT_EQ(hashes.forget(key).value(), std::nullopt);
  EXPECT_EQ(known(key), std::nullopt);
  ASSERT_TRUE(stores_->objects().remove(Bucket::kInput, other));
  EXPECT_EQ(known(other), std::nullopt);
}

TEST_P(ContractTest, LabelSetsAreKeptReplacedAndRemoved) {
  using State = ExpectedSet::State;
  LabelSets& sets = stores_->label_sets();
  EXPECT_THAT(sets.list().value(), IsEmpty());
  EXPECT_EQ(sets.get("none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sets.remove("none", {}).error().code, ErrorCode::kNotFound);
  const std::string strange = "#~ \"/\u00c9t\u00e9 \U0001F600";
  LabelSet set{.name = strange,
               .labels = {"b", "a \"quoted\"", "\u732b"},
               .updated_at = clock().now(),
               .version = {}};
  const auto first = sets.put(set, {}).value().value();
  EXPECT_TRUE(first.is_new);
  EXPECT_FALSE(first.set.version.empty());
  stores_->reopen();
  LabelSets& again = stores_->label_sets();
  const LabelSet kept = again.get(strange).value();
  EXPECT_EQ(kept.name, strange);
  EXPECT_EQ(kept.labels, set.labels);
  EXPECT_EQ(kept.updated_at, set.updated_at);
  EXPECT_EQ(kept.version, first.set.version);

  set.labels = {"c"};
  const auto second = again.put(set, {State::kVersion, kept.version}).value().value();
  EXPECT_FALSE(second.is_new);
  EXPECT_NE(second.set.version, kept.version);
  // Who still has the first version changes nothing.
  EXPECT_FALSE(again.put(set, {State::kVersion, kept.version}).value());
  EXPECT_FALSE(again.put(set, {State::kNone, {}}).value());
  EXPECT_FALSE(again.remove(strange, {State::kVersion, kept.version}).value());
  EXPECT_EQ(again.get(strange).value().version, second.set.version);
  set.name = "another";
  EXPECT_FALSE(again.put(set, {State::kVersion, kept.version}).value());
  EXPECT_TRUE(again.put(set, {State::kNone, {}}).value().value().is_new);
  const auto all = again.list().value();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].name, strange);
  EXPECT_EQ(all[1].name, "another");
  EXPECT_TRUE(again.remove(strange, {State::kVersion, second.set.version}).value());
  EXPECT_TRUE(again.remove("another", {}).value());
  EXPECT_THAT(again.list().value(), IsEmpty());
  // One that comes back is not what it was.
  set.name = strange;
  EXPECT_NE(again.put(set, {}).value().value().set.version, second.set.version);
}

TEST_P(ContractTest, LabelSetsAreLimited) {
  LabelSets& sets = stores_->label_sets();
  LabelSet set{.name = "0", .labels = {"a"}, .updated_at = clock().now(), .version = {}};
  for (std::size_t i = 0; i < Stores::kMaxSets; ++i) {
    set.name = std::to_string(i);
    ASSERT_TRUE(sets.put(set, {}));
  }
  set.name = "one more";
  EXPECT_EQ(sets.put(set, {}).error().code, ErrorCode::kConflict);
  set.name = "0";
  EXPECT_TRUE(sets.put(set, {})) << "replacing one adds none";
  ASSERT_TRUE(sets.remove("1", {}));
  set.name = "one more";
  EXPECT_TRUE(sets.put(set, {}));
  set.labels = {std::string(kMaxSetBytes, 'x')};
  EXPECT_EQ(sets.put(set, {}).error().code, ErrorCode::kInvalidArgument) << "in one set";
  set.labels = {std::string(kMaxSetBytes - 4, 'x')};
  EXPECT_EQ(sets.put(set, {}).error().code, ErrorCode::kConflict) << "in all of them";
  for (const char* const name : {"0", "2", "3"}) ASSERT_TRUE(sets.remove(name, {}));
  EXPECT_TRUE(sets.put(set, {}));
  EXPECT_EQ(sets.get("one more").value().labels, set.labels);
  set.name = "small";
  set.labels = {"a"};
  EXPECT_EQ(sets.put(set, {}).error().code, ErrorCode::kConflict);
}

TEST_P(ContractTest, OfManyWhoChangeALabelSetOneWins) {
  LabelSets& sets = stores_->label_sets();
  const LabelSet set{.name = "x", .labels = {"a"}, .updated_at = clock().now(), .version = {}};
  const std::string version = sets.put(set, {}).value().value().set.version;
  std::atomic<int> won{0};
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        LabelSet mine = set;
        mine.labels.push_back(std::to_string(i));
        const auto stored = sets.put(mine, {ExpectedSet::State::kVersion, version});
        if (!stored) ++failed;
        if (stored && *stored) ++won;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(failed, 0);
}

TEST_P(ContractTest, AnImageInTheTrashIsNoImageUntilItIsTakenBack) {
  const TimePoint now = stores_->clock().now();
  const TimePoint later = now + std::chrono::days{30};
  ASSERT_TRUE(image_names().announce("uploads/a.jpg", "Ferien/a.jpg", "b1", now));
  stores_->put_object("uploads/a.jpg", "one");
  stores_->put_object("uploads/b.jpg", "other");
  const auto before = objects().head(Bucket::kInput, "uploads/a.jpg").value();
  EXPECT_EQ(trash().find("uploads/a.jpg").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(trash().put("uploads/a.jpg", now, later));
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(objects().head(Bucket::kInput, "uploads/a.jpg").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(objects().remove(Bucket::kInput, "uploads/a.jpg").error().code, ErrorCode::kNotFound);
    const auto got = objects().get(Bucket::kInput, "uploads/a.jpg", 100);
    ASSERT_FALSE(got);
    EXPECT_THAT(got.error().message, HasSubstr("is in the trash: take it back"));
    EXPECT_EQ(objects().open(Bucket::kInput, "uploads/a.jpg").error(), got.error());
    const auto listed = objects().list(Bucket::kInput, "", "", 1).value();
    ASSERT_THAT(listed.objects, SizeIs(1));
    EXPECT_EQ(listed.objects[0].key, "uploads/b.jpg");
    EXPECT_EQ(trash().put("uploads/a.jpg", now, later).error().code, ErrorCode::kNotFound);

    const auto image = trash().find("uploads/a.jpg").value();
    EXPECT_EQ(image.name, "Ferien/a.jpg");
    EXPECT_EQ(image.size, 3U);
    EXPECT_EQ(image.etag, before.etag);
    EXPECT_EQ(image.deleted_at, now);
    EXPECT_EQ(image.expires_at, later);
    const auto reader = trash().open("uploads/a.jpg").value();
    std::array<std::byte, 10> bytes{};
    EXPECT_EQ(reader->read(bytes).value(), 3U);
    stores_->reopen();
  }
  const std::vector<std::string> keys{"none", "uploads/a.jpg", "uploads/b.jpg", "../x.jpg"};
  EXPECT_THAT(trash().restore(keys).value(), ElementsAre(Restored::kMissing, Restored::kYes,
                                                         Restored::kMissing, Restored::kMissing));
  const auto after = objects().head(Bucket::kInput, "uploads/a.jpg").value();
  EXPECT_EQ(after.etag, before.etag);
  EXPECT_EQ(after.last_modified, before.last_modified);
  const std::vector<std::string> one{"uploads/a.jpg"};
  EXPECT_THAT(image_names().names(one).value(), ElementsAre("Ferien/a.jpg"));
  EXPECT_EQ(objects().list(Bucket::kInput, "", "", 10).value().objects.size(), 2U);
  EXPECT_EQ(trash().find("uploads/a.jpg").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(trash().restore(one).value(), ElementsAre(Restored::kMissing));
  EXPECT_THAT(trash().restore({}).value(), IsEmpty());
}

TEST_P(ContractTest, TheTrashIsListedByTimeAndEmptiedInPieces) {
  const TimePoint first = stores_->clock().now();
  const auto at = [&](int i) { return first + std::chrono::milliseconds{i}; };
  for (int i = 0; i < 5; ++i) {
    const std::string key = "uploads/" + std::to_string(i) + ".jpg";
    stores_->put_object(key, std::string(static_cast<std::size_t>(i + 1), 'x'));
    ASSERT_TRUE(trash().put(key, at(i), at(i) + std::chrono::days{i == 0 ? 90 : 30}));
  }
  std::vector<std::string> listed;
  std::string token;
  do {
    const auto page = trash().list(2, token).value();
    EXPECT_EQ(page.total, 5);
    EXPECT_EQ(page.bytes, 15U);
    for (const auto& image : page.images) listed.push_back(image.key);
    token = page.next;
  } while (!token.empty());
  EXPECT_THAT(listed, ElementsAre("uploads/4.jpg", "uploads/3.jpg", "uploads/2.jpg",
                                  "uploads/1.jpg", "uploads/0.jpg"));
  const auto remove = [&](TimePoint deleted, TimePoint expires, std::size_t limit) {
    std::vector<std::string> keys;
    const auto removed = trash().remove_until(deleted, expires, limit).value();
    for (const auto& image : removed) keys.push_back(image.key);
    std::ranges::sort(keys);
    return keys;
  };
  EXPECT_THAT(remove(at(9), at(0), 10), IsEmpty());
  EXPECT_THAT(remove(at(9), at(2) + std::chrono::days{30}, 1), ElementsAre("uploads/1.jpg"));
  EXPECT_THAT(remove(at(9), at(2) + std::chrono::days{30}, 10), ElementsAre("uploads/2.jpg"));
  EXPECT_EQ(trash().remove("uploads/3.jpg").value().front().size, 4U);
  EXPECT_EQ(trash().remove("uploads/3.jpg").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(remove(at(0), TimePoint::max(), 10), ElementsAre("uploads/0.jpg"));
  EXPECT_EQ(trash().list(10, "").value().total, 1);
  EXPECT_THAT(remove(at(4), TimePoint::max(), 10), ElementsAre("uploads/4.jpg"));
  EXPECT_EQ(trash().list(10, "").value().total, 0);
  EXPECT_EQ(trash().list(10, "").value().bytes, 0U);
  const std::vector<std::string> keys{"uploads/0.jpg", "uploads/1.jpg"};
  EXPECT_THAT(trash().restore(keys).value(), ElementsAre(Restored::kMissing, Restored::kMissing));
  EXPECT_THAT(objects().list(Bucket::kInput, "", "", 10).value().objects, IsEmpty());
}

TEST_P(ContractTest, NothingIsOverwrittenByARestoration) {
  const TimePoint now = stores_->clock().now();
  stores_->put_object("uploads/a.jpg", "old");
  ASSERT_TRUE(trash().put("uploads/a.jpg", now, now + std::chrono::days{30}));
  stores_->put_object("uploads/a.jpg", "newer");
  EXPECT_EQ(objects().head(Bucket::kInput, "uploads/a.jpg").value().size, 5U);
  EXPECT_THAT(objects().list(Bucket::kInput, "", "", 10).value().objects, SizeIs(1));
  const std::vector<std::string> keys{"uploads/a.jpg"};
  // S3 has one object of a key: the upload has replaced the one in the trash.
  EXPECT_THAT(trash().restore(keys).value(),
              ElementsAre(AnyOf(Restored::kTaken, Restored::kMissing)));
  EXPECT_EQ(objects().get(Bucket::kInput, "uploads/a.jpg", 100).value().size(), 5U);
  ASSERT_TRUE(trash().remove_until(now, TimePoint::max(), 10));
  EXPECT_EQ(objects().get(Bucket::kInput, "uploads/a.jpg", 100).value().size(), 5U);
  EXPECT_EQ(trash().list(10, "").value().total, 0);
}

// Two people at once: one of them gets each image, and nothing is half done.
TEST_P(ContractTest, RestoringAndEmptyingAtOnce) {
  constexpr int kImages = 24;
  const TimePoint now = stores_->clock().now();
  std::vector<std::string> keys;
  for (int i = 0; i < kImages; ++i) {
    keys.push_back("uploads/" + std::to_string(i) + ".jpg");
    stores_->put_object(keys.back(), "content");
    ASSERT_TRUE(trash().put(keys.back(), now, now + std::chrono::days{30}));
  }
  std::atomic<std::size_t> restored{0};
  std::atomic<std::size_t> removed{0};
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      for (const auto& key : keys)
        restored += trash().restore({&key, 1}).value()[0] == Restored::kYes ? 1 : 0;
    });
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        while (true) {
          const auto some = trash().remove_until(now, TimePoint::max(), 3).value();
          if (some.empty()) return;
          removed += some.size();
        }
      });
    }
  }
  EXPECT_EQ(restored + removed, keys.size());
  EXPECT_EQ(objects().list(Bucket::kInput, "", "", 100).value().objects.size(), restored.load());
  EXPECT_EQ(trash().list(10, "").value().total, 0);
}

TEST_P(ContractTest, PingsSucceed) {
  EXPECT_TRUE(jobs().ping());
  EXPECT_TRUE(queue().ping());
  EXPECT_TRUE(objects().ping());
}

INSTANTIATE_TEST_SUITE_P(
    Stores, ContractTest,
    ::testing::Values(
        StoresFactory{"Embedded", [] { return std::string(); },
                      [] { return std::make_unique<EmbeddedStores>(); }},
        // An emulator for all services, which does not check signatures.
        StoresFactory{"Emulator", [] { return AwsStores::missing(AwsStores::emulator()); },
                      [] { return std::make_unique<AwsStores>(AwsStores::emulator()); }},
        // Another S3, which checks signatures, and Amazon's DynamoDB local.
        StoresFactory{"StrictS3AndDynamoDbLocal",
                      [] { return AwsStores::missing(AwsStores::strict()); },
                      [] { return std::make_unique<AwsStores>(AwsStores::strict()); }}),
    [](const auto& factory) { return factory.param.name; });

}  // namespace
}  // namespace classifier::testing
