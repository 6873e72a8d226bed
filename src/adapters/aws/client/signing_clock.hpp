// The time that requests are signed with: this machine's, corrected by what AWS says.
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
  // `clock` outlives this.
  explicit SigningClock(const Clock& clock) : clock_(clock) {}

  TimePoint now() const;
  // Takes the Date field of an answer to a request that was signed at `signed_at`. Returns whether
  // that was so far off that the request should be signed again; says in the log when the
  // correction changes.
  bool correct(const std::string& date, TimePoint signed_at);

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> offset_ms_{0};
};

}  // namespace classifier::aws
