// The port to the request queue: one message for each image, delivered at least once, in any order.
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
  ImageTask task;
  std::string receipt;    // names this delivery: the next one of the same message has another
  int receive_count = 1;  // deliveries of the message so far, including this one
};

inline bool is_redelivery(const Delivery& delivery) { return delivery.receive_count > 1; }

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
      0;  // received and neither removed nor visible again, or waiting for a delay to pass
  std::int64_t dead = 0;  // in the dead-letter queue
  // Since the oldest visible message was sent; absent where the queue does not tell.
  std::optional<std::chrono::milliseconds> oldest_age;
};

constexpr std::chrono::milliseconds kMaxReleaseDelay{60'000};

// Every method may be called from any thread, and by several processes on the same queue. A message
// that is received stays hidden for the visibility timeout, then it is delivered again. A receipt
// that is out of date is not an error.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;

  // Durable when it returns. After an error any part of the tasks may have been sent.
  virtual Result<void> send(std::span<const ImageTask> tasks) = 0;

  // Up to `max` messages; waits up to `wait` for the first one, less when `stop` is requested. May
  // return none.
  virtual Result<std::vector<Delivery>> receive(std::size_t max, std::chrono::milliseconds wait,
                                                std::stop_token stop) = 0;

  // Hides the messages for another full visibility timeout from now.
  virtual Result<void> extend(std::span<const std::string> receipts) = 0;

  // The work is done: the messages are not delivered again.
  virtual Result<void> remove(std::span<const std::string> receipts) = 0;

  // Gives a message back, to be delivered again after `delay`, at most kMaxReleaseDelay.
  virtual Result<void> release(const std::string& receipt, std::chrono::milliseconds delay) = 0;

  // Moves a message to the dead-letter queue.
  virtual Result<void> bury(const std::string& receipt, std::string_view reason) = 0;

  // The newest `limit` dead letters.
  virtual Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) = 0;

  // Drops messages of a job that wait, up to those of `generation`, where the queue can do so
  // cheaply; others are dropped when they are received.
  virtual Result<void> drop_job(std::string_view job_id, int generation) = 0;

  virtual Result<QueueDepth> depth() = 0;

  // Whether the queue answers; the error says why not.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
