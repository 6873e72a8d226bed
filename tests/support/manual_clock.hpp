// Clocks for tests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "ports/clock.hpp"

namespace classifier::testing {

// Advances only when the test says so.
class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return from_ms(ms_.load()); }
  void advance(std::chrono::milliseconds time) { ms_ += time.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'800'000'000'000};
};

// The system's time plus an offset.
class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(std::chrono::milliseconds offset = {}) { set_offset(offset); }
  TimePoint now() const override {
    return SystemClock().now() + std::chrono::milliseconds(offset_ms_.load());
  }
  void set_offset(std::chrono::milliseconds offset) { offset_ms_ = offset.count(); }

 private:
  std::atomic<std::int64_t> offset_ms_{0};
};

}  // namespace classifier::testing
