#include "services/reporter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include "services/image_outcome.hpp"
#include "support/backoff.hpp"
#include "support/pause.hpp"
#include "support/stopwatch.hpp"

namespace classifier {
namespace {

constexpr std::size_t kReportBatch = 64;
// About two minutes with the default first back-off.
constexpr int kReportAttempts = 8;

}  // namespace

Reporter::Reporter(Worker::Ports ports, const WorkerOptions& options, MessagesInHand& messages,
                   std::stop_token stopping)
    : ports_(ports),
      options_(options),
      messages_(messages),
      stopping_(std::move(stopping)),
      classified_(options.max_in_hand),
      copied_(options.max_in_hand) {}

void Reporter::start() {
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.copy_threads, 1); ++i)
    copy_threads_.emplace_back([this] { run_copy(); });
  report_thread_ = std::jthread([this] { run_report(); });
}

void Reporter::finish() {
  classified_.close();
  copy_threads_.clear();  // joins
  copied_.close();
  report_thread_ = {};  // joins
}

void Reporter::run_copy() {
  while (auto result = classified_.pop()) {
    const Stopwatch watch;
    ImageOutcome outcome = take_outcome(*result);
    copy_classified(outcome, result->delivery.task, ports_.objects);
    ports_.metrics.stage_time(Stage::kStore, watch.seconds(), 1);
    copied_.push({std::move(result->delivery), std::move(outcome)});
  }
}

void Reporter::run_report() {
  while (true) {
    // A redelivered image runs alone, so waiting for more outcomes would be in vain.
    auto batch = copied_.pop_batch(kReportBatch, options_.report_linger, [](const Copied& copied) {
      return is_redelivery(copied.delivery);
    });
    if (batch.empty()) return;
    const Stopwatch watch;
    const std::size_t size = batch.size();
    report(std::move(batch));
    ports_.metrics.stage_time(Stage::kReport, watch.seconds(), size);
  }
}

void Reporter::report(std::vector<Copied> batch) {
  std::vector<ImageOutcome> outcomes;
  std::vector<ImageState> states;
  std::vector<std::string> receipts;
  for (auto& [delivery, outcome] : batch) {
    const auto* error = std::get_if<Error>(&outcome.result);
    if (error != nullptr && error->transient() && release_for_retry(delivery, *error)) continue;
    states.push_back(state_of(outcome, *delivery.task.spec));
    outcomes.push_back(std::move(outcome));
    receipts.push_back(delivery.receipt);
  }
  if (outcomes.empty()) return;
  if (auto stored = store(outcomes); !stored) {
    spdlog::warn("reporting {} images failed, they will be classified again: {}", outcomes.size(),
                 stored.error().message);
    for (const auto& receipt : receipts)
      std::ignore = ports_.queue.release(receipt, options_.first_backoff);
  } else {
    for (const auto state : states) ports_.metrics.image_done(state);
    // Only after the report: a crash in between delivers the images again, and the second outcome
    // of each is ignored.
    remove(bury_failed(outcomes, receipts));
  }
  messages_.finished(receipts);
}

// Tries again for a while, with the messages still hidden, so that an unavailable store costs no
// image one of its attempts.
Result<void> Reporter::store(std::span<const ImageOutcome> outcomes) {
  for (int attempt = 1;; ++attempt) {
    auto stored = ports_.results.report(outcomes);
    const bool last = attempt == kReportAttempts || stopping_.stop_requested();
    if (stored || last || !stored.error().transient()) return stored;
    spdlog::warn("reporting {} images failed, will try again: {}", outcomes.size(),
                 stored.error().message);
    pause(backoff(attempt), stopping_);
  }
}

// Returns the message to the queue for another attempt; false if the image has had all of them.
bool Reporter::release_for_retry(const Delivery& delivery, const Error& error) {
  if (delivery.receive_count >= options_.max_attempts) return false;
  const auto delay = backoff(delivery.receive_count);
  spdlog::info("job {} image {}: {}; attempt {} of {} in {} ms", delivery.task.job_id,
               delivery.task.index, error.message, delivery.receive_count + 1,
               options_.max_attempts, delay.count());
  ports_.metrics.image_retried();
  // If this fails, the visibility timeout returns the message.
  std::ignore = ports_.queue.release(delivery.receipt, delay);
  messages_.finished({&delivery.receipt, 1});
  return true;
}

// Moves messages of images whose last attempt failed with a transient error to the dead letters.
// Returns the receipts of the others. Messages that could not be moved are released, and come back
// to be buried.
std::vector<std::string> Reporter::bury_failed(std::span<const ImageOutcome> outcomes,
                                               std::span<const std::string> receipts) {
  std::vector<std::string> others;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto* error = std::get_if<Error>(&outcomes[i].result);
    if (error == nullptr || !error->transient()) {
      others.push_back(receipts[i]);
    } else if (auto buried = ports_.queue.bury(receipts[i], error->message); buried) {
      ports_.metrics.image_buried();
    } else {
      spdlog::warn("moving job {} image {} to the dead letters failed, will try again: {}",
                   outcomes[i].job_id, outcomes[i].index, buried.error().message);
      std::ignore = ports_.queue.release(receipts[i], options_.first_backoff);
    }
  }
  return others;
}

void Reporter::remove(std::span<const std::string> receipts) {
  if (receipts.empty()) return;
  if (auto removed = ports_.queue.remove(receipts); !removed) {
    spdlog::warn("removing {} messages failed, they will be delivered again: {}", receipts.size(),
                 removed.error().message);
  }
}

// Half of the delay is random, so that images that failed together are not retried together.
std::chrono::milliseconds Reporter::backoff(int failures) const {
  return equal_jitter(exponential_backoff(options_.first_backoff, kMaxReleaseDelay, failures));
}

}  // namespace classifier
