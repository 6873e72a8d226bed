// The request queue on SQS. docs/aws.md describes its messages.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "adapters/aws/sqs/sqs_queue.hpp"
#include "ports/clock.hpp"
#include "ports/work_queue.hpp"

namespace classifier::aws {

class SqsWorkQueue final : public WorkQueue {
 public:
  // Returns a job as it is now.
  using JobSource = std::function<Result<Job>(const std::string& job_id)>;

  // `bucket` has the images; other programs that read the messages need it.
  SqsWorkQueue(const sqs::Clients& clients, std::string url, std::string bucket, JobSource jobs,
               const Clock& clock, std::chrono::seconds visibility_timeout);

  Result<void> send(std::span<const ImageTask> tasks) override;
  // The deliveries have no specs.
  Result<std::vector<Delivery>> receive(std::size_t max, std::chrono::milliseconds wait,
                                        std::stop_token stop) override;
  Result<void> extend(std::span<const std::string> receipts) override;
  Result<void> remove(std::span<const std::string> receipts) override;
  Result<void> give_back(std::span<const Delivery> deliveries,
                         std::chrono::milliseconds delay) override;
  // Moves it to the dead-letter queue; kNotFound where there is no redrive policy.
  Result<void> bury(const std::string& receipt, std::string_view reason) override;
  // Receives the messages, which hides them from other processes meanwhile; waits up to a second
  // for the last.
  Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) override;
  // No effect: SQS cannot remove them. They are dropped when they are received.
  Result<void> drop_job(std::string_view job_id, int generation) override;
  // SQS does not report the age of the oldest message. oldest_age is that of the oldest message in
  // the last receive here; nullopt where that was a minute ago or more.
  Result<QueueDepth> depth() override;
  Result<void> ping() override;

 private:
  struct InHand {
    std::string body;
    int attempts = 1;
  };

  std::optional<InHand> in_hand(const std::string& receipt);
  Result<void> return_letter(const sqs::Message& message, const ImageTask& task);
  Result<void> move_to_dead_letters(const std::string& receipt, const nlohmann::json& body);
  Result<sqs::Queue> dead_letter_queue();
  void forget(std::span<const std::string> receipts);
  void note_age(std::span<const sqs::Message> messages);

  sqs::Queue queue_;
  std::string bucket_;
  JobSource jobs_;
  const Clock& clock_;
  std::mutex listing_;  // held by dead_letters()
  std::mutex mutex_;
  std::map<std::string, InHand> in_hand_;   // by receipt; guarded by mutex_
  std::optional<sqs::Queue> dead_letters_;  // once known; guarded by mutex_
  TimePoint received_at_;                   // guarded by mutex_
  std::chrono::milliseconds age_{0};        // of the oldest message then; guarded by mutex_
};

}  // namespace classifier::aws
