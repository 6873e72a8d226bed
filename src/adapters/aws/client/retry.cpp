#include "adapters/aws/client/retry.hpp"

#include <algorithm>

namespace classifier::aws {

bool RetryBudget::take(int cost) {
  const std::scoped_lock lock(mutex_);
  if (tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void RetryBudget::give_back() {
  const std::scoped_lock lock(mutex_);
  tokens_ = std::min(tokens_ + 1, capacity_);
}

}  // namespace classifier::aws
