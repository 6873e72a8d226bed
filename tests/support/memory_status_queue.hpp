// A status queue in memory, for tests that repeat too often to use a server. Like the real one, it
// delivers at least once; visibility timeouts follow the test's clock.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "ports/clock.hpp"
#include "ports/status_queue.hpp"

namespace classifier::testing {

class MemoryStatusQueue final : public StatusQueue {
 public:
  static constexpr std::chrono::milliseconds kVisibilityTimeout{30'000};

  explicit MemoryStatusQueue(const Clock& clock) : clock_(clock) {}

  Result<void> started(std::string_view job_id) override {
    add({.job_id = std::string(job_id), .outcomes = {}, .receipt = {}});
    return {};
  }
  Result<void> report(std::span<const ImageOutcome> outcomes) override {
    for (const auto& outcome : outcomes)
      add({.job_id = outcome.job_id, .outcomes = {outcome}, .receipt = {}});
    return {};
  }
  Result<std::vector<StatusMessage>> receive(std::size_t max, std::chrono::milliseconds wait,
                                             std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    std::vector<StatusMessage> messages;
    sent_.wait_for(lock, stop, wait, [&] { return !(messages = take(max)).empty(); });
    return messages;
  }
  Result<void> remove(std::span<const std::string> receipts) override {
    const std::scoped_lock lock(mutex_);
    for (const auto& receipt : receipts) messages_.erase(receipt);
    return {};
  }
  Result<void> give_back(std::span<const std::string> receipts) override {
    const std::scoped_lock lock(mutex_);
    for (const auto& receipt : receipts) {
      if (const auto found = messages_.find(receipt); found != messages_.end())
        found->second.visible_at = TimePoint{};
    }
    sent_.notify_all();
    return {};
  }
  Result<void> ping() override { return {}; }

  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return messages_.size();
  }

 private:
  struct Stored {
    StatusMessage message;
    TimePoint visible_at;
  };

  void add(StatusMessage message) {
    const std::scoped_lock lock(mutex_);
    const std::string receipt = std::to_string(next_++);
    message.receipt = receipt;
    messages_[receipt] = {std::move(message), TimePoint{}};
    sent_.notify_all();
  }

  std::vector<StatusMessage> take(std::size_t max) {
    std::vector<StatusMessage> taken;
    for (auto& [receipt, stored] : messages_) {
      if (taken.size() == max) break;
      if (stored.visible_at > clock_.now()) continue;
      stored.visible_at = clock_.now() + kVisibilityTimeout;
      taken.push_back(stored.message);
    }
    return taken;
  }

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any sent_;
  std::map<std::string, Stored> messages_;  // by receipt; guarded by mutex_
  int next_ = 0;                            // guarded by mutex_
};

}  // namespace classifier::testing
