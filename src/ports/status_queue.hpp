// The port to the status queue: the reports of workers, until a backend has counted them. Delivered
// at least once, in any order.
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
  std::vector<ImageOutcome> outcomes;  // empty: the start of the job
  std::string receipt;
};

// Thread-safe; several processes may use the same queue. The methods of ResultSink send.
class StatusQueue : public ResultSink {
 public:
  // Up to `max` messages; waits up to `wait` for the first one, or until `stop` is requested. They
  // stay hidden for the visibility timeout. Messages that cannot be parsed are left to become dead
  // letters.
  virtual Result<std::vector<StatusMessage>> receive(std::size_t max,
                                                     std::chrono::milliseconds wait,
                                                     std::stop_token stop) = 0;

  // Removes messages that are counted.
  virtual Result<void> remove(std::span<const std::string> receipts) = 0;

  // Shows messages again at once.
  virtual Result<void> give_back(std::span<const std::string> receipts) = 0;
};

}  // namespace classifier
