// The number of waiting images, and whether another job can be accepted.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "domain/error.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

// Thread-safe. Adds the images that were accepted since the last count of the queue: counting a
// long queue is slow, and tasks reach it some time after their job was accepted.
class Backlog {
 public:
  // At most `max` images may wait; 0: no limit. A count is used for `fresh` while the queue is
  // full, and ten times as long while it is not. `queue` outlives this.
  Backlog(WorkQueue& queue, std::int64_t max,
          std::chrono::milliseconds fresh = std::chrono::milliseconds(1'000));

  // kUnavailable if `max` images wait. If the queue does not answer, jobs are still accepted: the
  // job store keeps them.
  Result<void> check();

  // Adds the images of an accepted job.
  void add(std::size_t images);

 private:
  using Time = std::chrono::steady_clock::time_point;
  WorkQueue& queue_;
  const std::int64_t max_;
  const std::chrono::milliseconds fresh_;
  std::mutex mutex_;
  std::int64_t waiting_ = 0;  // guarded by mutex_
  Time asked_ = Time::min();  // guarded by mutex_
};

}  // namespace classifier
