#include "services/thumbnail_maker.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <tuple>
#include <utility>

#include "support/pause.hpp"
#include "support/stopwatch.hpp"

namespace classifier {
namespace {

constexpr int kLowestPriority = 19;
// Seconds. Of an image that takes longer, nothing more is made: others may wait for its memory.
constexpr double kLongest = 1;

}  // namespace

ThumbnailMaker::ThumbnailMaker(ImageService& images, std::function<bool()> idle,
                               std::size_t capacity, std::chrono::milliseconds pause)
    : images_(images), idle_(std::move(idle)), capacity_(capacity), pause_(pause) {}

void ThumbnailMaker::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void ThumbnailMaker::stop() { thread_ = {}; }

void ThumbnailMaker::offer(std::string key) {
  {
    const std::scoped_lock lock(mutex_);
    last_offer_ = std::chrono::steady_clock::now();
    if (keys_.size() >= capacity_) return;
    keys_.push_back(std::move(key));
  }
  offered_.notify_one();
}

void ThumbnailMaker::run(const std::stop_token& stop) {
  // On Linux the niceness belongs to the thread. If it cannot be raised, nothing else changes.
  std::ignore = ::nice(kLowestPriority);
  while (true) {
    std::string key;
    {
      std::unique_lock lock(mutex_);
      if (!offered_.wait(lock, stop, [this] { return !keys_.empty(); })) return;
      key = std::move(keys_.front());
      keys_.pop_front();
    }
    make(key, stop);
  }
}

bool ThumbnailMaker::uploads_go_on() {
  const std::scoped_lock lock(mutex_);
  return std::chrono::steady_clock::now() < last_offer_ + 4 * pause_;
}

void ThumbnailMaker::make(const std::string& key, const std::stop_token& stop) {
  for (const int size : kPageThumbnails) {
    while (!idle_() || uploads_go_on()) {
      if (!classifier::pause(pause_, stop)) return;
    }
    if (stop.stop_requested()) return;
    const Stopwatch watch;
    const auto made = images_.thumbnail(key, size);
    if (!made) {
      // Such as an image that was deleted meanwhile, or is none.
      spdlog::debug("no thumbnail of {} was made in advance: {}", key, made.error().message);
      return;
    }
    if (watch.seconds() > kLongest) return;
  }
}

}  // namespace classifier
