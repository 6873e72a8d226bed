#include "support/memory_budget.hpp"

#include <algorithm>

namespace classifier {

std::uint64_t MemoryBudget::used() const {
  const std::scoped_lock lock(mutex_);
  return used_;
}

bool MemoryBudget::take(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (!waiting_.empty() || bytes > limit_ - used_) return false;
  used_ += bytes;
  return true;
}

bool MemoryBudget::wait_for(std::uint64_t bytes, Time deadline, std::size_t most_waiting) {
  std::unique_lock lock(mutex_);
  if (waiting_.size() >= most_waiting) return false;
  const auto place = waiting_.insert(waiting_.end(), bytes);
  const bool taken = changed_.wait_until(
      lock, deadline, [&] { return place == waiting_.begin() && bytes <= limit_ - used_; });
  waiting_.erase(place);
  if (taken) used_ += bytes;
  lock.unlock();
  changed_.notify_all();  // the next one is first now
  return taken;
}

void MemoryBudget::give_back(std::uint64_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    used_ -= bytes;
  }
  changed_.notify_all();
}

bool MemoryShare::wait_for(std::uint64_t bytes, MemoryBudget::Time deadline,
                           std::size_t most_waiting) {
  bytes = std::min(bytes, budget_->limit());
  const bool taken = budget_->wait_for(bytes, deadline, most_waiting);
  if (taken) held_ += bytes;
  return taken;
}

}  // namespace classifier
