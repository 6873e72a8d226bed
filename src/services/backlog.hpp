// The number of waiting images, and whether another job can be accepted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "domain/error.hpp"
#include "ports/work_queue.hpp"
#include "support/kept_answer.hpp"

namespace classifier {

struct BacklogTimes {
  // How long a count is used while the queue is full; ten times as long while it is not.
  std::chrono::milliseconds fresh{1'000};
  // How long check() waits for a count.
  std::chrono::milliseconds patience{2'000};
};

// Thread-safe. Adds the images that were accepted since the last count of the queue: counting a
// long queue is slow, and tasks reach it some time after their job was accepted.
class Backlog {
 public:
  // At most `max` images may wait; 0: no limit. `queue` outlives this.
  Backlog(WorkQueue& queue, std::int64_t max, BacklogTimes times = {});

  // kUnavailable if `max` images wait. If the queue does not answer in time, the last count is
  // used; without one, jobs are still accepted: the job store keeps them.
  Result<void> check();

  // Adds the images of an accepted job.
  void add(std::size_t images);

 private:
  std::optional<std::int64_t> count();

  WorkQueue& queue_;
  const std::int64_t max_;
  const BacklogTimes times_;
  std::atomic<std::int64_t> added_{0};  // images of all accepted jobs
  KeptAnswer<std::int64_t> counted_;    // the last count, less added_ as it was before
};

}  // namespace classifier
