// A bounded cache that drops the least recently used values.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace classifier {

// The capacity limits the sum of the weights of the values, such as their bytes, or their number if
// each weighs 1. Thread-safe.
template <class Key, class T>
class LruCache {
 public:
  explicit LruCache(std::size_t capacity) : capacity_(capacity) {}

  // Null if there is none.
  std::shared_ptr<const T> find(const Key& key) {
    const std::scoped_lock lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }

  // Returns the value that all callers share: the earlier one if another thread has inserted one. A
  // value that weighs more than the capacity is returned, but not kept.
  std::shared_ptr<const T> insert(const Key& key, T value, std::size_t weight = 1) {
    auto shared = std::make_shared<const T>(std::move(value));
    const std::scoped_lock lock(mutex_);
    if (const auto found = places_.find(key); found != places_.end()) return found->second->value;
    if (weight > capacity_) return shared;
    entries_.push_front({key, shared, weight});
    places_[key] = entries_.begin();
    weight_ += weight;
    while (weight_ > capacity_) {
      weight_ -= entries_.back().weight;
      places_.erase(entries_.back().key);
      entries_.pop_back();
    }
    return shared;
  }

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const T> value;
    std::size_t weight;
  };
  const std::size_t capacity_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first; guarded by mutex_
  std::unordered_map<Key, typename std::list<Entry>::iterator> places_;  // guarded by mutex_
  std::size_t weight_ = 0;                                               // guarded by mutex_
};

}  // namespace classifier
