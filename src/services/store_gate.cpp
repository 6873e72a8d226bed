#include "services/store_gate.hpp"

#include <spdlog/spdlog.h>

#include "support/backoff.hpp"

namespace classifier {
namespace {

// With pauses of up to two seconds, about 13 minutes of a store that answers.
constexpr int kPointsOfACall = 400;
constexpr int kPointsBesideOthers = kPointsOfACall / 4;

}  // namespace

StoreGate::StoreGate(std::string store, Check check, Metrics& metrics, StoreGateOptions options)
    : store_(std::move(store)), check_(std::move(check)), metrics_(metrics), options_(options) {
  metrics_.store_answers(store_, true);
}

bool StoreGate::may_be_an_outage(const Error& error) {
  return error.transient() || error.code == ErrorCode::kUnauthorized ||
         error.code == ErrorCode::kForbidden;
}

bool StoreGate::open() const {
  const std::scoped_lock lock(mutex_);
  return open_;
}

std::uint64_t StoreGate::successes() const {
  const std::scoped_lock lock(mutex_);
  return successes_;
}

void StoreGate::succeeded() {
  const std::scoped_lock lock(mutex_);
  ++successes_;
  set_open(true, {});
}

StoreGate::Next StoreGate::wait_after(const Error& error, Failures& failures,
                                      const std::stop_token& stop) {
  if (stop.stop_requested()) return Next::kStop;
  const auto answer = check_();
  std::unique_lock lock(mutex_);
  const bool serves_others = successes_ != failures.successes;
  set_open(serves_others || answer.has_value(), error.message);
  if (open_) {
    failures.points += serves_others ? kPointsBesideOthers : 1;
  } else {
    failures.points = 0;
  }
  if (failures.points >= kPointsOfACall) return Next::kGiveUp;
  pause(lock, ++failures.count, stop);
  return stop.stop_requested() ? Next::kStop : Next::kTryAgain;
}

bool StoreGate::wait_until_open(const std::stop_token& stop) {
  return open() ? !stop.stop_requested() : wait_for_answer(stop);
}

bool StoreGate::wait_for_answer(const std::stop_token& stop) {
  for (int failures = 1; !stop.stop_requested(); ++failures) {
    {
      std::unique_lock lock(mutex_);
      pause(lock, failures, stop);
    }
    if (stop.stop_requested()) return false;
    const auto answer = check_();
    const std::scoped_lock lock(mutex_);
    set_open(answer.has_value(), answer ? std::string() : answer.error().message);
    if (answer) return true;
  }
  return false;
}

// Random, so that callers do not ask at the same time.
void StoreGate::pause(std::unique_lock<std::mutex>& lock, int failures,
                      const std::stop_token& stop) {
  const auto time =
      equal_jitter(exponential_backoff(options_.first_pause, options_.longest_pause, failures));
  opened_.wait_for(lock, stop, time, [this, before = openings_] { return openings_ != before; });
}

void StoreGate::set_open(bool open, const std::string& reason) {
  if (open == open_) return;
  open_ = open;
  metrics_.store_answers(store_, open);
  if (open) {
    ++openings_;
    spdlog::info("the {} answers again", store_);
    opened_.notify_all();
  } else {
    spdlog::warn("the {} does not answer; work waits until it does: {}", store_, reason);
  }
}

}  // namespace classifier
