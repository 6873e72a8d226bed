// The messages of the work queue that a worker has received and not finished yet.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "ports/work_queue.hpp"

namespace classifier {

// A message is received, then taken up, then finished: removed, released or buried. Thread-safe.
class MessagesInHand {
 public:
  // At most `max` messages are taken up at the same time.
  explicit MessagesInHand(std::size_t max) : max_(max) {}

  void received(std::span<const Delivery> deliveries);
  void taken_up(const std::string& receipt);
  void finished(std::span<const std::string> receipts);

  // Waits until another message may be taken up. Returns how many may; 0 only when stopping.
  std::size_t wait_for_room(const std::stop_token& stop);

  // Waits until every message that was taken up is finished.
  void wait_until_empty();

  // How many messages are taken up.
  std::size_t size() const;

  // The receipts of all messages, also of those that are not taken up yet.
  std::vector<std::string> receipts() const;

 private:
  const std::size_t max_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::condition_variable empty_;
  std::set<std::string> received_;  // not taken up yet; guarded by mutex_
  std::set<std::string> taken_up_;  // guarded by mutex_
};

}  // namespace classifier
