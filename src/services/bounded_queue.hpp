// A bounded queue between threads.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace classifier {

// Thread-safe, for any number of producers and consumers.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}

  // Waits for room. Nothing may be pushed after close().
  void push(T value) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [&] { return items_.size() < capacity_; });
    items_.push_back(std::move(value));
    lock.unlock();
    not_empty_.notify_one();
  }

  // Waits for an item; nullopt if the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    return take(lock);
  }

  // The next item, if there is one now and it is `wanted`.
  template <class Wanted>
  std::optional<T> pop_now_if(Wanted wanted) {
    std::unique_lock lock(mutex_);
    if (items_.empty() || !wanted(items_.front())) return std::nullopt;
    return take(lock);
  }

  // Waits for an item, then up to `linger` for more, up to `max` in all; an `urgent` item ends the
  // wait. Empty if the queue is closed and empty.
  template <class Urgent>
  std::vector<T> pop_batch(std::size_t max, std::chrono::milliseconds linger, Urgent urgent) {
    std::vector<T> batch;
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return closed_ || !items_.empty(); });
    const auto deadline = std::chrono::steady_clock::now() + linger;
    while (true) {
      while (!items_.empty() && batch.size() < max) {
        batch.push_back(std::move(items_.front()));
        items_.pop_front();
      }
      not_full_.notify_all();
      if (batch.size() == max || closed_ || std::ranges::any_of(batch, urgent)) return batch;
      if (!not_empty_.wait_until(lock, deadline, [&] { return closed_ || !items_.empty(); }))
        return batch;
    }
  }

  // Consumers still get the items that are left.
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    not_empty_.notify_all();
  }

 private:
  std::optional<T> take(std::unique_lock<std::mutex>& lock) {
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    lock.unlock();
    not_full_.notify_one();
    return item;
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::condition_variable not_full_;
  std::deque<T> items_;  // guarded by mutex_
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace classifier
