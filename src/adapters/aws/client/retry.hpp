// The limit on retries of calls to AWS.
#pragma once

#include <map>
#include <mutex>
#include <string>

namespace classifier::aws {

// A token bucket for each service, which all calls to it share: retries take from it,
// successes return to it, so that retries do not make an outage worse, and an outage of one service
// leaves the others theirs. Thread-safe.
class RetryBudgets {
 public:
  explicit RetryBudgets(int capacity) : capacity_(capacity) {}
  // Takes `cost` tokens; where there are fewer, takes none and returns false.
  bool take(const std::string& service, int cost);
  void give_back(const std::string& service);

 private:
  const int capacity_;
  std::mutex mutex_;
  std::map<std::string, int> taken_;  // tokens, by service; guarded by mutex_
};

}  // namespace classifier::aws
