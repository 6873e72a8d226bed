#include "services/status_consumer.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "services/pause.hpp"

namespace classifier {
namespace {

constexpr std::chrono::milliseconds kAfterFailure{1'000};

}  // namespace

StatusConsumer::StatusConsumer(StatusQueue& queue, ResultSink& accounting,
                               StatusConsumerOptions options)
    : queue_(queue), accounting_(accounting), options_(options) {}

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
      spdlog::warn("receiving results failed, will try again: {}", messages.error().message);
      pause(kAfterFailure, stop);
      continue;
    }
    if (!messages->empty()) count(std::move(*messages));
  }
}

// What is not counted for now is not removed, so it comes again.
void StatusConsumer::count(std::vector<StatusMessage> messages) {
  std::vector<std::string> counted;
  std::vector<std::string> receipts;
  std::vector<ImageOutcome> outcomes;
  for (auto& message : messages) {
    if (message.outcomes.empty()) {
      const auto started = accounting_.started(message.job_id);
      if (started || started.error().code == ErrorCode::kNotFound)
        counted.push_back(std::move(message.receipt));
      continue;
    }
    receipts.push_back(std::move(message.receipt));
    std::ranges::move(message.outcomes, std::back_inserter(outcomes));
  }
  if (const auto reported = accounting_.report(outcomes)) {
    std::ranges::move(receipts, std::back_inserter(counted));
  } else {
    spdlog::warn("counting {} images failed, they will come again: {}", outcomes.size(),
                 reported.error().message);
  }
  if (counted.empty()) return;
  if (const auto removed = queue_.remove(counted); !removed) {
    spdlog::warn("removing {} results failed, they will come again: {}", counted.size(),
                 removed.error().message);
  }
}

}  // namespace classifier
