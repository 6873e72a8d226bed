#include "services/retention.hpp"

#include <spdlog/spdlog.h>

#include "support/pause.hpp"

namespace classifier {
namespace {

constexpr std::size_t kJobsPerRemoval = 100;
constexpr std::chrono::hours kInterval{1};

}  // namespace

void Retention::start() {
  if (age_.count() == 0 && trash_ == nullptr) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      remove_jobs(stop);
      remove_trash(stop);
      pause(kInterval, stop);
    }
  });
}

void Retention::remove_jobs(const std::stop_token& stop) {
  const auto removed = run_once(stop);
  if (!removed)
    spdlog::warn("removing old jobs failed, will try again: {}", removed.error().message);
  else if (*removed > 0)
    spdlog::info("removed {} jobs older than {} days", *removed, age_.count());
}

void Retention::remove_trash(const std::stop_token& stop) {
  if (trash_ == nullptr) return;
  const auto removed = trash_->remove_expired(stop);
  if (!removed)
    spdlog::warn("emptying the trash failed, will try again: {}", removed.error().message);
  else if (*removed > 0)
    spdlog::info("removed {} images from the trash, as they had expired", *removed);
}

void Retention::stop() { thread_ = {}; }

Result<std::size_t> Retention::run_once(const std::stop_token& stop) {
  if (age_.count() == 0) return 0;
  std::size_t total = 0;
  while (!stop.stop_requested()) {
    const auto removed = jobs_.remove_expired(clock_.now() - age_, kJobsPerRemoval);
    if (!removed) return std::unexpected(removed.error());
    total += *removed;
    if (*removed < kJobsPerRemoval) break;
  }
  return total;
}

}  // namespace classifier
