#include "services/reporter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include "services/image_outcome.hpp"
#include "support/backoff.hpp"
#include "support/stopwatch.hpp"

namespace classifier {
namespace {

constexpr std::size_t kReportBatch = 64;

}  // namespace

Reporter::Reporter(Worker::Ports ports, const WorkerOptions& options, StoreGates& gates,
                   MessagesInHand& messages, std::stop_token stopping)
    : ports_(ports),
      options_(options),
      gates_(gates),
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
    copy_classified(outcome, result->delivery.task, [&](const std::string& to) {
      return gates_.images.through(
          [&] { return ports_.objects.copy_to_output(result->delivery.task.s3_key, to); },
          stopping_);
    });
    ports_.metrics.stage_time(Stage::kStore, watch.seconds(), 1);
    copied_.push({std::move(result->delivery), std::move(outcome)});
  }
}

void Reporter::run_report() {
  while (true) {
    // An image that was lost runs alone, so waiting for more outcomes would be in vain.
    auto batch = copied_.pop_batch(kReportBatch, options_.report_linger,
                                   [](const Copied& copied) { return was_lost(copied.delivery); });
    if (batch.empty()) return;
    const Stopwatch watch;
    const std::size_t size = batch.size();
    report(std::move(batch));
    ports_.metrics.stage_time(Stage::kReport, watch.seconds(), size);
  }
}

void Reporter::report(std::vector<Copied> batch) {
  std::vector<Copied> ended;
  std::vector<Delivery> stopped;  // which costs no attempt
  for (auto& copied : batch) {
    const auto* error = std::get_if<Error>(&copied.outcome.result);
    const bool may_pass = error != nullptr && error->transient();
    if (may_pass && stopping_.stop_requested()) {
      stopped.push_back(std::move(copied.delivery));
    } else if (may_pass && attempts(copied.delivery) < options_.max_attempts) {
      try_again(std::move(copied.delivery), *error);
    } else {
      ended.push_back(std::move(copied));
    }
  }
  if (!ended.empty()) {
    if (const auto stored = store(ended)) {
      finish(ended);
    } else if (stopping_.stop_requested()) {
      spdlog::warn("reporting {} images failed, they will be classified again: {}", ended.size(),
                   stored.error().message);
      for (auto& copied : ended) stopped.push_back(std::move(copied.delivery));
    } else {
      report_one_by_one(std::move(ended));
    }
  }
  if (!stopped.empty()) give_back(stopped, {});
}

// The store answers, but does not take the batch: an outcome that it cannot take must not hold up
// the others.
void Reporter::report_one_by_one(std::vector<Copied> batch) {
  for (auto& copied : batch) {
    const auto stored = ports_.results.report({&copied.outcome, 1});
    if (stored) {
      finish({&copied, 1});
      continue;
    }
    spdlog::warn("reporting job {} image {} failed, it will be classified again: {}",
                 copied.outcome.job_id, copied.outcome.index, stored.error().message);
    fail_attempt(std::move(copied.delivery));
  }
}

Result<void> Reporter::store(std::span<const Copied> batch) {
  std::vector<ImageOutcome> outcomes;
  outcomes.reserve(batch.size());
  for (const auto& copied : batch) outcomes.push_back(copied.outcome);
  return gates_.results.through([&] { return ports_.results.report(outcomes); }, stopping_);
}

// Only after the report: a crash in between delivers the images again, and the second outcome of
// each is ignored.
void Reporter::finish(std::span<const Copied> batch) {
  std::vector<std::string> done;
  std::vector<std::string> all;
  for (const auto& [delivery, outcome] : batch) {
    ports_.metrics.image_done(state_of(outcome, *delivery.task.spec));
    all.push_back(delivery.receipt);
    const auto* error = std::get_if<Error>(&outcome.result);
    if (error != nullptr && error->transient()) {
      bury(delivery, *error);
    } else {
      done.push_back(delivery.receipt);
    }
  }
  remove(done);
  messages_.finished(all);
}

void Reporter::try_again(Delivery delivery, const Error& error) {
  spdlog::info("job {} image {}: {}; next is attempt {} of {}", delivery.task.job_id,
               delivery.task.index, error.message, attempts(delivery) + 1, options_.max_attempts);
  ports_.metrics.image_retried();
  fail_attempt(std::move(delivery));
}

// Half of the delay is random, so that images that failed together are not retried together.
void Reporter::fail_attempt(Delivery delivery) {
  ++delivery.failures;
  give_back({&delivery, 1}, equal_jitter(exponential_backoff(
                                options_.first_backoff, kMaxReturnDelay, attempts(delivery) - 1)));
}

// If it fails, the visibility timeout returns the messages.
void Reporter::give_back(std::span<const Delivery> deliveries, std::chrono::milliseconds delay) {
  std::vector<std::string> receipts;
  receipts.reserve(deliveries.size());
  for (const auto& delivery : deliveries) receipts.push_back(delivery.receipt);
  const auto given_back =
      gates_.queue.through([&] { return ports_.queue.give_back(deliveries, delay); }, stopping_);
  if (!given_back) {
    spdlog::warn("returning {} messages to the queue failed, they will be delivered again: {}",
                 deliveries.size(), given_back.error().message);
  }
  messages_.finished(receipts);
}

// Moves the message of an image whose last attempt failed with a transient error to the dead
// letters. One that cannot be moved is given back, and comes back to be buried.
void Reporter::bury(const Delivery& delivery, const Error& error) {
  const auto buried = gates_.queue.through(
      [&] { return ports_.queue.bury(delivery.receipt, error.message); }, stopping_);
  if (buried) {
    ports_.metrics.image_buried();
  } else {
    spdlog::warn("moving job {} image {} to the dead letters failed, will try again: {}",
                 delivery.task.job_id, delivery.task.index, buried.error().message);
    std::ignore = ports_.queue.give_back({&delivery, 1}, options_.first_backoff);
  }
}

void Reporter::remove(std::span<const std::string> receipts) {
  if (receipts.empty()) return;
  const auto removed =
      gates_.queue.through([&] { return ports_.queue.remove(receipts); }, stopping_);
  if (!removed) {
    spdlog::warn("removing {} messages failed, they will be delivered again: {}", receipts.size(),
                 removed.error().message);
  }
}

}  // namespace classifier
