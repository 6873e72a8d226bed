// Which call of a port fails, and how. Shared by the decorators in faulty_stores.hpp.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "domain/error.hpp"

namespace classifier::testing {

enum class FaultMode {
  kFailOnce,    // the call has no effect and returns an error
  kFailAlways,  // this call and all later ones, until clear()
  kSlow,        // the call is delayed, and succeeds
  kLoseAnswer,  // the call takes effect, but returns an error
};
inline constexpr FaultMode kFaultModes[] = {FaultMode::kFailOnce, FaultMode::kFailAlways,
                                            FaultMode::kSlow, FaultMode::kLoseAnswer};

inline std::string_view to_string(FaultMode mode) {
  switch (mode) {
    case FaultMode::kFailOnce:
      return "fails once";
    case FaultMode::kFailAlways:
      return "fails from then on";
    case FaultMode::kSlow:
      return "is delayed";
    case FaultMode::kLoseAnswer:
      return "loses its answer";
  }
  return "unknown";
}

struct Fault {
  std::string operation;  // "JobStore.record"
  int call = 1;           // counted from 1
  FaultMode mode = FaultMode::kFailOnce;
  friend std::ostream& operator<<(std::ostream& out, const Fault& fault) {
    return out << "call " << fault.call << " of " << fault.operation << " "
               << to_string(fault.mode);
  }
};

// Counts the calls of each operation, and makes one of them fail. Thread-safe.
class Faults {
 public:
  static constexpr std::string_view kMessage = "the store did not answer: try again";
  static constexpr std::chrono::milliseconds kDelay{15};

  void inject(Fault fault) {
    const std::scoped_lock lock(mutex_);
    fault_ = std::move(fault);
    armed_ = true;
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    armed_ = false;
  }

  // All operations whose names begin with `prefix` fail, until it is called again with "-".
  void take_away(std::string prefix) {
    const std::scoped_lock lock(mutex_);
    away_ = std::move(prefix);
  }

  // The number of calls that the fault has affected.
  int hits() const {
    const std::scoped_lock lock(mutex_);
    return hits_;
  }
  // The number of calls that take_away() has made fail.
  int refused() const {
    const std::scoped_lock lock(mutex_);
    return refused_;
  }
  std::map<std::string, int> calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  // Runs `call() -> Result<T>` as the next call of the operation.
  template <class Call>
  auto run(const std::string& operation, Call call) -> decltype(call()) {
    if (is_away(operation)) return fail(ErrorCode::kUnavailable, std::string(kMessage));
    if (!hit(operation)) return call();
    if (fault_.mode == FaultMode::kSlow) {
      std::this_thread::sleep_for(kDelay);
      return call();
    }
    // If the call fails by itself, return its error.
    if (fault_.mode == FaultMode::kLoseAnswer) {
      if (auto answer = call(); !answer) return answer;
    }
    return fail(ErrorCode::kUnavailable, std::string(kMessage));
  }

 private:
  bool hit(const std::string& operation) {
    const std::scoped_lock lock(mutex_);
    const int call = ++calls_[operation];
    if (!armed_ || operation != fault_.operation) return false;
    const bool hits =
        fault_.mode == FaultMode::kFailAlways ? call >= fault_.call : call == fault_.call;
    if (hits) ++hits_;
    return hits;
  }

  bool is_away(const std::string& operation) {
    const std::scoped_lock lock(mutex_);
    if (!operation.starts_with(away_)) return false;
    ++refused_;
    return true;
  }

  mutable std::mutex mutex_;
  std::string away_ = "-";            // guarded by mutex_
  int refused_ = 0;                   // guarded by mutex_
  std::map<std::string, int> calls_;  // guarded by mutex_
  Fault fault_;                       // set before the threads start
  bool armed_ = false;                // guarded by mutex_
  int hits_ = 0;                      // guarded by mutex_
};

}  // namespace classifier::testing
