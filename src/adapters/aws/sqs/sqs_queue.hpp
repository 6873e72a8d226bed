// A queue of SQS, with batches, partial failures and long polling.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/client/aws_client.hpp"
#include "domain/error.hpp"
#include "domain/time.hpp"

namespace classifier::aws::sqs {

struct Message {
  std::string id;
  std::string body;
  std::string receipt;
  int receive_count = 1;
  TimePoint sent_at;
};

struct Outgoing {
  std::string body;   // ASCII, since SQS refuses some Unicode characters; at most kMaxBytes
  std::string group;  // MessageGroupId for fair queues; may be empty
  std::chrono::seconds delay{0};  // until it can be received; at most 15 minutes
};

struct Depth {
  std::int64_t visible = 0;
  std::int64_t in_flight = 0;  // including delayed messages
};

// Both outlive the queues.
struct Clients {
  AwsClient& calls;
  AwsClient& polling;  // for long polling only, so that it can be stopped separately
};

// Thread-safe. Error messages name the call, or, for a missing queue, the environment variable. A
// missing queue and insufficient credentials are kUnavailable, except in ping().
class Queue {
 public:
  static constexpr std::size_t kBatch = 10;
  static constexpr std::size_t kMaxBytes = 256U << 10U;  // of a message, and of a batch

  // `variable` names the environment variable with the URL, for error messages.
  Queue(const Clients& clients, std::string url, std::string variable,
        std::chrono::seconds visibility_timeout);

  const std::string& url() const { return url_; }

  // The messages are durable when it returns. After an error any of them may have been sent.
  Result<void> send(std::span<const Outgoing> messages);

  // Up to `max` messages; waits up to `wait`, at most 20 s, for the first. Without `visibility`,
  // they are hidden for the visibility timeout. `stop` stops the polling client, and so all
  // receiving from this queue.
  Result<std::vector<Message>> receive(std::size_t max, std::chrono::milliseconds wait,
                                       const std::stop_token& stop,
                                       std::optional<std::chrono::seconds> visibility = {});

  // Both ignore receipts that are no longer valid.
  Result<void> remove(std::span<const std::string> receipts);
  Result<void> hide(std::span<const std::string> receipts, std::chrono::seconds time);
  // For the visibility timeout, from now on.
  Result<void> hide(std::span<const std::string> receipts) {
    return hide(receipts, visibility_timeout_);
  }

  Result<Depth> depth();

  // Whether the queue answers. kNotFound where it is missing; kUnauthorized or kForbidden where the
  // credentials do not suffice.
  Result<void> ping();

  // The dead-letter queue of the redrive policy; kNotFound where there is no policy.
  Result<Queue> dead_letter_queue();

 private:
  AwsRequest request(const char* operation, nlohmann::json body) const;
  Error explain(const AwsError& error) const;
  Result<nlohmann::json> answer(AwsResult response) const;
  Result<std::vector<nlohmann::json>> refused(const std::vector<nlohmann::json>& entries,
                                              AwsResult response) const;
  AwsResult ask_attributes(std::initializer_list<const char*> names);
  Result<nlohmann::json> attributes(std::initializer_list<const char*> names);
  Result<void> batch_of_receipts(const char* operation, std::span<const std::string> receipts,
                                 std::optional<std::chrono::seconds> time);

  AwsClient* client_;   // never null; a pointer so that queues can be assigned
  AwsClient* polling_;  // never null
  std::string url_;
  std::string variable_;
  std::chrono::seconds visibility_timeout_;
};

}  // namespace classifier::aws::sqs
