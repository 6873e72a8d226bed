// The limit on retries of calls to AWS.
#pragma once

#include <mutex>

namespace classifier::aws {

// A token bucket that all calls of a client share: retries take from it, successes return to it, so
// that retries do not make an outage worse. Thread-safe.
class RetryBudget {
 public:
  explicit RetryBudget(int capacity) : capacity_(capacity), tokens_(capacity) {}
  // Takes `cost` tokens; where there are fewer, takes none and returns false.
  bool take(int cost);
  void give_back();

 private:
  const int capacity_;
  std::mutex mutex_;
  int tokens_;  // guarded by mutex_
};

}  // namespace classifier::aws
