// A limited amount of memory that many users share: each takes what it needs before it allocates.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <mutex>
#include <utility>

namespace classifier {

// Thread-safe.
class MemoryBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit MemoryBudget(std::uint64_t limit) : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  std::uint64_t limit() const { return limit_; }
  std::uint64_t used() const;  // bytes

 private:
  friend class MemoryShare;
  bool take(std::uint64_t bytes);
  bool wait_for(std::uint64_t bytes, Time deadline, std::size_t most_waiting);
  void give_back(std::uint64_t bytes);

  const std::uint64_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t used_ = 0;            // guarded by mutex_
  std::list<std::uint64_t> waiting_;  // bytes of each call that waits; guarded by mutex_
};

// What one user has taken of a budget; its destruction gives it back. The budget must outlive it.
// Used by one thread at a time.
class MemoryShare {
 public:
  explicit MemoryShare(MemoryBudget& budget) : budget_(&budget) {}
  ~MemoryShare() {
    if (held_ > 0) budget_->give_back(held_);
  }
  MemoryShare(MemoryShare&& other) noexcept
      : budget_(other.budget_), held_(std::exchange(other.held_, 0)) {}
  MemoryShare& operator=(MemoryShare&&) = delete;
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  // Takes more, if that much is left and nobody waits for it. False: nothing is taken.
  bool take(std::uint64_t bytes) {
    const bool taken = budget_->take(bytes);
    if (taken) held_ += bytes;
    return taken;
  }

  // Gives back a part, at most what it holds.
  void give_back(std::uint64_t bytes) {
    held_ -= bytes;
    budget_->give_back(bytes);
  }
  std::uint64_t held() const { return held_; }

  // Waits for memory, in the order of the calls; a share may do so once, before it takes any. More
  // than the whole budget is there as soon as nobody else holds any. False: not before `deadline`,
  // or at once where `most_waiting` others wait already.
  bool wait_for(std::uint64_t bytes, MemoryBudget::Time deadline = MemoryBudget::Time::max(),
                std::size_t most_waiting = std::numeric_limits<std::size_t>::max());

 private:
  MemoryBudget* budget_;
  std::uint64_t held_ = 0;
};

}  // namespace classifier
