#include "adapters/aws/client/retry.hpp"

#include <algorithm>

namespace classifier::aws {

bool RetryBudgets::take(const std::string& service, int cost) {
  const std::scoped_lock lock(mutex_);
  int& taken = taken_[service];
  if (taken + cost > capacity_) return false;
  taken += cost;
  return true;
}

void RetryBudgets::give_back(const std::string& service) {
  const std::scoped_lock lock(mutex_);
  int& taken = taken_[service];
  taken = std::max(taken - 1, 0);
}

}  // namespace classifier::aws
