// Rate limits by token buckets, in bounded memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace classifier::http {

// Each subject has a bucket that holds up to `burst` tokens and gains `per_second`. Over `subjects`
// buckets, the least recently used one is dropped, and counts as full. Thread-safe.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Wait = std::chrono::steady_clock::duration;

  // `per_second` 0: no limit.
  RateLimiter(double per_second, double burst, std::size_t subjects = 50'000);

  // Takes a token and returns zero, or returns the time until there is one.
  Wait take(std::string_view subject, Time now);
  // Like take, but leaves the token.
  Wait look(std::string_view subject, Time now);

  std::size_t subjects() const;

 private:
  // A bucket is stored as the time at which it is full again.
  using Buckets = std::list<std::pair<std::string, Time>>;
  Wait wait_of(Time full_at, Time now) const;

  const bool limited_;
  const Wait token_;  // time to gain one token
  const Wait depth_;  // time to fill an empty bucket
  const std::size_t max_subjects_;
  mutable std::mutex mutex_;
  Buckets buckets_;  // guarded by mutex_; most recently used first
  std::unordered_map<std::string_view, Buckets::iterator> places_;  // guarded by mutex_
};

}  // namespace classifier::http
