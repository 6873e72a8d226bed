#include "services/retention.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace classifier {
namespace {

constexpr std::size_t kJobsPerRemoval = 100;
constexpr std::size_t kCopiesPerRemoval = 5'000;
constexpr std::chrono::hours kInterval{1};
constexpr std::chrono::minutes kAfterFailedRemoval{5};
// Until then a worker that had an image of the job in hand may make a sorted copy of it.
constexpr std::chrono::hours kLateCopies{1};

// "<job>/<label>/<file name>": whatever else is under the job's name is not a copy.
bool is_copy(std::string_view key) { return std::ranges::count(key, '/') == 2; }

}  // namespace

void Retention::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Retention::stop() { thread_ = {}; }

void Retention::wake() {
  const std::scoped_lock lock(mutex_);
  wanted_ = true;
  changed_.notify_one();
}

void Retention::run(const std::stop_token& stop) {
  using Steady = std::chrono::steady_clock;
  auto next_check = Steady::now();  // of old jobs
  while (!stop.stop_requested()) {
    const auto finished = finish_removals(stop);
    if (!finished) {
      spdlog::warn("removing what is left of deleted jobs failed, will try again: {}",
                   finished.error().message);
    }
    if (Steady::now() >= next_check) {
      remove_jobs(stop);
      remove_trash(stop);
      next_check = Steady::now() + kInterval;
    }
    std::unique_lock lock(mutex_);
    const auto until =
        finished ? next_check : std::min(next_check, Steady::now() + kAfterFailedRemoval);
    changed_.wait_until(lock, stop, until, [this] { return wanted_; });
    wanted_ = false;
  }
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

Result<std::size_t> Retention::finish_removals(const std::stop_token& stop) {
  std::size_t total = 0;
  std::optional<Error> failed;  // what cannot be removed now does not hold up the others
  while (!stop.stop_requested() && !failed) {
    const TimePoint late = clock_.now() - kLateCopies;
    const auto jobs = jobs_.removed(late, kJobsPerRemoval);
    if (!jobs) return std::unexpected(jobs.error());
    for (const auto& job : *jobs) {
      if (auto finished = finish_removal(job, late, stop); finished)
        ++total;
      else if (!failed)
        failed = std::move(finished.error());
    }
    if (jobs->size() < kJobsPerRemoval) break;
  }
  if (failed) return std::unexpected(std::move(*failed));
  return total;
}

// The copies first: without the records, only the removal itself says whose they are.
Result<void> Retention::finish_removal(const RemovedJob& job, TimePoint late,
                                       const std::stop_token& stop) {
  if (auto removed = remove_copies(job.id, stop); !removed) return removed;
  if (stop.stop_requested()) return {};
  if (auto purged = jobs_.purge(job); !purged) return purged;
  return job.removed_at < late ? jobs_.forget(job) : Result<void>();
}

Result<void> Retention::remove_copies(const std::string& job_id, const std::stop_token& stop) {
  bool more = true;
  for (std::string after; more && !stop.stop_requested();) {
    const auto page = objects_.list(Bucket::kOutput, job_id + "/", after, kCopiesPerRemoval);
    if (!page) return std::unexpected(page.error());
    std::vector<std::string> copies;
    for (const auto& object : page->objects) {
      if (is_copy(object.key)) copies.push_back(object.key);
      after = object.key;
    }
    if (auto removed = objects_.remove_copies(copies); !removed) return removed;
    more = page->more;
  }
  return {};
}

}  // namespace classifier
