// The port to jobs that are stored piece by piece, for more images than fit in memory.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "domain/error.hpp"
#include "domain/job.hpp"
#include "ports/job_store.hpp"

namespace classifier {

struct JobImage {
  std::string key;
  std::string filename;  // unique in the job
};

// A job that nobody sees yet. Without commit(), or after a crash, nothing of it remains. Used by
// one thread at a time.
class JobDraft {
 public:
  virtual ~JobDraft() = default;
  // Adds images after those that were added before.
  virtual Result<void> add(std::span<const JobImage> images) = 0;
  // As JobStore::create: the whole job survives a power loss. To be called once.
  virtual Result<Job> commit() = 0;
};

// Thread-safe.
class JobDrafts {
 public:
  virtual ~JobDrafts() = default;
  // `job` without images. The draft must not outlive this object.
  virtual Result<std::unique_ptr<JobDraft>> begin(const NewJob& job) = 0;
};

}  // namespace classifier
