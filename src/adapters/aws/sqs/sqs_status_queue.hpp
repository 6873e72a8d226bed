// The status queue on SQS. Messages are {job_id, status, result?}; a result has the outcomes of up
// to 64 images of the job.
#pragma once

#include <chrono>
#include <string>

#include "adapters/aws/sqs/sqs_queue.hpp"
#include "ports/status_queue.hpp"

namespace classifier::aws {

class SqsStatusQueue final : public StatusQueue {
 public:
  SqsStatusQueue(const sqs::Clients& clients, std::string url,
                 std::chrono::seconds visibility_timeout);

  Result<void> started(std::string_view job_id) override;
  Result<void> report(std::span<const ImageOutcome> outcomes) override;
  Result<std::vector<StatusMessage>> receive(std::size_t max, std::chrono::milliseconds wait,
                                             std::stop_token stop) override;
  Result<void> remove(std::span<const std::string> receipts) override;
  Result<void> give_back(std::span<const std::string> receipts) override;
  Result<void> ping() override;

 private:
  sqs::Queue queue_;
};

}  // namespace classifier::aws
