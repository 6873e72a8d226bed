// Makes each call of each port fail, in each way: an enumeration, not a sample. A scenario (one job
// whose images end in every way, and one that is cancelled and retried) first runs without faults,
// to count the calls; then once for each call and way of failing, on new stores. The promises must
// hold each time.
//
// FAULT_CALLS limits the calls of each operation that are tried; 0 tries all of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <set>
#include <thread>

#include "contract/embedded_stores.hpp"
#include "services/accounting.hpp"
#include "services/dispatcher.hpp"
#include "services/job_service.hpp"
#include "services/retention.hpp"
#include "services/status_consumer.hpp"
#include "services/worker.hpp"
#include "support/faulty_stores.hpp"
#include "support/labelling_classifier.hpp"
#include "support/memory_status_queue.hpp"

namespace classifier::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMaxAttempts = 6;
constexpr seconds kPatience{20};  // of real time; a scenario takes a fraction of a second

// "flaky" fails twice, "always" fails each time, "slow" takes 25 ms.
class MoodyClassifier final : public LabellingClassifier {
 public:
  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    const std::string content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (content == "always") return fail(ErrorCode::kUnavailable, "the memory is used up");
    if (content == "flaky" && failures_++ < 2) return fail(ErrorCode::kUnavailable, "not yet");
    if (content == "slow") std::this_thread::sleep_for(milliseconds(25));
    return LabellingClassifier::prepare(bytes, spec);
  }

 private:
  std::atomic<int> failures_{0};
};

// How workers report outcomes.
enum class Wiring { kDirect, kStatusQueue };

const std::vector<std::string> kMixed = {"cat",   "doubtful", "broken", "missing",
                                         "flaky", "always",   "dog",    "slow"};
constexpr JobCounts kMixedCounts{.total = 8, .classified = 4, .unknown = 1, .failed = 3};
const std::vector<std::string> kPlain = {"cat", "dog", "cat"};

// All services, on new stores.
class Scenario {
 public:
  explicit Scenario(Wiring wiring) : wiring_(wiring) {
    if (wiring_ == Wiring::kStatusQueue) {
      consumer_.emplace(status_, accounting_, metrics_,
                        StatusConsumerOptions{.threads = 1,
                                              .batch = 4,
                                              .wait = milliseconds(10),
                                              .after_failure = milliseconds(5)});
      consumer_->start();
    }
    WorkerOptions options;
    options.pipeline = {.fetch_threads = 0,
                        .prepare_threads = 1,
                        .classify_threads = 1,
                        .queue_capacity = 4,
                        .nice = 0};
    options.receive_batch = 4;
    options.max_in_hand = 8;
    options.max_attempts = kMaxAttempts;
    options.first_backoff = milliseconds(5);  // real time between attempts to report
    options.visibility_timeout =
        milliseconds(30);  // real time; determines how often it is extended
    options.receive_wait = milliseconds(10);
    options.report_linger = milliseconds(1);
    options.gates = {.first_pause = milliseconds(2), .longest_pause = milliseconds(20)};
    ResultSink& results =
        wiring_ == Wiring::kDirect ? static_cast<ResultSink&>(accounting_) : status_;
    worker_.emplace(Worker::Ports{queue_, jobs_, objects_, classifier_, results, metrics_},
                    options);
  }

  Faults& faults() { return faults_; }

  // Submits, cancels, retries, and waits for the end, like a client that repeats failed requests.
  void run() {
    mixed_ = submit(kMixed, "mixed");
    plain_ = submit(kPlain, "plain");
    gone_ = submit(kPlain, "gone");
    std::ignore = dispatcher_.run_once();
    change(
        "cancel", [&] { return service_.cancel(plain_); },
        [](const Job& job) { return job.status == JobStatus::kCancelled; });
    worker_->start();
    change(
        "retry", [&] { return service_.retry(plain_); },
        [](const Job& job) { return job.retry_count == 1; });
    wait_for("all jobs to end", [&] { return ended(mixed_) && ended(plain_) && ended(gone_); });
    change(
        "rename", [&] { return service_.rename(plain_, "plain"); },
        [](const Job& job) { return job.name == "plain"; });
    wait_for("the job to be deleted", [&] {
      const auto removed = service_.remove(gone_);
      if (!removed) refused(removed.error());
      return !stores_.jobs().get(gone_);
    });
    wait_for("an empty queue", [&] {
      const auto depth = stores_.queue().depth().value();
      return depth.visible + depth.in_flight == 0 && memory_status_.size() == 0;
    });
    worker_->stop();
    if (consumer_) consumer_->stop();
    look();
    remove_the_rest();
  }

  void expect_promises(bool may_use_up_tries) {
    expect_job(mixed_, kMixed, kMixedCounts, may_use_up_tries);
    expect_job(plain_, kPlain, {.total = 3, .classified = 3}, may_use_up_tries);
    EXPECT_EQ(stores_.jobs().list({}, 10, "").value().total, 2) << "a job was created twice";
    EXPECT_TRUE(
        stores_.objects().list(Bucket::kOutput, gone_ + "/", "", 10).value().objects.empty());
    // Exactly the images that failed for a transient reason in all attempts are dead letters, once.
    std::multiset<std::pair<std::string, std::int64_t>> letters;
    const auto kept = stores_.queue().dead_letters(100).value();
    for (const auto& letter : kept) letters.emplace(letter.job_id, letter.index);
    EXPECT_EQ(letters, given_up_);
  }

 private:
  std::string submit(const std::vector<std::string>& contents, const std::string& name) {
    SubmitRequest request;
    request.idempotency_key = name;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      request.s3_keys.push_back("uploads/" + name + std::to_string(i) + ".jpg");
      if (contents[i] != "missing") stores_.put_object(request.s3_keys.back(), contents[i]);
    }
    std::string id;
    wait_for("the submission to be accepted", [&] {
      const auto job = service_.submit(request);
      if (!job) return refused(job.error());
      id = job->id;
      return true;
    });
    return id;
  }

  // A client that gets no answer checks whether the change was made before it repeats the request.
  template <class Call, class Granted>
  void change(const char* what, Call call, Granted granted) {
    wait_for(what, [&] {
      const auto job = call();
      if (job) return granted(*job);
      refused(job.error());
      return granted(stores_.jobs().get(plain_).value());
    });
  }

  // Checks the message of an error. Returns false, so that the caller continues to wait.
  static bool refused(const Error& error) {
    EXPECT_GT(error.message.size(), 15U) << "not a sentence: " << error.message;
    return false;
  }

  template <class Done>
  void wait_for(const char* what, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error(std::string("timed out while waiting for ") + what + state());
      // The store recovers after some failures.
      if (faults_.hits() >= 3) faults_.clear();
      std::ignore = dispatcher_.run_once();
      // Let delays and timeouts expire, except those of images in progress.
      if (worker_->in_hand() == 0) stores_.clock().advance(seconds(1));
      std::this_thread::sleep_for(milliseconds(1));
    }
  }

  std::string state() {
    const auto depth = stores_.queue().depth().value();
    std::string text =
        fmt::format(": in progress {}, visible {}, in flight {}, results {}", worker_->in_hand(),
                    depth.visible, depth.in_flight, memory_status_.size());
    for (const auto& id : {mixed_, plain_, gone_}) {
      const auto job = stores_.jobs().get(id);
      if (!job) continue;
      text += fmt::format(", job {} {}/{}", to_string(job->status), job->counts.done(),
                          job->counts.total);
    }
    return text;
  }

  bool ended(const std::string& id) { return is_final(stores_.jobs().get(id).value().status); }

  // What is left of the deleted job, now and after the last worker could report.
  void remove_the_rest() {
    for (int round = 0; round < 2; ++round) {
      wait_for("what is left of a job to be removed", [&] {
        const auto removed = retention_.finish_removals();
        return removed ? true : refused(removed.error());
      });
      stores_.clock().advance(std::chrono::hours(2));
    }
    EXPECT_TRUE(stores_.jobs().removed(stores_.clock().now(), 10).value().empty());
  }

  // Reads everything that a user could, while the fault may persist.
  void look() {
    if (const auto page = jobs_.list({}, 10, ""); !page) refused(page.error());
    if (const auto records = jobs_.records(mixed_, 0, 10); !records) refused(records.error());
    if (const auto found = jobs_.records_of_image("mixed", 10, ""); !found) refused(found.error());
    if (const auto depth = queue_.depth(); !depth) refused(depth.error());
    if (const auto letters = queue_.dead_letters(10); !letters) refused(letters.error());
  }

  void expect_job(const std::string& id, const std::vector<std::string>& contents,
                  const JobCounts& expected, bool may_use_up_tries) {
    const Job job = stores_.jobs().get(id).value();
    EXPECT_EQ(job.status, JobStatus::kCompleted);
    JobCounts counted{.total = static_cast<std::int64_t>(contents.size())};
    const auto records = stores_.jobs().records(id, 0, 100).value();
    ASSERT_EQ(records.size(), contents.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      ASSERT_TRUE(records[i].outcome) << "image " << i << " has no outcome";
      counted.add(state_of(*records[i].outcome, *job.spec), false);
      expect_outcome(job, *records[i].outcome, contents[i], may_use_up_tries);
    }
    EXPECT_EQ(job.counts, counted) << "the counters are not those of the outcomes";
    if (!may_use_up_tries) {
      EXPECT_EQ(job.counts, expected);
    }
  }

  void expect_outcome(const Job& job, const ImageOutcome& outcome, const std::string& content,
                      bool may_use_up_tries) {
    if (const auto* error = std::get_if<Error>(&outcome.result)) {
      if (error->transient()) given_up_.emplace(job.id, outcome.index);
      refused(*error);
      const bool allowed =
          content == "broken" || content == "missing" || content == "always" || may_use_up_tries;
      EXPECT_TRUE(allowed) << content << " failed: " << error->message;
      return;
    }
    EXPECT_EQ(std::get<Predictions>(outcome.result).front().label, content);
    if (outcome.output_key.empty()) return;
    EXPECT_TRUE(stores_.objects().head(Bucket::kOutput, outcome.output_key));
  }

  Wiring wiring_;
  Faults faults_;
  EmbeddedStores stores_;
  MoodyClassifier moody_;
  MemoryStatusQueue memory_status_{stores_.clock()};
  FaultyJobStore jobs_{stores_.jobs(), faults_};
  FaultyWorkQueue queue_{stores_.queue(), faults_};
  FaultyObjectStore objects_{stores_.objects(), faults_};
  FaultyStatusQueue status_{memory_status_, faults_};
  FaultyClassifier classifier_{moody_, faults_};
  NoMetrics metrics_;
  Accounting accounting_{jobs_, stores_.clock()};
  Dispatcher dispatcher_{jobs_, queue_};
  JobService service_{jobs_, queue_, classifier_, stores_.clock(), metrics_, JobLimits{}, [] {}};
  Retention retention_{jobs_, objects_, stores_.clock(), std::chrono::days(90)};
  std::optional<StatusConsumer> consumer_;
  std::optional<Worker> worker_;
  std::string mixed_;
  std::string plain_;
  std::string gone_;
  std::multiset<std::pair<std::string, std::int64_t>> given_up_;
};

int calls_to_try(int made) {
  const char* const bound = std::getenv("FAULT_CALLS");
  const int most = bound == nullptr ? 3 : std::atoi(bound);
  return most == 0 ? made : std::min(made, most);
}

struct Operation {
  std::string name;
  Wiring wiring;
  friend void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }
};

class FaultTest : public ::testing::TestWithParam<Operation> {};

TEST_P(FaultTest, WhicheverCallFailsNothingIsLostOrCountedTwice) {
  const auto& [operation, wiring] = GetParam();
  Scenario calm(wiring);
  ASSERT_NO_THROW(calm.run());
  calm.expect_promises(false);
  const int made = calm.faults().calls()[operation];
  ASSERT_GT(made, 0) << "the scenario does not call " << operation;
  const int tried = calls_to_try(made);
  int points = 0;
  for (int call = 1; call <= tried; ++call) {
    for (const FaultMode mode : kFaultModes) {
      const Fault fault{operation, call, mode};
      SCOPED_TRACE(::testing::PrintToString(fault));
      Scenario scenario(wiring);
      scenario.faults().inject(fault);
      ASSERT_NO_THROW(scenario.run());
      // An outage of a store costs no attempts. If the model fails for long, an image may use them
      // up and be reported as failed.
      scenario.expect_promises(mode == FaultMode::kFailAlways && operation.starts_with("Class"));
      ++points;
    }
  }
  std::cout << operation << ": " << points << " fault points tried, " << tried << " of " << made
            << " calls\n";
}

std::vector<Operation> all_operations() {
  std::vector<Operation> operations;
  for (const char* name : {"ObjectStore.get",
                           "ObjectStore.copy_to_output",
                           "JobStore.create",
                           "JobStore.get",
                           "JobStore.list",
                           "JobStore.unsent",
                           "JobStore.mark_sent",
                           "JobStore.mark_started",
                           "JobStore.record",
                           "JobStore.cancel",
                           "JobStore.retry",
                           "JobStore.records",
                           "JobStore.rename",
                           "JobStore.remove",
                           "JobStore.removed",
                           "JobStore.purge",
                           "JobStore.forget",
                           "ObjectStore.list",
                           "ObjectStore.remove_copies",
                           "JobStore.records_of_image",
                           "WorkQueue.send",
                           "WorkQueue.receive",
                           "WorkQueue.extend",
                           "WorkQueue.remove",
                           "WorkQueue.give_back",
                           "WorkQueue.bury",
                           "WorkQueue.dead_letters",
                           "WorkQueue.drop_job",
                           "WorkQueue.depth",
                           "Classifier.resolve",
                           "Classifier.warm_up",
                           "Classifier.prepare",
                           "Classifier.see"})
    operations.push_back({name, Wiring::kDirect});
  for (const char* name : {"StatusQueue.started", "StatusQueue.report", "StatusQueue.receive",
                           "StatusQueue.remove", "JobStore.record", "JobStore.mark_started"})
    operations.push_back({name, Wiring::kStatusQueue});
  return operations;
}

INSTANTIATE_TEST_SUITE_P(
    Calls, FaultTest, ::testing::ValuesIn(all_operations()), [](const auto& operation) {
      std::string name = operation.param.name;
      std::ranges::replace(name, '.', '_');
      return name + (operation.param.wiring == Wiring::kDirect ? "" : "_ByStatusQueue");
    });

}  // namespace
}  // namespace classifier::testing
