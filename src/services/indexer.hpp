// Has the model for search see images before anybody asks, and forgets what is gone.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "ports/catalogue.hpp"
#include "ports/content_changes.hpp"
#include "ports/embedding_store.hpp"
#include "services/seeing.hpp"

namespace classifier {

struct IndexState {
  std::string model;
  std::int64_t indexed = 0;  // images that search finds
  std::int64_t total = 0;    // images of the catalogue
  std::int64_t pending = 0;  // contents that wait to be seen
  bool busy = false;         // some are being seen now, or will be once there is time
};

// Thread-safe.
class Indexer {
 public:
  struct Ports {
    Catalogue& catalogue;
    ContentChanges& changes;
    EmbeddingStore& embeddings;
  };
  static constexpr std::chrono::milliseconds kPause{500};

  // `seeing` may be null, for a process without models: then it only forgets. `idle` says whether
  // nobody else needs the processor, and is asked before each few images. Without `uploads` only
  // index_all() has images seen.
  Indexer(Ports ports, Seeing* seeing, std::function<bool()> idle, bool uploads,
          std::chrono::milliseconds pause = kPause)
      : ports_(ports), seeing_(seeing), idle_(std::move(idle)), uploads_(uploads), pause_(pause) {}

  void start();
  // After the images that are being seen.
  void stop();

  // Has every image seen that the model does not remember. kUnavailable: there is no model.
  Result<void> index_all();

  // Loads the model.
  Result<IndexState> state();

 private:
  struct Counted {
    std::string version;  // of the catalogue
    std::int64_t seen = 0;
    std::chrono::steady_clock::time_point at;
    std::chrono::steady_clock::duration took{};
    std::string fingerprint;
    std::int64_t indexed = 0;
  };

  void run(const std::stop_token& stop);
  // Returns whether there was something to do.
  bool see_some(const std::stop_token& stop);
  void forget_gone();
  Result<void> visit_images(const SearchModel& model,
                            const std::function<void(const std::string&, bool known)>& use);
  Result<std::int64_t> count_indexed(const SearchModel& model);
  void complain(std::string_view what, const Error& error);

  const Ports ports_;
  Seeing* const seeing_;
  const std::function<bool()> idle_;
  const bool uploads_;
  const std::chrono::milliseconds pause_;
  std::atomic<bool> wanted_{false};    // index_all() was called, and contents wait
  std::atomic<std::int64_t> seen_{0};  // contents
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;              // guarded by mutex_
  bool counting_ = false;           // guarded by mutex_
  std::optional<Counted> counted_;  // guarded by mutex_
  std::string complained_;          // guarded by mutex_
  std::jthread thread_;
};

}  // namespace classifier
