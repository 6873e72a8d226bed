// Makes the thumbnails that the page will ask for, while there is nothing else to do.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "services/image_service.hpp"

namespace classifier {

// The sizes that dashboard/src asks for: of the gallery, results, the start of a job, and tables.
constexpr std::array<int, 4> kPageThumbnails = {320, 256, 128, 96};

// Thread-safe. Whatever fails, or is not made before the process ends, is made when it is asked
// for.
class ThumbnailMaker {
 public:
  // How long an image waits where the service is not idle, before it looks again. Nor is it idle
  // for four times as long after an upload, which is rarely the last one.
  static constexpr std::chrono::milliseconds kPause{500};

  // `images` must keep thumbnails, and should make them at a low priority; `idle` says whether
  // nobody else needs the processor, and is asked before each thumbnail. At most `capacity` keys
  // wait.
  ThumbnailMaker(ImageService& images, std::function<bool()> idle, std::size_t capacity = 10'000,
                 std::chrono::milliseconds pause = kPause);

  // Starts the thread, with the lowest priority.
  void start();
  // After the thumbnail that is being made. Keys that wait are forgotten.
  void stop();

  // An image that was uploaded. Dropped where too many wait; never blocks.
  void offer(std::string key);

 private:
  void run(const std::stop_token& stop);
  bool uploads_go_on();
  void make(const std::string& key, const std::stop_token& stop);

  ImageService& images_;
  const std::function<bool()> idle_;
  const std::size_t capacity_;
  const std::chrono::milliseconds pause_;
  std::mutex mutex_;
  std::condition_variable_any offered_;
  std::deque<std::string> keys_;                      // guarded by mutex_
  std::chrono::steady_clock::time_point last_offer_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace classifier
