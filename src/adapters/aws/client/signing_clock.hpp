// The time for signatures: this machine's clock, corrected by the time of AWS's answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "domain/time.hpp"
#include "ports/clock.hpp"

namespace classifier::aws {

// Thread-safe.
class SigningClock {
 public:
  // `clock` must outlive this.
  explicit SigningClock(const Clock& clock) : clock_(clock) {}

  TimePoint now() const;
  // Compares the Date field of an answer with `signed_at`, when its request was signed. Where they
  // differ by a minute or more, corrects the clock, logs a change of the correction, and returns
  // true: the request should be signed again.
  bool correct(const std::string& date, TimePoint signed_at);

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> offset_ms_{0};
};

}  // namespace classifier::aws
