#include "services/image_memory.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "support/sha256.hpp"

namespace classifier {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMostAtOnce = 512;
// About 4 kB each. Where storing cannot keep up, callers wait.
constexpr std::size_t kMostWaiting = 4'096;
constexpr std::chrono::minutes kComplainAgain{1};

}  // namespace

ImageMemory::ImageMemory(Classifier& classifier, EmbeddingStore& store, ContentHashes* hashes,
                         std::chrono::milliseconds gather)
    : classifier_(classifier),
      store_(store),
      hashes_(hashes),
      gather_(gather),
      complained_at_(steady_clock::now() - kComplainAgain),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ImageMemory::~ImageMemory() { thread_ = {}; }

std::string ImageMemory::fingerprint(const std::string& model) {
  auto fingerprint = classifier_.fingerprint(model);
  // The image will meet the same error.
  return fingerprint ? std::move(*fingerprint) : std::string();
}

std::vector<std::optional<KnownContent>> ImageMemory::contents(std::span<const std::string> keys) {
  if (hashes_ == nullptr) return std::vector<std::optional<KnownContent>>(keys.size());
  auto found = hashes_->find(keys);
  if (found) return std::move(*found);
  complain("finding the contents of images", found.error());
  return std::vector<std::optional<KnownContent>>(keys.size());
}

std::string ImageMemory::content_of(const std::string& key,
                                    const std::optional<KnownContent>& before,
                                    std::span<const std::byte> bytes, const std::string& version) {
  if (before && hashes_ != nullptr) {
    const bool same = version.empty() ? hashes_->is_current(key, before->version).value_or(false)
                                      : version == before->version;
    if (same) return before->sha256;
  }
  Sha256 hash;
  hash.add(bytes);
  std::string content = hash.finish();
  if (hashes_ != nullptr && !version.empty()) {
    std::unique_lock lock(mutex_);
    stored_.wait(lock, [this] { return found_.size() < kMostWaiting; });
    found_.push_back({.key = key, .content = {.sha256 = content, .version = version}});
    ++num_remembered_;
  }
  added_.notify_one();
  return content;
}

std::vector<std::optional<SeenImage>> ImageMemory::recall(const std::string& fingerprint,
                                                          std::span<const std::string> contents) {
  std::vector<std::optional<SeenImage>> recalled(contents.size());
  std::vector<std::string> others;
  {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < contents.size(); ++i) {
      for (const auto* const all : {&waiting_, &storing_}) {
        const auto of_model = all->find(fingerprint);
        if (of_model == all->end()) continue;
        if (const auto seen = of_model->second.find(contents[i]); seen != of_model->second.end())
          recalled[i] = seen->second;
      }
    }
  }
  for (std::size_t i = 0; i < contents.size(); ++i) {
    if (!recalled[i]) others.push_back(contents[i]);
  }
  if (others.empty()) return recalled;
  auto found = store_.get(fingerprint, others);
  if (!found) {
    complain("reading what was remembered", found.error());
    return recalled;
  }
  auto next = found->begin();
  for (auto& seen : recalled) {
    if (!seen) seen = std::move(*next++);
  }
  return recalled;
}

void ImageMemory::remember(const std::string& fingerprint, const std::string& content,
                           const SeenImage& seen) {
  {
    std::unique_lock lock(mutex_);
    stored_.wait(lock, [this] { return num_waiting_ < kMostWaiting; });
    if (waiting_[fingerprint].try_emplace(content, seen).second) {
      ++num_waiting_;
      ++num_remembered_;
    }
  }
  added_.notify_one();
}

void ImageMemory::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = num_remembered_;
  ++flushing_;
  added_.notify_all();
  stored_.wait(lock, [&] { return num_stored_ >= wanted; });
  --flushing_;
}

void ImageMemory::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto any = [this] { return num_waiting_ > 0 || !found_.empty(); };
  while (added_.wait(lock, stop, any)) {
    added_.wait_for(lock, stop, gather_,
                    [this] { return num_waiting_ >= kMostAtOnce || flushing_ > 0; });
    store(lock);
  }
  if (any()) store(lock);
}

void ImageMemory::store(std::unique_lock<std::mutex>& lock) {
  storing_ = std::exchange(waiting_, {});
  const std::uint64_t stored = num_remembered_;
  const std::vector<FoundContent> found = std::exchange(found_, {});
  lock.unlock();
  // Only this thread changes storing_.
  for (const auto& [fingerprint, images] : storing_) {
    std::vector<Remembered> all;
    all.reserve(images.size());
    for (const auto& [content, seen] : images) all.push_back({content, seen});
    for (std::span<const Remembered> rest = all; !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), kMostAtOnce));
      if (auto put = store_.put(fingerprint, some); !put)
        complain("remembering images", put.error());
      rest = rest.subspan(some.size());
    }
  }
  // After what was seen: a content that is known leads to it.
  if (!found.empty()) {
    if (auto put = hashes_->put(found); !put)
      complain("remembering the contents of images", put.error());
  }
  lock.lock();
  storing_.clear();
  num_stored_ = stored;
  num_waiting_ = 0;
  for (const auto& [fingerprint, images] : waiting_) num_waiting_ += images.size();
  stored_.notify_all();
}

void ImageMemory::complain(std::string_view what, const Error& error) {
  {
    const std::scoped_lock lock(mutex_);
    if (steady_clock::now() < complained_at_ + kComplainAgain) return;
    complained_at_ = steady_clock::now();
  }
  spdlog::warn("{} failed, so they are looked at again: {}", what, error.message);
}

}  // namespace classifier
