// The port to the work queue: one message for each image, delivered at least once, in any order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

// One delivery of a message.
struct Delivery {
  ImageTask task;       // without its spec if the queue does not have it
  std::string receipt;  // names this delivery: the next one of the same message has another
  int failures = 0;     // earlier attempts that failed because of this image
  int losses = 0;  // earlier receivers that neither removed nor returned the message: they died
};

// Including this one.
inline int attempts(const Delivery& delivery) { return delivery.failures + delivery.losses + 1; }

// It may be what killed the last receiver.
inline bool was_lost(const Delivery& delivery) { return delivery.losses > 0; }

struct DeadLetter {
  std::string id;
  std::string job_id;
  std::int64_t index = 0;
  std::string s3_key;
  std::string reason;
  int receive_count = 0;
  TimePoint buried_at;
};

struct QueueDepth {
  std::int64_t visible = 0;  // ready to be received
  std::int64_t in_flight =
      0;                  // received and not yet removed or visible again, or returned with a delay
  std::int64_t dead = 0;  // in the dead-letter queue
  // Age of the oldest visible message; absent if the queue does not report it.
  std::optional<std::chrono::milliseconds> oldest_age;
};

constexpr std::chrono::milliseconds kMaxReturnDelay{60'000};

// Thread-safe; several processes may use the same queue. A received message stays hidden for the
// visibility timeout, then it is delivered again. A receipt that is out of date is no error.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;

  // Durable when it returns. After an error some of the tasks may have been sent.
  virtual Result<void> send(std::span<const ImageTask> tasks) = 0;

  // Up to `max` messages; waits up to `wait` for the first one, or until `stop` is requested. May
  // return none.
  virtual Result<std::vector<Delivery>> receive(std::size_t max, std::chrono::milliseconds wait,
                                                std::stop_token stop) = 0;

  // Hides the messages for a full visibility timeout from now.
  virtual Result<void> extend(std::span<const std::string> receipts) = 0;

  // Removes messages whose images are done.
  virtual Result<void> remove(std::span<const std::string> receipts) = 0;

  // Returns messages to the queue, to be delivered again after `delay`, at most kMaxReturnDelay,
  // with the failures and losses that they have now. After an error some may have been returned.
  virtual Result<void> give_back(std::span<const Delivery> deliveries,
                                 std::chrono::milliseconds delay) = 0;

  // Moves a message to the dead-letter queue.
  virtual Result<void> bury(const std::string& receipt, std::string_view reason) = 0;

  // The newest `limit` dead letters.
  virtual Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) = 0;

  // Removes waiting messages of a job with a generation up to `generation`, if the queue can do so
  // cheaply. Workers drop the others when they receive them.
  virtual Result<void> drop_job(std::string_view job_id, int generation) = 0;

  virtual Result<QueueDepth> depth() = 0;

  // Fails if the queue does not answer.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
