// A clock that the test sets.
#pragma once

#include <atomic>
#include <chrono>

#include "ports/clock.hpp"

namespace classifier::testing {

class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint{std::chrono::milliseconds{ms_.load()}}; }
  void advance(std::chrono::milliseconds time) { ms_ += time.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'800'000'000'000};
};

}  // namespace classifier::testing
