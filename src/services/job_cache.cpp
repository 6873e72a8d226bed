#include "services/job_cache.hpp"

#include <utility>

namespace classifier {
namespace {

constexpr std::chrono::seconds kMaxAge{1};
constexpr std::size_t kMaxEntries = 1'000;

}  // namespace

Result<std::shared_ptr<const JobSpec>> JobCache::spec_for(const ImageTask& task) {
  if (entries_.size() > kMaxEntries) entries_.clear();
  const auto now = std::chrono::steady_clock::now();
  Entry& entry = entries_[task.job_id];
  if (task.spec) entry.spec = task.spec;
  // The first image of a retry makes the entry out of date at once.
  if (now - entry.read_at >= kMaxAge || task.generation > entry.generation) {
    const auto job = jobs_.get(task.job_id);
    if (job) {
      if (!entry.spec) entry.spec = job->spec;
      entry = {now, !is_final(job->status), job->retry_count, std::move(entry.spec)};
    } else if (job.error().code == ErrorCode::kNotFound) {
      entry = {now, false, task.generation, std::move(entry.spec)};
    } else if (entry.spec) {
      entry = {now, true, task.generation, std::move(entry.spec)};
    } else {
      return std::unexpected(job.error());
    }
  }
  const bool needed = entry.runs && task.generation >= entry.generation;
  return needed ? entry.spec : nullptr;
}

}  // namespace classifier
