#include "services/watchdog.hpp"

#include <utility>

#include "support/pause.hpp"

namespace classifier {
namespace {

// A limit is this many looks. Looks are counted instead of time, because a process that was stopped
// for a while did not hang.
constexpr int kLooks = 8;

}  // namespace

Watchdog::Watchdog(std::chrono::milliseconds limit, OnHang on_hang)
    : limit_(limit), on_hang_(std::move(on_hang)) {
  if (limit_.count() > 0)
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Watchdog::Watch::Watch(Watchdog* watchdog, std::string what) : watchdog_(watchdog) {
  if (watchdog_ == nullptr) return;
  const std::scoped_lock lock(watchdog_->mutex_);
  id_ = watchdog_->next_++;
  watchdog_->steps_.emplace(id_, Step{std::move(what), 0});
}

Watchdog::Watch::~Watch() {
  if (watchdog_ == nullptr) return;
  const std::scoped_lock lock(watchdog_->mutex_);
  watchdog_->steps_.erase(id_);
}

void Watchdog::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pause(limit_ / kLooks, stop);
    look();
  }
}

void Watchdog::look() {
  const std::scoped_lock lock(mutex_);
  for (auto& [id, step] : steps_) {
    // One more, because the first look may come right after the start of the step.
    if (++step.looks == kLooks + 1) on_hang_(step.what);
  }
}

}  // namespace classifier
