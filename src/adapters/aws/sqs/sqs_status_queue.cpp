#include "adapters/aws/sqs/sqs_status_queue.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/aws/sqs/sqs_messages.hpp"
#include "adapters/codec/json_text.hpp"
#include "adapters/codec/outcome_json.hpp"

namespace classifier::aws {
namespace {

using nlohmann::json;

constexpr std::size_t kOutcomes = 64;        // in one message
constexpr std::size_t kBytes = 200U << 10U;  // in one message, below the limit of SQS

std::string body_of(std::string_view job_id, json outcomes) {
  json body = {{"job_id", job_id}, {"status", to_string(JobStatus::kProcessing)}};
  if (!outcomes.empty()) body["result"] = {{"outcomes", std::move(outcomes)}};
  return ascii_json(body);
}

}  // namespace

SqsStatusQueue::SqsStatusQueue(const sqs::Clients& clients, std::string url,
                               std::chrono::seconds visibility_timeout)
    : queue_(clients, std::move(url), "STATUS_QUEUE_URL", visibility_timeout) {}

Result<void> SqsStatusQueue::started(std::string_view job_id) {
  const sqs::Outgoing message{body_of(job_id, {}), {}};
  return queue_.send({&message, 1});
}

Result<void> SqsStatusQueue::report(std::span<const ImageOutcome> outcomes) {
  struct Open {
    json list = json::array();
    std::size_t bytes = 0;
  };
  std::map<std::string_view, Open> open;
  std::vector<sqs::Outgoing> messages;
  for (const auto& outcome : outcomes) {
    json entry = outcome_to_json(outcome);
    const std::size_t size = ascii_json(entry).size();
    Open& of_job = open[outcome.job_id];
    if (of_job.list.size() == kOutcomes || (!of_job.list.empty() && of_job.bytes + size > kBytes)) {
      messages.push_back({body_of(outcome.job_id, std::exchange(of_job.list, json::array())), {}});
      of_job.bytes = 0;
    }
    of_job.bytes += size;
    of_job.list.push_back(std::move(entry));
  }
  for (auto& [job_id, of_job] : open) {
    if (!of_job.list.empty()) messages.push_back({body_of(job_id, std::move(of_job.list)), {}});
  }
  return queue_.send(messages);
}

Result<std::vector<StatusMessage>> SqsStatusQueue::receive(std::size_t max,
                                                           std::chrono::milliseconds wait,
                                                           std::stop_token stop) {
  const auto messages = queue_.receive(max, wait, stop);
  if (!messages) {
    if (stop.stop_requested()) return std::vector<StatusMessage>{};
    return std::unexpected(messages.error());
  }
  std::vector<StatusMessage> read_ones;
  for (const auto& message : *messages) {
    auto status = sqs::read_status(message);
    if (status) {
      read_ones.push_back(std::move(*status));
    } else {
      spdlog::warn("message {} of the status queue cannot be read: {}", message.id,
                   status.error().message);
    }
  }
  return read_ones;
}

Result<void> SqsStatusQueue::remove(std::span<const std::string> receipts) {
  return queue_.remove(receipts);
}

Result<void> SqsStatusQueue::give_back(std::span<const std::string> receipts) {
  return queue_.hide(receipts, std::chrono::seconds(0));
}

Result<void> SqsStatusQueue::ping() { return queue_.ping(); }

}  // namespace classifier::aws
