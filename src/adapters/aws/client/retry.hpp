// Whether a call to AWS may be tried again.
#pragma once

#include <mutex>

namespace classifier::aws {

// What all calls of a client share, so that retries do not make an outage worse: a bucket of tokens
// that retries take from and successes give to. Thread-safe.
class RetryBudget {
 public:
  explicit RetryBudget(int capacity) : capacity_(capacity), tokens_(capacity) {}
  // False, and takes nothing, where there are fewer than `cost`.
  bool take(int cost);
  void give_back();

 private:
  const int capacity_;
  std::mutex mutex_;
  int tokens_;  // guarded by mutex_
};

}  // namespace classifier::aws
