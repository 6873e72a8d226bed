// Jobs from acceptance to the last outcome, on the embedded stores, with a classifier that follows
// the content of each image.
#include "services/worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "contract/embedded_stores.hpp"
#include "services/accounting.hpp"
#include "services/direct_classify.hpp"
#include "services/dispatcher.hpp"
#include "services/job_cache.hpp"
#include "services/job_service.hpp"
#include "services/status_consumer.hpp"
#include "support/faulty_stores.hpp"
#include "support/labelling_classifier.hpp"

namespace classifier::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The content of an image sets its outcome: "cat", "broken", "flaky 2" (fails twice), "always"
// (fails each time), "nan" (the model fails on it and on its whole batch).
class ScriptedClassifier final : public LabellingClassifier {
 public:
  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    const std::string content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    ++prepared;
    if (content == "always") return fail(ErrorCode::kUnavailable, "not now");
    if (content.starts_with("flaky") && failures++ < content.back() - '0') {
      return fail(ErrorCode::kUnavailable, "not yet");
    }
    return LabellingClassifier::prepare(bytes, spec);
  }

  Result<std::vector<SeenImage>> see(std::span<const PreparedImage> images,
                                     const JobSpec& spec) override {
    for (const auto& image : images) {
      if (std::string(image.pixels.begin(), image.pixels.end()) == "nan")
        return fail(ErrorCode::kInternal, "not a number");
    }
    return LabellingClassifier::see(images, spec);
  }

  std::atomic<int> failures{0};
  std::atomic<int> prepared{0};
};

class WorkerTest : public ::testing::Test {
 protected:
  Job submit(const std::vector<std::string>& contents) {
    SubmitRequest request;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const std::string key = "uploads/" + std::to_string(i) + ".jpg";
      if (contents[i] != "missing") stores_.put_object(key, contents[i]);
      request.s3_keys.push_back(key);
    }
    return service().submit(request).value();
  }

  JobService& service() { return service_; }

  void start_worker(WorkerOptions options = {}) {
    start_worker(stores_.queue(), accounting_, classifier_, options);
  }

  // A test that passes its own objects stops the worker before they are destroyed.
  void start_worker(WorkQueue& queue, ResultSink& results, Classifier& classifier,
                    WorkerOptions options) {
    options.max_attempts = 3;
    worker_ = std::make_unique<Worker>(
        Worker::Ports{queue, stores_.jobs(), stores_.objects(), classifier, results, metrics_},
        options);
    worker_->start();
  }

  // Runs the job to its end; the clock advances so that delays pass.
  Job finish(const std::string& id) {
    for (int i = 0; i < 2'000; ++i) {
      EXPECT_TRUE(dispatcher_.run_once());
      const Job job = stores_.jobs().get(id).value();
      if (is_final(job.status)) return job;
      stores_.clock().advance(milliseconds(200));
      std::this_thread::sleep_for(milliseconds(5));
    }
    ADD_FAILURE() << "the job did not end";
    return stores_.jobs().get(id).value();
  }

  EmbeddedStores stores_;
  ScriptedClassifier classifier_;
  NoMetrics metrics_;
  Accounting accounting_{stores_.jobs(), stores_.clock()};
  Dispatcher dispatcher_{stores_.jobs(), stores_.queue()};
  JobService service_{stores_.jobs(), stores_.queue(), classifier_, stores_.clock(),
                      metrics_,       JobLimits{},     [] {}};
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, EachImageEndsInOneWay) {
  const Job job = submit({"cat", "broken", "missing", "doubtful", "dog"});
  start_worker();
  const Job done = finish(job.id);
  EXPECT_EQ(done.status, JobStatus::kCompleted);
  EXPECT_EQ(done.counts, (JobCounts{.total = 5, .classified = 2, .unknown = 1, .failed = 2}));
  const auto records = stores_.jobs().records(job.id, 0, 10).value();
  EXPECT_EQ(std::get<Error>(records[1].outcome->result).message, "the image is broken");
  EXPECT_EQ(std::get<Error>(records[2].outcome->result).code, ErrorCode::kNotFound);
  EXPECT_EQ(records[0].outcome->output_key, job.id + "/cat/0.jpg");
  EXPECT_TRUE(stores_.objects().head(Bucket::kOutput, job.id + "/cat/0.jpg"));
  EXPECT_EQ(records[3].outcome->output_key, "");
  worker_->stop();
  const auto depth = stores_.queue().depth().value();
  EXPECT_EQ(depth.visible + depth.in_flight + depth.dead, 0);
}

TEST_F(WorkerTest, ImageThatTheModelFailsOnTakesNoOtherOfItsBatchWithIt) {
  std::vector<std::string> contents(40, "cat");
  for (std::size_t i = 1; i < contents.size(); i += 7) contents[i] = "nan";
  const Job job = submit(contents);
  start_worker();
  EXPECT_EQ(finish(job.id).counts, (JobCounts{.total = 40, .classified = 34, .failed = 6}));
}

// Also in a batch: each warning stays with its own image.
TEST_F(WorkerTest, WarningsStayWithTheirImages) {
  std::vector<std::string> contents(12, "cat");
  contents[1] = contents[6] = contents[11] = "torn";
  const Job job = submit(contents);
  start_worker();
  EXPECT_EQ(finish(job.id).counts, (JobCounts{.total = 12, .classified = 12}));
  const auto records = stores_.jobs().records(job.id, 0, 20).value();
  ASSERT_EQ(records.size(), contents.size());
  for (const auto& record : records) {
    EXPECT_EQ(record.outcome->warning, contents[static_cast<std::size_t>(record.index)] == "torn"
                                           ? "half of the image is missing"
                                           : "");
  }
}

TEST_F(WorkerTest, PassingFailureIsTriedAgain) {
  const Job job = submit({"flaky 2"});
  start_worker();
  EXPECT_EQ(finish(job.id).counts.classified, 1);
  EXPECT_EQ(classifier_.prepared, 3);
}

TEST_F(WorkerTest, FailureThatStaysIsReportedAndBuried) {
  const Job job = submit({"always", "cat"});
  start_worker();
  const Job done = finish(job.id);
  worker_->stop();
  EXPECT_EQ(done.counts, (JobCounts{.total = 2, .classified = 1, .failed = 1}));
  const auto letters = stores_.queue().dead_letters(10).value();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].reason, "not now");
}

TEST_F(WorkerTest, ImageThatWasTakenUpTooOftenIsGivenUp) {
  const Job job = submit({"cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  for (int i = 0; i < 3; ++i) {  // three workers died with it
    ASSERT_EQ(stores_.queue().receive(10, milliseconds(0), {}).value().size(), 1U);
    stores_.pass(stores_.visibility_timeout() + seconds(1));
  }
  start_worker();
  const Job done = finish(job.id);
  EXPECT_EQ(done.status, JobStatus::kFailed);
  EXPECT_EQ(classifier_.prepared, 0);
}

TEST_F(WorkerTest, NoMessageWaitsForAClockThatWasSetBack) {
  submit({"cat", "dog"});
  ASSERT_TRUE(dispatcher_.run_once());
  const auto first = stores_.queue().receive(2, milliseconds(0), {}).value();
  ASSERT_EQ(first.size(), 2U);
  ASSERT_TRUE(stores_.queue().give_back(first, seconds(5)));
  EXPECT_TRUE(stores_.queue().receive(2, milliseconds(0), {}).value().empty());
  stores_.clock().advance(-std::chrono::days(3));
  EXPECT_EQ(stores_.queue().receive(2, milliseconds(0), {}).value().size(), 2U);
}

// Preparing the image "hang" ends only after the hang was reported.
class HangingClassifier final : public LabellingClassifier {
 public:
  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    if (bytes.size() == std::strlen("hang")) {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, seconds(20), [&] { return !hangs_.empty(); });
    }
    return LabellingClassifier::prepare(bytes, spec);
  }
  void tell(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    hangs_.push_back(what);
    changed_.notify_all();
  }
  std::vector<std::string> hangs() {
    const std::scoped_lock lock(mutex_);
    return hangs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> hangs_;  // guarded by mutex_
};

TEST_F(WorkerTest, AStepThatDoesNotEndIsToldWithItsImage) {
  HangingClassifier classifier;
  const Job job = submit({"cat", "hang", "dog"});
  WorkerOptions options;
  Watchdog watchdog(seconds(1), [&](const std::string& what) { classifier.tell(what); });
  options.pipeline.prepare_watchdog = &watchdog;
  options.pipeline.watchdog = &watchdog;
  Worker worker(
      {stores_.queue(), stores_.jobs(), stores_.objects(), classifier, accounting_, metrics_},
      options);
  worker.start();
  EXPECT_EQ(finish(job.id).counts.total, 3);
  worker.stop();
  EXPECT_EQ(classifier.hangs(),
            std::vector<std::string>{"job " + job.id + " image 1 (uploads/1.jpg)"});
}

TEST_F(WorkerTest, WorkOfADeadProcessComesBackAtOnce) {
  const Job job = submit({"cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  ASSERT_EQ(stores_.queue().receive(10, milliseconds(0), {}).value().size(), 1U);
  stores_.reopen();
  EXPECT_EQ(stores_.queue().receive(10, milliseconds(0), {}).value().size(), 1U);
}

// Each image runs alone, so that no other outcome could be reported with it.
TEST_F(WorkerTest, RedeliveredImagesAreReportedWithoutALinger) {
  const Job job = submit({"cat", "cat", "cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  ASSERT_EQ(stores_.queue().receive(10, milliseconds(0), {}).value().size(), 3U);
  stores_.pass(stores_.visibility_timeout() + seconds(1));
  WorkerOptions options;
  options.report_linger = std::chrono::hours(1);
  start_worker(options);
  EXPECT_EQ(finish(job.id).counts.classified, 3);
}

TEST_F(WorkerTest, AJobThatIsGoneIsLookedForOnce) {
  Faults faults;  // no fault; it counts the calls
  FaultyJobStore jobs(stores_.jobs(), faults);
  JobCache cache(jobs);
  const ImageTask task{.job_id = "gone", .s3_key = "uploads/a.jpg", .filename = "a.jpg"};
  for (int i = 0; i < 3; ++i) {
    const auto spec = cache.spec_for(task);
    ASSERT_TRUE(spec);
    EXPECT_EQ(*spec, nullptr);
  }
  EXPECT_EQ(faults.calls()["JobStore.get"], 1);
}

TEST_F(WorkerTest, CancelledJobIsNotClassified) {
  const Job job = submit({"cat", "cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  ASSERT_TRUE(service().cancel(job.id));
  start_worker();
  for (int i = 0; i < 400 && stores_.queue().depth().value().in_flight > 0; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  worker_->stop();
  EXPECT_EQ(classifier_.prepared, 0);
  EXPECT_EQ(stores_.jobs().get(job.id).value().counts.done(), 0);
}

TEST_F(WorkerTest, ARetryRightAfterACancelIsNotTakenForTheCancelledJob) {
  const Job job = submit({"cat", "cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  // In the store only, so that the worker receives messages of a cancelled job.
  ASSERT_TRUE(stores_.jobs().cancel(job.id, stores_.clock().now()));
  start_worker();
  while (stores_.queue().depth().value().visible > 0) std::this_thread::sleep_for(milliseconds(1));
  ASSERT_TRUE(service().retry(job.id));
  EXPECT_EQ(finish(job.id).counts, (JobCounts{.total = 2, .classified = 2}));
}

TEST_F(WorkerTest, ARetryIsStartedAgain) {
  // Of each run the first image is told, not only the first outcome.
  class CountingSink final : public ResultSink {
   public:
    explicit CountingSink(ResultSink& inner) : inner_(inner) {}
    Result<void> started(std::string_view job_id) override {
      ++starts;
      return inner_.started(job_id);
    }
    Result<void> report(std::span<const ImageOutcome> outcomes) override {
      return inner_.report(outcomes);
    }
    Result<void> ping() override { return inner_.ping(); }
    std::atomic<int> starts{0};

   private:
    ResultSink& inner_;
  };
  CountingSink results(accounting_);
  const Job job = submit({"cat", "broken", "cat"});
  start_worker(stores_.queue(), results, classifier_, {});
  finish(job.id);
  EXPECT_EQ(results.starts, 1);
  ASSERT_TRUE(service().retry(job.id));
  finish(job.id);
  EXPECT_EQ(results.starts, 2);
  worker_->stop();
}

TEST_F(WorkerTest, ADeletedJobIsNotClassified) {
  const Job job = submit({"cat", "cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  const auto deliveries = stores_.queue().receive(2, milliseconds(0), {}).value();
  ASSERT_EQ(deliveries.size(), 2U);
  ASSERT_TRUE(service().cancel(job.id));
  ASSERT_TRUE(service().remove(job.id));
  std::ignore = stores_.queue().give_back(deliveries, milliseconds(0));
  start_worker();
  const Job next = submit({"dog"});
  EXPECT_EQ(finish(next.id).counts.classified, 1);
  EXPECT_EQ(stores_.jobs().get(job.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(classifier_.prepared, 1);
  worker_->stop();
}

TEST_F(WorkerTest, ACancelDropsNoMessagesOfALaterRetry) {
  const Job job = submit({"cat", "cat"});
  ASSERT_TRUE(stores_.jobs().cancel(job.id, stores_.clock().now()));
  ASSERT_TRUE(service().retry(job.id));
  ASSERT_TRUE(dispatcher_.run_once());
  ASSERT_TRUE(stores_.queue().drop_job(job.id, 0));
  EXPECT_EQ(stores_.queue().depth().value().visible, 2);
  ASSERT_TRUE(stores_.queue().drop_job(job.id, 1));
  EXPECT_EQ(stores_.queue().depth().value().visible, 0);
}

// Loads until the test lets it end.
class SlowToLoadClassifier final : public LabellingClassifier {
 public:
  Result<void> warm_up(const std::shared_ptr<const JobSpec>& spec,
                       const std::stop_token& stop) override {
    ready.wait(false);
    return LabellingClassifier::warm_up(spec, stop);
  }

  std::atomic<bool> ready{false};
};

TEST_F(WorkerTest, MessagesThatWaitForTheirTurnStayHidden) {
  Faults faults;  // no fault; it counts the calls
  FaultyWorkQueue queue(stores_.queue(), faults);
  SlowToLoadClassifier classifier;
  start_worker(queue, accounting_, classifier,
               {.pipeline = {}, .visibility_timeout = milliseconds(30)});
  // After it receives: a starting worker loads the models of waiting jobs.
  while (faults.calls()["WorkQueue.receive"] == 0) std::this_thread::sleep_for(milliseconds(1));
  const Job job = submit({"cat", "cat", "cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  while (stores_.queue().depth().value().in_flight < 3)
    std::this_thread::sleep_for(milliseconds(1));
  for (int i = 0; i < 4; ++i) {
    stores_.clock().advance(EmbeddedStores::kVisibilityTimeout / 2);
    // Two calls: one may have begun before the clock advanced.
    const int before = faults.calls()["WorkQueue.extend"];
    while (faults.calls()["WorkQueue.extend"] < before + 2)
      std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(stores_.queue().receive(3, milliseconds(0), {}).value().empty());
  classifier.ready = true;
  classifier.ready.notify_all();
  EXPECT_EQ(finish(job.id).counts.classified, 3);
  worker_->stop();
}

// Jobs with a top_k of 1 are never ready.
class EndlessToLoadClassifier final : public LabellingClassifier {
 public:
  Result<void> warm_up(const std::shared_ptr<const JobSpec>& spec,
                       const std::stop_token& stop) override {
    if (spec->top_k != 1) return {};
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait(lock, stop, [] { return false; });
    return fail(ErrorCode::kUnavailable, "stopped");
  }
};

TEST_F(WorkerTest, AJobThatTakesLongToLoadHoldsUpNoOther) {
  EndlessToLoadClassifier classifier;
  start_worker(stores_.queue(), accounting_, classifier,
               {.pipeline = {}, .max_in_hand = 16, .visibility_timeout = milliseconds(6)});
  SubmitRequest request;
  for (int i = 0; i < 100; ++i) {
    request.s3_keys.push_back("uploads/" + std::to_string(i) + ".jpg");
    stores_.put_object(request.s3_keys.back(), "cat");
  }
  request.top_k = 1;
  const Job slow = service().submit(request).value();
  ASSERT_TRUE(dispatcher_.run_once());
  while (worker_->in_hand() == 0) std::this_thread::sleep_for(milliseconds(1));
  request.top_k = 5;
  EXPECT_EQ(finish(service().submit(request)->id).counts.classified, 100);
  worker_->stop();
  EXPECT_EQ(stores_.jobs().get(slow.id).value().counts.done(), 0);
  stores_.pass(seconds(6));
  for (int left = 100; left > 0;) {
    const auto deliveries = stores_.queue().receive(100, milliseconds(0), {}).value();
    ASSERT_FALSE(deliveries.empty()) << left << " are missing";
    for (const auto& delivery : deliveries) EXPECT_EQ(attempts(delivery), 1);
    left -= static_cast<int>(deliveries.size());
  }
}

// Prepares the first image until a stop of the worker has begun.
class BlockingClassifier final : public LabellingClassifier {
 public:
  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    if (!began.exchange(true)) go_on.wait(false);
    return LabellingClassifier::prepare(bytes, spec);
  }

  std::atomic<bool> began{false};
  std::atomic<bool> go_on{false};
};

TEST_F(WorkerTest, AStopEndsWhatHasBegunAndGivesTheRestBack) {
  BlockingClassifier classifier;
  start_worker(stores_.queue(), accounting_, classifier,
               {.pipeline = {.prepare_threads = 1, .queue_capacity = 32}, .max_in_hand = 16});
  const Job job = submit(std::vector<std::string>(40, "cat"));
  ASSERT_TRUE(dispatcher_.run_once());
  while (!classifier.began || worker_->in_hand() < 16) std::this_thread::sleep_for(milliseconds(1));
  worker_->stop_taking();
  classifier.go_on = true;
  classifier.go_on.notify_all();
  worker_->stop();
  // The image may have been prepared, and not classified.
  const auto done = stores_.jobs().get(job.id).value().counts.done();
  EXPECT_LE(done, 1);
  const auto depth = stores_.queue().depth().value();
  EXPECT_EQ(depth.visible + depth.in_flight, 40 - done);
  for (auto left = 40 - done; left > 0;) {
    const auto deliveries = stores_.queue().receive(100, milliseconds(0), {}).value();
    ASSERT_FALSE(deliveries.empty()) << left << " are missing";
    for (const auto& delivery : deliveries) EXPECT_EQ(attempts(delivery), 1);
    left -= static_cast<std::int64_t>(deliveries.size());
  }
}

// The first calls fail.
class AbsentSink final : public ResultSink {
 public:
  AbsentSink(ResultSink& inner, int times) : inner_(inner), times_(times) {}

  Result<void> started(std::string_view job_id) override { return inner_.started(job_id); }
  Result<void> report(std::span<const ImageOutcome> outcomes) override {
    if (times_-- > 0) return fail(ErrorCode::kUnavailable, "not now");
    return inner_.report(outcomes);
  }
  Result<void> ping() override {
    return times_ > 0 ? fail(ErrorCode::kUnavailable, "not now") : inner_.ping();
  }

 private:
  ResultSink& inner_;
  std::atomic<int> times_;
};

TEST_F(WorkerTest, AStoreThatIsAwayForAWhileCostsNoImageATry) {
  const Job job = submit({"cat"});
  AbsentSink results(accounting_, 6);
  start_worker(stores_.queue(), results, classifier_,
               {.pipeline = {}, .gates = {.first_pause = milliseconds(1)}});
  EXPECT_EQ(finish(job.id).counts.classified, 1);
  EXPECT_EQ(classifier_.prepared, 1);
  worker_->stop();
}

// Six hours without one of the stores. Outcomes are counted once, and what was decoded is kept.
class OutageTest : public WorkerTest, public ::testing::WithParamInterface<const char*> {
 protected:
  Faults faults_;
  FaultyJobStore jobs_{stores_.jobs(), faults_};
  FaultyWorkQueue queue_{stores_.queue(), faults_};
  FaultyObjectStore objects_{stores_.objects(), faults_};
  Accounting results_{jobs_, stores_.clock()};
};

TEST_P(OutageTest, CostsTimeAndNeverImages) {
  constexpr int kImages = 120;
  const Job job = submit(std::vector<std::string>(kImages, "cat"));
  ASSERT_TRUE(dispatcher_.run_once());
  Worker worker({queue_, jobs_, objects_, classifier_, results_, metrics_},
                {.pipeline = {.prepare_threads = 1, .classify_threads = 1, .queue_capacity = 2},
                 .receive_batch = 4,
                 .max_in_hand = 8,
                 .visibility_timeout = milliseconds(30),
                 .receive_wait = milliseconds(10),
                 .report_linger = milliseconds(1),
                 .gates = {.first_pause = milliseconds(2), .longest_pause = milliseconds(10)}});
  worker.start();
  const auto done = [&] { return stores_.jobs().get(job.id).value().counts.done(); };
  while (done() < 10) std::this_thread::sleep_for(milliseconds(1));
  faults_.take_away(GetParam());
  for (int i = 0; i < 12; ++i) {
    const int before = faults_.refused();
    while (faults_.refused() < before + 10) std::this_thread::sleep_for(milliseconds(1));
    stores_.clock().advance(std::chrono::minutes(30));
  }
  EXPECT_LT(done(), kImages);
  EXPECT_LE(worker.in_hand(), 8U);
  faults_.take_away("-");
  // Without advancing the clock: nothing was given back, so nothing is delayed.
  while (!is_final(stores_.jobs().get(job.id).value().status))
    std::this_thread::sleep_for(milliseconds(1));
  const Job end = stores_.jobs().get(job.id).value();
  worker.stop();
  EXPECT_EQ(end.counts, (JobCounts{.total = kImages, .classified = kImages}));
  // A message that is being received when the clock jumps comes twice, as after a halt of half an
  // hour; no other does, in none of the twelve jumps.
  EXPECT_LE(classifier_.prepared, kImages + 8);
  EXPECT_TRUE(stores_.queue().dead_letters(10).value().empty());
  const auto depth = stores_.queue().depth().value();
  EXPECT_EQ(depth.visible + depth.in_flight, 0);
}

// "": all of them, as when the disk is away.
INSTANTIATE_TEST_SUITE_P(Stores, OutageTest,
                         ::testing::Values("ObjectStore.", "WorkQueue.", "JobStore.", ""),
                         [](const auto& store) {
                           const std::string name(store.param);
                           return name.empty() ? "Disk" : name.substr(0, name.size() - 1);
                         });

TEST_F(WorkerTest, AStopDoesNotWaitForAStoreThatIsAway) {
  submit({"cat"});
  AbsentSink results(accounting_, 1'000'000);
  start_worker(
      stores_.queue(), results, classifier_,
      {.pipeline = {}, .gates = {.first_pause = seconds(1'000), .longest_pause = seconds(1'000)}});
  ASSERT_TRUE(dispatcher_.run_once());
  while (classifier_.prepared == 0) std::this_thread::sleep_for(milliseconds(1));
  worker_->stop();
  const auto depth = stores_.queue().depth().value();
  EXPECT_EQ(depth.visible + depth.in_flight, 1);
}

TEST_F(WorkerTest, AJobThatCannotBeSentHoldsUpNoOther) {
  submit({"cat", "cat"});
  submit({"dog"});
  Faults faults;
  faults.inject({.operation = "WorkQueue.send"});
  FaultyWorkQueue queue(stores_.queue(), faults);
  Dispatcher dispatcher(stores_.jobs(), queue);
  EXPECT_FALSE(dispatcher.run_once());
  EXPECT_EQ(stores_.queue().depth().value().visible, 1);
  EXPECT_TRUE(dispatcher.run_once().value());
  EXPECT_EQ(stores_.queue().depth().value().visible, 3);
}

TEST_F(WorkerTest, AStopEndsADirectClassification) {
  const auto classify = [&](const std::stop_token& stop) {
    const auto spec = std::make_shared<const JobSpec>();
    const std::vector<std::byte> bytes{std::byte{'c'}};
    const DirectImage image{"cat.jpg", bytes};
    return classify_now("job", spec, {image, image},
                        {stores_.objects(), classifier_, metrics_, stores_.clock()},
                        {.pipeline = {}, .max_image_bytes = 100}, stop);
  };
  std::stop_source stopping;
  EXPECT_EQ(classify(stopping.get_token()).value().job.counts.done(), 2);
  stopping.request_stop();
  EXPECT_EQ(classify(stopping.get_token()).error().code, ErrorCode::kUnavailable);
}

TEST_F(WorkerTest, SmallJobOvertakesALargeOne) {
  submit(std::vector<std::string>(200, "cat"));
  ASSERT_TRUE(dispatcher_.run_once());
  const Job small = submit({"dog"});
  ASSERT_TRUE(dispatcher_.run_once());
  const auto first = stores_.queue().receive(2, milliseconds(0), {}).value();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_TRUE(first[0].task.job_id == small.id || first[1].task.job_id == small.id);
}

TEST_F(WorkerTest, ThousandsOfImagesAreCountedOnce) {
  const Job job = submit(std::vector<std::string>(1'500, "cat"));
  start_worker();
  EXPECT_EQ(finish(job.id).counts, (JobCounts{.total = 1'500, .classified = 1'500}));
}

TEST_F(WorkerTest, AFullBacklogRefusesUntilWorkIsDone) {
  Backlog backlog(stores_.queue(), 3, {.fresh = milliseconds(0), .patience = minutes(5)});
  EXPECT_TRUE(backlog.check());
  submit({"cat", "cat", "cat"});
  ASSERT_TRUE(dispatcher_.run_once());
  const auto refused = backlog.check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("MAX_BACKLOG allows 3"));
  // Messages in flight still count, removed ones do not.
  const auto taken = stores_.queue().receive(1, milliseconds(0), {}).value();
  EXPECT_FALSE(backlog.check());
  ASSERT_TRUE(stores_.queue().remove(std::vector{taken[0].receipt}));
  EXPECT_TRUE(backlog.check());
}

// Tasks are sent after their job is accepted; the limit holds for unsent tasks, too.
TEST_F(WorkerTest, TheBacklogCountsWhatIsNotSentYet) {
  JobService limited(stores_.jobs(), stores_.queue(), classifier_, stores_.clock(), metrics_,
                     JobLimits{.max_backlog = 3}, [] {});
  SubmitRequest request;
  request.s3_keys = {"uploads/a.jpg", "uploads/b.jpg", "uploads/c.jpg"};
  ASSERT_TRUE(limited.submit(request));
  EXPECT_EQ(limited.submit(request).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(stores_.jobs().list({}, 10, "")->total, 1);
}

struct BadSubmission {
  const char* name;
  std::function<void(SubmitRequest&)> spoil;
  const char* says;
};

class BadSubmissionTest : public WorkerTest, public ::testing::WithParamInterface<BadSubmission> {};

TEST_P(BadSubmissionTest, IsRefusedWithASentence) {
  SubmitRequest request;
  request.type = JobType::kCustomClassification;
  request.s3_keys = {"uploads/a.jpg"};
  request.custom_labels = {"cat", "dog"};
  GetParam().spoil(request);
  const auto job = service().submit(request);
  ASSERT_FALSE(job);
  EXPECT_THAT(job.error().message, ::testing::HasSubstr(GetParam().says));
  EXPECT_EQ(stores_.jobs().list({}, 10, "").value().total, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BadSubmissionTest,
    ::testing::Values(
        BadSubmission{"NoKeys", [](auto& r) { r.s3_keys.clear(); }, "s3_keys is missing or empty"},
        BadSubmission{"EmptyKey", [](auto& r) { r.s3_keys.push_back(""); }, "s3_keys[1] is empty"},
        BadSubmission{"KeyLeadsOut", [](auto& r) { r.s3_keys = {"../x"}; }, "\"..\""},
        BadSubmission{"NoLabels", [](auto& r) { r.custom_labels.clear(); },
                      "custom_labels is missing"},
        BadSubmission{"EmptyLabel", [](auto& r) { r.custom_labels = {"cat", "  "}; },
                      "custom_labels[1] is empty"},
        BadSubmission{"DuplicateLabel", [](auto& r) { r.custom_labels = {"cat", " cat"}; },
                      "\"cat\" twice"},
        BadSubmission{"TooManyLabels", [](auto& r) { r.custom_labels.assign(10'001, "x"); },
                      "10001 labels; at most 10000"},
        BadSubmission{"LongLabel", [](auto& r) { r.custom_labels = {std::string(1'001, 'x')}; },
                      "1001 bytes"},
        BadSubmission{"TopKZero", [](auto& r) { r.top_k = 0; },
                      "top_k must be a whole number from 1 to 10, not 0"},
        BadSubmission{"TopKEleven", [](auto& r) { r.top_k = 11; }, "not 11"},
        BadSubmission{"ThresholdBelow", [](auto& r) { r.confidence_threshold = -0.1; },
                      "from 0 to 1, not -0.1"},
        BadSubmission{"ThresholdAbove", [](auto& r) { r.confidence_threshold = 2; }, "not 2"},
        BadSubmission{"ThresholdNan", [](auto& r) { r.confidence_threshold = std::nan(""); },
                      "not nan"},
        BadSubmission{"LabelsForImageNet", [](auto& r) { r.type = JobType::kImageClassification; },
                      "is allowed with job_type \"custom_classification\" only"}),
    [](const auto& bad) { return bad.param.name; });

TEST(UniqueFilenames, TellDifferentKeysApartAndEqualOnesNot) {
  EXPECT_THAT(
      unique_filenames({"a/cat.jpg", "b/cat.jpg", "a/cat.jpg", "b_cat.jpg", "cat.jpg"}),
      ::testing::ElementsAre("cat.jpg", "b_cat.jpg", "cat.jpg", "b_cat-2.jpg", "cat-2.jpg"));
}

TEST(UniqueFilenames, AreNeverEmpty) {
  EXPECT_THAT(unique_filenames({"photos/", "/", "a/photos/", "//"}),
              ::testing::ElementsAre("photos_", "image", "a_photos_", "_"));
}

// To try each number for each of them would take minutes.
TEST(UniqueFilenames, ManyThatAreAlikeAreNumbered) {
  constexpr std::size_t kKeys = 1 << 16;
  std::vector<std::string> keys;
  for (std::size_t bits = 0; bits < kKeys; ++bits) {
    std::string key = "a";
    for (std::size_t bit = 1; bit < kKeys; bit *= 2) key += (bits & bit) != 0 ? "/a" : "_a";
    keys.push_back(std::move(key));
  }
  const auto names = unique_filenames(keys);
  EXPECT_EQ((std::set<std::string>(names.begin(), names.end()).size()), kKeys);
}

// Like SQS: all receivers wait on one client, and the first stop ends the wait of all of them.
class OneClientQueue final : public StatusQueue {
 public:
  explicit OneClientQueue(std::size_t receivers) : receivers_(receivers) {}

  Result<void> started(std::string_view) override { return {}; }
  Result<void> report(std::span<const ImageOutcome>) override { return {}; }
  Result<std::vector<StatusMessage>> receive(std::size_t, milliseconds,
                                             std::stop_token stop) override {
    const std::stop_callback end(stop, [this] {
      std::unique_lock lock(mutex_);
      ended_ = true;
      changed_.notify_all();
      changed_.wait(lock, [&] { return woken_ == receivers_; });
    });
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return ended_; });
    if (!stop.stop_requested()) ++surprised_;
    ++woken_;
    changed_.notify_all();
    return fail(ErrorCode::kUnavailable, "the program is stopping");
  }
  Result<void> remove(std::span<const std::string>) override { return {}; }
  Result<void> give_back(std::span<const std::string>) override { return {}; }
  Result<void> ping() override { return {}; }

  void wait_for_receivers() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ == receivers_; });
  }
  std::size_t surprised() const { return surprised_; }

 private:
  std::size_t receivers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t waiting_ = 0, woken_ = 0, surprised_ = 0;  // guarded by mutex_
  bool ended_ = false;                                   // guarded by mutex_
};

TEST(StatusConsumer, NoReceiverTakesAStopForAFault) {
  OneClientQueue queue(2);
  NoMetrics metrics;
  StatusConsumer consumer(queue, queue, metrics);
  consumer.start();
  queue.wait_for_receivers();
  consumer.stop();
  EXPECT_EQ(queue.surprised(), 0);
}

}  // namespace
}  // namespace classifier::testing
