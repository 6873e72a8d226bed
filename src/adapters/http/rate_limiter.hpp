// How often somebody may do something: token buckets in a bounded memory.
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

// Thread-safe. A bucket for each subject holds `burst` tokens and gains `per_second`. Subjects that
// were not seen for longest are forgotten when there are more than `subjects`: their buckets are
// full again.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Wait = std::chrono::steady_clock::duration;

  // `per_second` 0: no limit.
  RateLimiter(double per_second, double burst, std::size_t subjects = 50'000);

  // Takes a token. Zero where there was one; otherwise how long until there is.
  Wait take(std::string_view subject, Time now);
  // As take, but leaves the token.
  Wait look(std::string_view subject, Time now);

  std::size_t subjects() const;

 private:
  // A bucket is the time at which it is full again, so that time alone fills it.
  using Buckets = std::list<std::pair<std::string, Time>>;
  Wait wait_of(Time full_at, Time now) const;

  const bool limited_;
  const Wait token_;  // time in which one comes
  const Wait depth_;  // time in which an empty bucket fills
  const std::size_t max_subjects_;
  mutable std::mutex mutex_;
  Buckets buckets_;  // guarded by mutex_; used last first
  std::unordered_map<std::string_view, Buckets::iterator> places_;  // guarded by mutex_
};

}  // namespace classifier::http
