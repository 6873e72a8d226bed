// Whether a job still needs an image, without reading the job from the store for each image.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "domain/job.hpp"
#include "ports/job_store.hpp"

namespace classifier {

// Used by one thread.
class JobStatusCache {
 public:
  explicit JobStatusCache(JobStore& jobs) : jobs_(jobs) {}

  // False when the job is final or gone, or has been retried since the task was sent. True when the
  // store does not answer.
  bool needs(const ImageTask& task);

 private:
  struct Entry {
    std::chrono::steady_clock::time_point read_at;
    bool runs = true;
    int generation = -1;  // the job's retry_count when it was read
  };

  JobStore& jobs_;
  std::map<std::string, Entry> entries_;  // by job id
};

}  // namespace classifier
