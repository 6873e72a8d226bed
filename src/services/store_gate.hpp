// Tells an outage of a store from a fault of one image. In an outage everything waits; a fault of
// one image must not hold up the others.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "domain/error.hpp"
#include "ports/metrics.hpp"

namespace classifier {

struct StoreGateOptions {
  std::chrono::milliseconds first_pause{250};  // between calls that fail; doubles
  std::chrono::milliseconds longest_pause{2'000};
};

// Thread-safe.
class StoreGate {
 public:
  // Fails while the store does not answer.
  using Check = std::function<Result<void>()>;

  // `store` names it in the log and in the metrics, which outlive this.
  StoreGate(std::string store, Check check, Metrics& metrics, StoreGateOptions options = {});

  // Repeats `call() -> Result<T>` until it succeeds, or fails with an error that is not the
  // store's. Such are errors that are neither transient nor about credentials, and any error that
  // stays while the store serves other calls (four times), or answers the check (for about 13
  // minutes). After a stop request the last error is returned, as transient.
  template <class Call>
  auto through(Call call, const std::stop_token& stop) -> decltype(call()) {
    Failures failures;
    while (true) {
      failures.successes = successes();
      auto result = call();
      if (result || !may_be_an_outage(result.error())) {
        succeeded();
        return result;
      }
      switch (wait_after(result.error(), failures, stop)) {
        case Next::kTryAgain:
          break;
        case Next::kGiveUp:
          return result;
        case Next::kStop:
          return fail(ErrorCode::kUnavailable, std::move(result.error().message));
      }
    }
  }

  // Whether the store answered when it was last asked.
  bool open() const;

  // Returns at once while the gate is open. False if a stop is requested.
  bool wait_until_open(const std::stop_token& stop);

  // Waits for a pause, and then until the store answers. False if a stop is requested.
  bool wait_for_answer(const std::stop_token& stop);

 private:
  enum class Next { kTryAgain, kGiveUp, kStop };
  struct Failures {
    int count = 0;
    int points = 0;               // evidence that the fault is not the store's
    std::uint64_t successes = 0;  // of all callers, before the last call
  };

  static bool may_be_an_outage(const Error& error);
  std::uint64_t successes() const;
  void succeeded();
  Next wait_after(const Error& error, Failures& failures, const std::stop_token& stop);
  // Waits until the pause that follows `failures` is over, or the gate opens.
  void pause(std::unique_lock<std::mutex>& lock, int failures, const std::stop_token& stop);
  void set_open(bool open, const std::string& reason);

  const std::string store_;
  const Check check_;
  Metrics& metrics_;
  const StoreGateOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable_any opened_;
  bool open_ = true;             // guarded by mutex_
  std::uint64_t openings_ = 0;   // guarded by mutex_
  std::uint64_t successes_ = 0;  // guarded by mutex_
};

}  // namespace classifier
