// Remembers the values that were used last, for a few hundred keys.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace classifier::aws {

// Thread-safe.
template <class T>
class SmallCache {
 public:
  explicit SmallCache(std::size_t capacity) : capacity_(capacity) {}

  std::shared_ptr<const T> find(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  // The value that counts: an earlier one where another thread was quicker.
  std::shared_ptr<const T> insert(const std::string& key, T value) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = places_.find(key); found != places_.end()) return found->second->second;
    entries_.emplace_front(key, std::make_shared<const T>(std::move(value)));
    places_[key] = entries_.begin();
    if (entries_.size() > capacity_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    return entries_.front().second;
  }

 private:
  using Entries = std::list<std::pair<std::string, std::shared_ptr<const T>>>;
  const std::size_t capacity_;
  std::mutex mutex_;
  Entries entries_;  // used last first; guarded by mutex_
  std::unordered_map<std::string, typename Entries::iterator> places_;  // guarded by mutex_
};

}  // namespace classifier::aws
