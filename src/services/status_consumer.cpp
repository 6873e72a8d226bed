#include "services/status_consumer.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "support/pause.hpp"

namespace classifier {

StatusConsumer::StatusConsumer(StatusQueue& queue, ResultSink& accounting, Metrics& metrics,
                               StatusConsumerOptions options)
    : queue_(queue),
      accounting_(accounting),
      options_(options),
      store_("store of counted results", [this] { return accounting_.ping(); }, metrics,
             {.first_pause = options.after_failure, .longest_pause = 2 * options.after_failure}) {}

StatusConsumer::~StatusConsumer() { stop(); }

void StatusConsumer::start() {
  stop_ = {};
  for (std::size_t i = 0; i < options_.threads; ++i)
    threads_.emplace_back([this, stop = stop_.get_token()] { run(stop); });
}

void StatusConsumer::stop() {
  stop_.request_stop();
  threads_.clear();  // joins
}

void StatusConsumer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto messages = queue_.receive(options_.batch, options_.wait, stop);
    if (!messages) {
      if (stop.stop_requested()) return;
      spdlog::warn("receiving reports failed, will try again: {}", messages.error().message);
      pause(options_.after_failure, stop);
      continue;
    }
    const auto uncounted = count(*messages);
    if (!uncounted.empty()) wait_for_store(uncounted, stop);
  }
}

// Returns the receipts of messages that were not counted. They are delivered again.
std::vector<std::string> StatusConsumer::count(const std::vector<StatusMessage>& messages) {
  std::vector<std::string> counted;
  std::vector<const StatusMessage*> reports;
  std::vector<ImageOutcome> outcomes;
  for (const auto& message : messages) {
    if (!message.outcomes.empty()) {
      reports.push_back(&message);
      outcomes.insert(outcomes.end(), message.outcomes.begin(), message.outcomes.end());
      continue;
    }
    const auto started = accounting_.started(message.job_id);
    if (started || started.error().code == ErrorCode::kNotFound) counted.push_back(message.receipt);
  }
  if (report(outcomes)) {
    for (const auto* message : reports) counted.push_back(message->receipt);
  } else if (reports.size() > 1 && accounting_.ping()) {
    // A job that cannot be counted must not block the others.
    for (const auto* message : reports) {
      if (report(message->outcomes)) counted.push_back(message->receipt);
    }
  }
  if (!counted.empty()) {
    if (const auto removed = queue_.remove(counted); !removed) {
      spdlog::warn("removing {} reports failed, they will be delivered again: {}", counted.size(),
                   removed.error().message);
    }
  }
  std::vector<std::string> uncounted;
  for (const auto& message : messages) {
    if (std::ranges::find(counted, message.receipt) == counted.end())
      uncounted.push_back(message.receipt);
  }
  return uncounted;
}

// A message that is received too often becomes a dead letter and is never counted. If the store was
// not away, it is these messages that cannot be counted: they come back after their timeout.
void StatusConsumer::wait_for_store(std::span<const std::string> uncounted,
                                    const std::stop_token& stop) {
  const bool away = !accounting_.ping();
  if (store_.wait_for_answer(stop) && away) std::ignore = queue_.give_back(uncounted);
}

bool StatusConsumer::report(const std::vector<ImageOutcome>& outcomes) {
  if (outcomes.empty()) return true;
  const auto reported = accounting_.report(outcomes);
  if (!reported) {
    spdlog::warn("counting {} images failed, their reports will be delivered again: {}",
                 outcomes.size(), reported.error().message);
  }
  return reported.has_value();
}

}  // namespace classifier
