#include "services/worker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/bounded_queue.hpp"
#include "support/backoff.hpp"
#include "support/pause.hpp"
#include "services/result_format.hpp"

namespace classifier {
namespace {

constexpr std::size_t kReportBatch = 64;
constexpr std::chrono::milliseconds kAfterFailedReceive{500};
constexpr std::chrono::seconds kJobCheck{1};
// About two minutes at the default first back-off.
constexpr int kReportTries = 8;
constexpr std::size_t kJobsToWarmUp = 8;

// Half of it is left to chance, so that images that failed together come apart.
std::chrono::milliseconds backoff(std::chrono::milliseconds first, int failures) {
  return equal_jitter(exponential_backoff(first, kMaxReleaseDelay, failures));
}

}  // namespace

class Worker::Impl {
 public:
  Impl(Ports ports, WorkerOptions options)
      : ports_(ports),
        options_(options),
        finished_(std::max<std::size_t>(options_.max_in_hand, 1)),
        copied_(std::max<std::size_t>(options_.max_in_hand, 1)) {}

  ~Impl() { stop(); }

  void start() {
    running_ = true;
    pipeline_ = std::make_unique<Pipeline>(
        ports_.classifier, ports_.metrics, options_.pipeline,
        [this](const PipelineItem& item) {
          return ports_.objects.get(Bucket::kInput, item.task.s3_key, options_.max_image_bytes);
        },
        [this](PipelineResult result) { finished_.push(std::move(result)); });
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.copy_threads, 1); ++i)
      copy_threads_.emplace_back([this] { run_copy(); });
    report_thread_ = std::jthread([this] { run_report(); });
    extend_thread_ = std::jthread([this](const std::stop_token& stop) { run_extend(stop); });
    receive_thread_ = std::jthread([this](const std::stop_token& stop) { run_receive(stop); });
  }

  void stop_taking() {
    receive_thread_.request_stop();
    stopping_.request_stop();
  }

  void stop() {
    if (!pipeline_) return;
    stop_taking();
    receive_thread_.join();
    pipeline_->finish();
    finished_.close();
    copy_threads_.clear();  // joins
    copied_.close();
    report_thread_.join();
    extend_thread_.request_stop();
    extend_thread_.join();
    pipeline_.reset();
    running_ = false;
  }

  bool running() const { return running_; }

  std::size_t in_hand() const {
    const std::scoped_lock lock(mutex_);
    return receipts_.size();
  }

 private:
  // ---- taking work
  // -------------------------------------------------------------------------------------------

  void run_receive(const std::stop_token& stop) {
    warm_up_waiting_jobs();
    while (!stop.stop_requested()) {
      const std::size_t room = wait_for_room(stop);
      if (room == 0) continue;
      auto deliveries =
          ports_.queue.receive(std::min(room, options_.receive_batch), options_.receive_wait, stop);
      if (!deliveries) {
        spdlog::warn("receiving work failed, will try again: {}", deliveries.error().message);
        pause(kAfterFailedReceive, stop);
        continue;
      }
      {
        const std::scoped_lock lock(mutex_);
        for (const auto& delivery : *deliveries) waiting_.insert(delivery.receipt);
      }
      for (auto& delivery : *deliveries) take_up(std::move(delivery));
    }
  }

  // Models are loaded before work is taken: a process that is killed again while it loads must not
  // cost an image one of its tries.
  void warm_up_waiting_jobs() {
    for (const JobStatus status : {JobStatus::kProcessing, JobStatus::kQueued}) {
      const auto page = ports_.jobs.list({.status = status, .type = {}}, kJobsToWarmUp, "");
      if (!page) return;
      for (const auto& listed : page->jobs) {
        if (const auto job = ports_.jobs.get(listed.id))
          std::ignore = ports_.classifier.warm_up(job->spec);
      }
    }
  }

  static bool redelivered(int receive_count) { return receive_count > 1; }

  // How many more messages may be in hand; 0 only when stopping.
  std::size_t wait_for_room(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, stop, [&] { return receipts_.size() < options_.max_in_hand; });
    return stop.stop_requested() ? 0 : options_.max_in_hand - receipts_.size();
  }

  void take_up(Delivery delivery) {
    const bool alone = redelivered(delivery.receive_count);
    // An image that was delivered before may be what killed the last worker: nothing else is at
    // risk with it.
    if (alone) wait_until_empty();
    {
      const std::scoped_lock lock(mutex_);
      waiting_.erase(delivery.receipt);
      receipts_.insert(delivery.receipt);
    }
    PipelineItem item{std::move(delivery.task), std::move(delivery.receipt),
                      delivery.receive_count};
    // One that was tried too often is kept as a dead letter even where its job has ended by now:
    // the worker may have died between reporting and burying it.
    if (item.receive_count > options_.max_attempts) {
      finished_.push({std::move(item),
                      Error{ErrorCode::kInternal, "given up: the image was taken up " +
                                                      std::to_string(options_.max_attempts) +
                                                      " times and the worker never finished it"},
                      0});
    } else if (!is_wanted(item.task)) {
      drop(item);
    } else {
      report_start(item.task);
      pipeline_->push(std::move(item));
    }
    if (alone) wait_until_empty();
  }

  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    empty_.wait(lock, [&] { return receipts_.empty(); });
  }

  // Whether the image is still wanted. Its job is asked for anew after a second, not for each
  // image, and at once for the first image of a retry: what was known of the job before says
  // nothing of it.
  bool is_wanted(const ImageTask& task) {
    const auto now = std::chrono::steady_clock::now();
    auto& known = checked_jobs_[task.job_id];
    if (now - known.at >= kJobCheck || task.generation > known.generation) {
      known = {now, true, task.generation};
      if (const auto job = ports_.jobs.get(task.job_id)) {
        known.runs = !is_final(job->status);
        known.generation = job->retry_count;
      } else {
        known.runs = job.error().code != ErrorCode::kNotFound;
      }
    }
    const bool wanted = known.runs && task.generation >= known.generation;
    if (checked_jobs_.size() > 1'000) checked_jobs_.clear();
    return wanted;
  }

  void report_start(const ImageTask& task) {
    if (!started_jobs_.insert(task.job_id).second) return;
    if (started_jobs_.size() > 10'000) started_jobs_ = {task.job_id};
    // The first result would tell as well; this only tells sooner.
    std::ignore = ports_.results.started(task.job_id);
    // Loading the model is not the first image's time. Should it fail, the image will say so.
    std::ignore = ports_.classifier.warm_up(task.spec);
  }

  void drop(const PipelineItem& item) {
    if (auto removed = ports_.queue.remove({&item.receipt, 1}); !removed) {
      spdlog::warn("removing a message of job {} failed: {}", item.task.job_id,
                   removed.error().message);
    }
    forget({&item.receipt, 1});
  }

  // ---- reporting it
  // ------------------------------------------------------------------------------------------

  struct Copied {
    PipelineItem item;
    ImageOutcome outcome;
  };

  void run_copy() {
    while (auto result = finished_.pop()) {
      const auto start = std::chrono::steady_clock::now();
      ImageOutcome outcome = make_outcome(*result);
      ports_.metrics.stage_time(
          Stage::kStore,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 1);
      copied_.push({std::move(result->item), std::move(outcome)});
    }
  }

  void run_report() {
    while (true) {
      // Nothing else is in hand beside a redelivered image, so nothing would come to join it.
      auto batch = copied_.pop_batch(
          kReportBatch, options_.report_linger,
          [](const Copied& copied) { return redelivered(copied.item.receive_count); });
      if (batch.empty()) return;
      const auto start = std::chrono::steady_clock::now();
      const std::size_t size = batch.size();
      report(std::move(batch));
      ports_.metrics.stage_time(
          Stage::kReport,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), size);
    }
  }

  void report(std::vector<Copied> batch) {
    std::vector<ImageOutcome> outcomes;
    std::vector<ImageState> states;
    std::vector<std::string> receipts;
    for (auto& [item, outcome] : batch) {
      const auto* error = std::get_if<Error>(&outcome.result);
      if (error != nullptr && error->transient() && try_again(item, *error)) continue;
      states.push_back(state_of(outcome, *item.task.spec));
      outcomes.push_back(std::move(outcome));
      receipts.push_back(item.receipt);
    }
    if (outcomes.empty()) return;
    if (auto reported = report_until_stored(outcomes); !reported) {
      spdlog::warn("reporting {} images failed, they will be done again: {}", outcomes.size(),
                   reported.error().message);
      for (const auto& receipt : receipts)
        std::ignore = ports_.queue.release(receipt, options_.first_backoff);
      forget(receipts);
      return;
    }
    for (const auto state : states) ports_.metrics.image_done(state);
    const auto finished = bury_given_up(outcomes, receipts);
    // Only now: a crash before this line delivers the images again, and accounting ignores the
    // second result.
    if (auto removed = remove_all(finished); !removed) {
      spdlog::warn("removing {} messages failed, they will come again: {}", finished.size(),
                   removed.error().message);
    }
    forget(receipts);
  }

  // Tries again for a while: meanwhile the messages stay hidden, so that a fault of the store costs
  // no image one of its tries.
  Result<void> report_until_stored(std::span<const ImageOutcome> outcomes) {
    for (int tries = 1;; ++tries) {
      auto reported = ports_.results.report(outcomes);
      const bool last = tries == kReportTries || stopping_.stop_requested();
      if (reported || last || !reported.error().transient()) return reported;
      spdlog::warn("reporting {} images failed, will try again: {}", outcomes.size(),
                   reported.error().message);
      pause(backoff(options_.first_backoff, tries), stopping_.get_token());
    }
  }

  Result<void> remove_all(const std::vector<std::string>& receipts) {
    return receipts.empty() ? Result<void>() : ports_.queue.remove(receipts);
  }

  ImageOutcome make_outcome(PipelineResult& result) {
    const ImageTask& task = result.item.task;
    ImageOutcome outcome{.job_id = task.job_id,
                         .index = task.index,
                         .generation = task.generation,
                         .result = std::move(result.result),
                         .output_key = {},
                         .processing_time_ms = result.processing_time_ms};
    if (state_of(outcome, *task.spec) != ImageState::kClassified) return outcome;
    std::string key =
        output_key(task.job_id, std::get<Predictions>(outcome.result).front().label, task.filename);
    if (auto copied = ports_.objects.copy_to_output(task.s3_key, key); !copied) {
      copied.error().message =
          "the copy in the output store could not be made: " + copied.error().message;
      outcome.result = std::move(copied.error());
    } else {
      outcome.output_key = std::move(key);
    }
    return outcome;
  }

  // Gives the image back for a later try; false when it has had all of them.
  bool try_again(const PipelineItem& item, const Error& error) {
    if (item.receive_count >= options_.max_attempts) return false;
    const auto delay = backoff(options_.first_backoff, item.receive_count);
    spdlog::info("job {} image {}: {}; try {} of {} in {} ms", item.task.job_id, item.task.index,
                 error.message, item.receive_count + 1, options_.max_attempts, delay.count());
    ports_.metrics.image_retried();
    std::ignore = ports_.queue.release(item.receipt,
                                       delay);  // without it, the visibility timeout does the same
    forget({&item.receipt, 1});
    return true;
  }

  // Messages whose image failed for a passing reason to the last try are kept for people to look
  // at. Returns the others, and is tried again for those that could not be kept now.
  std::vector<std::string> bury_given_up(std::span<const ImageOutcome> outcomes,
                                         std::span<const std::string> receipts) {
    std::vector<std::string> others;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const auto* error = std::get_if<Error>(&outcomes[i].result);
      if (error == nullptr || !error->transient()) {
        others.push_back(receipts[i]);
      } else if (auto buried = ports_.queue.bury(receipts[i], error->message); buried) {
        ports_.metrics.image_buried();
      } else {
        spdlog::warn("job {} image {} could not be put into the dead letters, will try again: {}",
                     outcomes[i].job_id, outcomes[i].index, buried.error().message);
        std::ignore = ports_.queue.release(receipts[i], options_.first_backoff);
      }
    }
    return others;
  }

  // ---- bookkeeping
  // -------------------------------------------------------------------------------------------

  void run_extend(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pause(options_.visibility_timeout / 3, stop);
      std::vector<std::string> receipts;
      {
        const std::scoped_lock lock(mutex_);
        receipts.assign(receipts_.begin(), receipts_.end());
        receipts.insert(receipts.end(), waiting_.begin(), waiting_.end());
      }
      if (receipts.empty()) continue;
      if (auto extended = ports_.queue.extend(receipts); !extended) {
        spdlog::warn("keeping {} messages hidden failed: {}", receipts.size(),
                     extended.error().message);
      }
    }
  }

  void forget(std::span<const std::string> receipts) {
    const std::scoped_lock lock(mutex_);
    for (const auto& receipt : receipts) receipts_.erase(receipt);
    room_.notify_all();
    if (receipts_.empty()) empty_.notify_all();
  }

  struct JobCheck {
    std::chrono::steady_clock::time_point at;
    bool runs = true;
    int generation = -1;  // the job's when it was asked for
  };

  Ports ports_;
  WorkerOptions options_;
  std::unique_ptr<Pipeline> pipeline_;
  BoundedQueue<PipelineResult> finished_;
  BoundedQueue<Copied> copied_;
  std::atomic<bool> running_{false};
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::condition_variable empty_;
  std::set<std::string> receipts_;                // of messages in hand; guarded by mutex_
  std::set<std::string> waiting_;                 // received, not taken up yet; guarded by mutex_
  std::map<std::string, JobCheck> checked_jobs_;  // used by the receiving thread only
  std::set<std::string> started_jobs_;            // used by the receiving thread only
  std::stop_source stopping_;
  std::vector<std::jthread> copy_threads_;
  std::jthread report_thread_;
  std::jthread extend_thread_;
  std::jthread receive_thread_;
};

Worker::Worker(Ports ports, WorkerOptions options)
    : impl_(std::make_unique<Impl>(ports, options)) {}
Worker::~Worker() = default;
void Worker::start() { impl_->start(); }
void Worker::stop_taking() { impl_->stop_taking(); }
void Worker::stop() { impl_->stop(); }
bool Worker::running() const { return impl_->running(); }
std::size_t Worker::in_hand() const { return impl_->in_hand(); }

}  // namespace classifier
