// What workers need to know of jobs, without reading the job from the store for each image.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "domain/job.hpp"
#include "ports/job_store.hpp"

namespace classifier {

// Used by one thread.
class JobCache {
 public:
  explicit JobCache(JobStore& jobs) : jobs_(jobs) {}

  // The spec of the task's job. nullptr if the job does not need the image: it is final or gone, or
  // has been retried since the task was sent. If the store does not answer, what it last said
  // holds; an error only if the spec is not known.
  Result<std::shared_ptr<const JobSpec>> spec_for(const ImageTask& task);

 private:
  struct Entry {
    std::chrono::steady_clock::time_point read_at;
    bool runs = true;
    int generation = -1;  // the job's retry_count when it was read
    std::shared_ptr<const JobSpec> spec;
  };

  JobStore& jobs_;
  std::map<std::string, Entry> entries_;  // by job id
};

}  // namespace classifier
