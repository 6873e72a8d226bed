#include "adapters/http/rate_limiter.hpp"

#include <algorithm>

namespace classifier::http {
namespace {

RateLimiter::Wait seconds_of(double seconds) {
  return std::chrono::duration_cast<RateLimiter::Wait>(std::chrono::duration<double>(seconds));
}

}  // namespace

RateLimiter::RateLimiter(double per_second, double burst, std::size_t subjects)
    : limited_(per_second > 0),
      token_(limited_ ? seconds_of(1 / per_second) : Wait{0}),
      depth_(limited_ ? seconds_of(burst / per_second) : Wait{0}),
      max_subjects_(subjects) {}

RateLimiter::Wait RateLimiter::wait_of(Time full_at, Time now) const {
  return std::max(std::max(full_at, now) + token_ - depth_ - now, Wait{0});
}

RateLimiter::Wait RateLimiter::take(std::string_view subject, Time now) {
  if (!limited_) return Wait{0};
  const std::scoped_lock lock(mutex_);
  const auto known = places_.find(subject);
  if (known == places_.end()) {
    buckets_.emplace_front(subject, now);
    places_.emplace(buckets_.front().first, buckets_.begin());
    if (buckets_.size() > max_subjects_) {
      places_.erase(buckets_.back().first);
      buckets_.pop_back();
    }
  } else {
    buckets_.splice(buckets_.begin(), buckets_, known->second);
  }
  Time& full_at = buckets_.front().second;
  const Wait wait = wait_of(full_at, now);
  if (wait == Wait{0}) full_at = std::max(full_at, now) + token_;
  return wait;
}

RateLimiter::Wait RateLimiter::look(std::string_view subject, Time now) {
  if (!limited_) return Wait{0};
  const std::scoped_lock lock(mutex_);
  const auto known = places_.find(subject);
  return known == places_.end() ? Wait{0} : wait_of(known->second->second, now);
}

std::size_t RateLimiter::subjects() const {
  const std::scoped_lock lock(mutex_);
  return buckets_.size();
}

}  // namespace classifier::http
