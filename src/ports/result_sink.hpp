// The port to which workers report: to the accounting of the same process, or to the status queue
// between processes.
#pragma once

#include <span>
#include <string_view>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

// Thread-safe. What a call without an error has reported is not lost.
class ResultSink {
 public:
  virtual ~ResultSink() = default;

  // This worker has taken up its first image of a job. May be called more than once, and late.
  virtual Result<void> started(std::string_view job_id) = 0;

  virtual Result<void> report(std::span<const ImageOutcome> outcomes) = 0;

  // Fails if what is behind it does not answer.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
