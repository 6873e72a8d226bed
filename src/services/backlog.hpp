// How many images wait, and whether more jobs can be taken.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "domain/error.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

// Thread-safe. Counts what is accepted here and asks the queue only now and then: counting a long
// queue is work, and tasks reach it some time after their job was accepted.
class Backlog {
 public:
  // `max` images; 0: any number. `fresh` is how long a count is good enough while the queue is
  // full; ten times as long while it is not. `queue` outlives this.
  Backlog(WorkQueue& queue, std::int64_t max,
          std::chrono::milliseconds fresh = std::chrono::milliseconds(1'000));

  // kUnavailable when as many images wait as may. A queue that does not answer refuses nothing:
  // jobs are kept in the job store.
  Result<void> check();

  // Images of a job that was accepted.
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
