// The port by which a worker reports: straight to the accounting in one process, by the status
// queue between several.
#pragma once

#include <span>
#include <string_view>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

// Thread-safe. Once a call returns without an error, what it was told is not lost.
class ResultSink {
 public:
  virtual ~ResultSink() = default;

  // The first image of a job was taken up by this worker. May come more than once, and late.
  virtual Result<void> started(std::string_view job_id) = 0;

  virtual Result<void> report(std::span<const ImageOutcome> outcomes) = 0;
};

}  // namespace classifier
