// One queue of SQS: batches, partial failures, long polling.
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
  std::string body;   // ASCII, since SQS refuses some of Unicode; at most kMaxBytes
  std::string group;  // messages of a group do not hold up those of others; may be empty
};

struct Depth {
  std::int64_t visible = 0;
  std::int64_t in_flight = 0;  // with those that wait for a delay to pass
};

// Both outlive the queues.
struct Clients {
  AwsClient& calls;
  AwsClient& polling;  // only for waiting, so that it can be ended alone
};

// Thread-safe. Errors name the call, and the variable where the queue is missing. That and what is
// wrong with credentials is kUnavailable, but for ping.
class Queue {
 public:
  static constexpr std::size_t kBatch = 10;
  static constexpr std::size_t kMaxBytes = 256U << 10U;  // of a message, and of a batch

  // `variable` is where the URL comes from, for messages.
  Queue(const Clients& clients, std::string url, std::string variable,
        std::chrono::seconds visibility_timeout);

  const std::string& url() const { return url_; }

  // Durable when it returns. After an error any part of them may have been sent.
  Result<void> send(std::span<const Outgoing> messages);

  // Up to `max`; waits up to `wait` (20 s at most) for the first one. A stop ends the polling
  // client, and with it all receiving from this queue.
  Result<std::vector<Message>> receive(std::size_t max, std::chrono::milliseconds wait,
                                       const std::stop_token& stop,
                                       std::optional<std::chrono::seconds> visibility = {});

  // Receipts that are out of date are passed over.
  Result<void> remove(std::span<const std::string> receipts);
  Result<void> hide(std::span<const std::string> receipts, std::chrono::seconds time);
  // As from now on, for the whole visibility timeout.
  Result<void> hide(std::span<const std::string> receipts) {
    return hide(receipts, visibility_timeout_);
  }

  Result<Depth> depth();

  // Whether the queue answers. kNotFound where it is missing, kUnauthorized and kForbidden where
  // the credentials are not good enough.
  Result<void> ping();

  // The queue that SQS moves messages to; kNotFound where none is set.
  Result<Queue> dead_letter_queue();

 private:
  AwsRequest request(const char* operation, nlohmann::json body) const;
  Error explain(const AwsError& error) const;
  Result<nlohmann::json> answer(AwsResult response) const;
  Result<std::vector<nlohmann::json>> refused(const std::vector<nlohmann::json>& entries,
                                              AwsResult response) const;
  Result<nlohmann::json> attributes(std::initializer_list<const char*> names);
  Result<void> batch_of_receipts(const char* operation, std::span<const std::string> receipts,
                                 std::optional<std::chrono::seconds> time);

  AwsClient* client_;   // never null; pointers so that queues can be assigned
  AwsClient* polling_;  // never null
  std::string url_;
  std::string variable_;
  std::chrono::seconds visibility_timeout_;
};

}  // namespace classifier::aws::sqs
