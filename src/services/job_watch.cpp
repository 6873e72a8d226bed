#include "services/job_watch.hpp"

#include <utility>

namespace classifier {

std::optional<Result<Job>> JobWatch::get(std::chrono::milliseconds good_for) {
  {
    const std::scoped_lock lock(mutex_);
    const bool fresh = asked_ && std::chrono::steady_clock::now() - *asked_ < good_for;
    if (asking_ || fresh) return job_;
    asking_ = true;
  }
  Result<Job> job = jobs_.get(id_);
  const std::scoped_lock lock(mutex_);
  asking_ = false;
  asked_ = std::chrono::steady_clock::now();
  job_ = std::move(job);
  return job_;
}

std::shared_ptr<JobWatch> JobWatches::of(const std::string& job_id) {
  const std::scoped_lock lock(mutex_);
  if (auto watch = watches_[job_id].lock()) return watch;
  std::erase_if(watches_, [](const auto& entry) { return entry.second.expired(); });
  auto watch = std::make_shared<JobWatch>(jobs_, job_id);
  watches_[job_id] = watch;
  return watch;
}

}  // namespace classifier
