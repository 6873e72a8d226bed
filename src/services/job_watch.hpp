// The state of jobs for those who watch them: however many watch one job, the store is asked once.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "domain/job.hpp"
#include "ports/job_store.hpp"

namespace classifier {

// One job that is watched. Thread-safe.
class JobWatch {
 public:
  JobWatch(JobStore& jobs, std::string id) : jobs_(jobs), id_(std::move(id)) {}

  // The job as the store gave it at most `good_for` ago, or longer while another thread asks it.
  // nullopt: the first answer has not come yet.
  std::optional<Result<Job>> get(std::chrono::milliseconds good_for);

 private:
  JobStore& jobs_;
  const std::string id_;
  std::mutex mutex_;
  bool asking_ = false;                                         // guarded by mutex_
  std::optional<std::chrono::steady_clock::time_point> asked_;  // guarded by mutex_
  std::optional<Result<Job>> job_;                              // guarded by mutex_
};

// Thread-safe. `jobs` outlives this and the watches.
class JobWatches {
 public:
  explicit JobWatches(JobStore& jobs) : jobs_(jobs) {}

  // The watch that all watchers of the job share, until the last of them is gone.
  std::shared_ptr<JobWatch> of(const std::string& job_id);

 private:
  JobStore& jobs_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<JobWatch>> watches_;  // guarded by mutex_
};

}  // namespace classifier
