#include "services/messages_in_hand.hpp"

namespace classifier {

void MessagesInHand::received(std::span<const Delivery> deliveries) {
  const std::scoped_lock lock(mutex_);
  for (const auto& delivery : deliveries) received_.insert(delivery.receipt);
}

void MessagesInHand::taken_up(const std::string& receipt) {
  const std::scoped_lock lock(mutex_);
  received_.erase(receipt);
  taken_up_.insert(receipt);
}

void MessagesInHand::finished(std::span<const std::string> receipts) {
  const std::scoped_lock lock(mutex_);
  for (const auto& receipt : receipts) taken_up_.erase(receipt);
  room_.notify_all();
  if (taken_up_.empty()) empty_.notify_all();
}

std::size_t MessagesInHand::wait_for_room(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, stop, [&] { return taken_up_.size() < max_; });
  return stop.stop_requested() ? 0 : max_ - taken_up_.size();
}

void MessagesInHand::wait_until_empty() {
  std::unique_lock lock(mutex_);
  empty_.wait(lock, [&] { return taken_up_.empty(); });
}

std::size_t MessagesInHand::size() const {
  const std::scoped_lock lock(mutex_);
  return taken_up_.size();
}

std::vector<std::string> MessagesInHand::receipts() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> all(taken_up_.begin(), taken_up_.end());
  all.insert(all.end(), received_.begin(), received_.end());
  return all;
}

}  // namespace classifier
