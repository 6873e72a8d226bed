// When a call to AWS is tried again, and after how long.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

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

// Exponential back-off with full jitter: random between 0 and base × 2^(failures - 1), at most
// `max`. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
std::chrono::milliseconds backoff(std::chrono::milliseconds base, std::chrono::milliseconds max,
                                  int failures);

// Of an answer's Retry-After in seconds; 0 without one.
std::chrono::milliseconds retry_after(const std::map<std::string, std::string>& headers);

}  // namespace classifier::aws
