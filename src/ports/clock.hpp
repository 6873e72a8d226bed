// The port to the time of day, so that tests can set it.
#pragma once

#include <chrono>

#include "domain/time.hpp"

namespace classifier {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace classifier
