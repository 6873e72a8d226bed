#include "services/backlog.hpp"

#include <spdlog/fmt/fmt.h>

namespace classifier {

Backlog::Backlog(WorkQueue& queue, std::int64_t max, BacklogTimes times)
    : queue_(queue), max_(max), times_(times), counted_([this] { return count(); }) {}

std::optional<std::int64_t> Backlog::count() {
  const std::int64_t added_before = added_;
  const auto depth = queue_.depth();
  if (!depth) return std::nullopt;
  return depth->visible + depth->in_flight - added_before;
}

Result<void> Backlog::check() {
  if (max_ == 0) return {};
  constexpr int kRoomLasts = 10;
  const bool full = counted_.last() + added_ >= max_;
  const auto good_for = full ? times_.fresh : kRoomLasts * times_.fresh;
  const std::int64_t waiting = counted_.get(good_for, times_.patience) + added_;
  if (waiting < max_) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} images wait already, and MAX_BACKLOG allows {}: the job was not "
                          "accepted, submit it again later",
                          waiting, max_));
}

void Backlog::add(std::size_t images) { added_ += static_cast<std::int64_t>(images); }

}  // namespace classifier
