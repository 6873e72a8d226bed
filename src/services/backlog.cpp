#include "services/backlog.hpp"

#include <spdlog/fmt/fmt.h>

namespace classifier {

Backlog::Backlog(WorkQueue& queue, std::int64_t max, std::chrono::milliseconds fresh)
    : queue_(queue), max_(max), fresh_(fresh) {}

Result<void> Backlog::check() {
  if (max_ == 0) return {};
  constexpr int kPatience = 10;
  const std::scoped_lock lock(mutex_);
  const Time now = std::chrono::steady_clock::now();
  const auto good_for = waiting_ >= max_ ? fresh_ : kPatience * fresh_;
  if (asked_ == Time::min() || now - asked_ >= good_for) {
    asked_ = now;
    if (const auto depth = queue_.depth()) waiting_ = depth->visible + depth->in_flight;
  }
  if (waiting_ < max_) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} images wait already, and MAX_BACKLOG allows {}: the job was not "
                          "accepted, submit it again later",
                          waiting_, max_));
}

void Backlog::add(std::size_t images) {
  const std::scoped_lock lock(mutex_);
  waiting_ += static_cast<std::int64_t>(images);
}

}  // namespace classifier
