#include "services/job_status_cache.hpp"

namespace classifier {
namespace {

constexpr std::chrono::seconds kMaxAge{1};
constexpr std::size_t kMaxEntries = 1'000;

}  // namespace

bool JobStatusCache::needs(const ImageTask& task) {
  const auto now = std::chrono::steady_clock::now();
  Entry& entry = entries_[task.job_id];
  // The first image of a retry makes the entry out of date at once.
  if (now - entry.read_at >= kMaxAge || task.generation > entry.generation) {
    entry = {now, true, task.generation};
    if (const auto job = jobs_.get(task.job_id)) {
      entry.runs = !is_final(job->status);
      entry.generation = job->retry_count;
    } else {
      entry.runs = job.error().code != ErrorCode::kNotFound;
    }
  }
  const bool needed = entry.runs && task.generation >= entry.generation;
  if (entries_.size() > kMaxEntries) entries_.clear();
  return needed;
}

}  // namespace classifier
