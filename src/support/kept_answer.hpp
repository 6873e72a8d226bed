// An answer that takes long to get, kept and asked for again on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace classifier {

// Thread-safe. At most one thread asks at a time; the others use the answer from before.
template <class T>
class KeptAnswer {
 public:
  // `ask` may block. nullopt: there is no answer now, the one from before is kept.
  explicit KeptAnswer(std::function<std::optional<T>()> ask, T first = {})
      : ask_(std::move(ask)), answer_(std::move(first)) {}
  // Waits until `ask` returns.
  ~KeptAnswer() = default;
  KeptAnswer(const KeptAnswer&) = delete;
  KeptAnswer& operator=(const KeptAnswer&) = delete;

  // Asks again if that was last done `good_for` ago, whether or not there was an answer, and waits
  // for it up to `patience`.
  T get(std::chrono::milliseconds good_for, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!asking_ && (!asked_ || now - *asked_ >= good_for)) {
      asker_ = std::jthread([this] { run(); });  // joins the one before, which has ended
      asking_ = true;
      if (patience > patience.zero())
        answered_.wait_for(lock, patience, [this] { return !asking_; });
    }
    return answer_;
  }

  T last() const {
    const std::scoped_lock lock(mutex_);
    return answer_;
  }

 private:
  void run() {
    auto answer = ask_();
    const std::scoped_lock lock(mutex_);
    if (answer) answer_ = std::move(*answer);
    asked_ = std::chrono::steady_clock::now();
    asking_ = false;
    answered_.notify_all();
  }

  const std::function<std::optional<T>()> ask_;
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  T answer_;                                                    // guarded by mutex_
  std::optional<std::chrono::steady_clock::time_point> asked_;  // guarded by mutex_
  bool asking_ = false;                                         // guarded by mutex_
  std::jthread asker_;  // the last member: it uses the others
};

}  // namespace classifier
