// The port to the status queue: what workers report, until a backend has counted it. At least once
// and in any order, as the request queue.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "ports/result_sink.hpp"

namespace classifier {

// One message: a job that was started, or outcomes of images of one job.
struct StatusMessage {
  std::string job_id;
  std::vector<ImageOutcome> outcomes;  // none: only the start of the job
  std::string receipt;
};

// Every method may be called from any thread, and by several processes on the same queue. The
// sink's methods send.
class StatusQueue : public ResultSink {
 public:
  // Up to `max` messages; waits up to `wait` for the first one, less when `stop` is requested. They
  // stay hidden for the visibility timeout. Messages that cannot be read are left to the queue's
  // dead letters.
  virtual Result<std::vector<StatusMessage>> receive(std::size_t max,
                                                     std::chrono::milliseconds wait,
                                                     std::stop_token stop) = 0;

  // The messages are counted, and not delivered again.
  virtual Result<void> remove(std::span<const std::string> receipts) = 0;

  // Whether the queue answers; the error says why not.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
