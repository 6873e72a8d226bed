// Detects steps that hang.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace classifier {

// Thread-safe.
class Watchdog {
 public:
  // Called with the description of the step. A thread cannot be ended, so this ends the process.
  using OnHang = std::function<void(const std::string& what)>;

  // `limit`: of one step; 0: no limit.
  Watchdog(std::chrono::milliseconds limit, OnHang on_hang);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Watches a step while this object exists. nullptr: the step is not watched.
  class Watch {
   public:
    Watch(Watchdog* watchdog, std::string what);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Watchdog* watchdog_;
    std::uint64_t id_ = 0;
  };

 private:
  struct Step {
    std::string what;
    int looks = 0;  // at which it was running
  };

  void run(const std::stop_token& stop);
  void look();

  std::chrono::milliseconds limit_;
  OnHang on_hang_;
  std::mutex mutex_;
  std::uint64_t next_ = 0;               // guarded by mutex_
  std::map<std::uint64_t, Step> steps_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace classifier
