// Remembers what models saw in images, so that an image is decoded and run once for a model.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "domain/job.hpp"
#include "ports/classifier.hpp"
#include "ports/content_hashes.hpp"
#include "ports/embedding_store.hpp"

namespace classifier {

// Thread-safe. Nothing here fails: what cannot be remembered or recalled is seen again, and the log
// says why, once a minute at most.
class ImageMemory {
 public:
  static constexpr std::chrono::milliseconds kGather{200};

  // The classifier and the stores outlive it. `hashes` may be null: then contents are known only
  // once they are read. What comes within `gather` is stored together.
  ImageMemory(Classifier& classifier, EmbeddingStore& store, ContentHashes* hashes,
              std::chrono::milliseconds gather = kGather);
  // Stores what is left to store.
  ~ImageMemory();
  ImageMemory(const ImageMemory&) = delete;
  ImageMemory& operator=(const ImageMemory&) = delete;

  // The fingerprint of the model; empty where nothing of it is remembered. Loads it.
  std::string fingerprint(const std::string& model);

  // The contents of the keys, as far as they are known.
  std::vector<std::optional<KnownContent>> contents(std::span<const std::string> keys);

  // The content of bytes that were just read from the object of the key: `before`, if the object
  // had it before and is the same still, else their SHA-256. `version` is that of the bytes, empty
  // where it is not known; their content is known by key from then on if it is.
  std::string content_of(const std::string& key, const std::optional<KnownContent>& before,
                         std::span<const std::byte> bytes, const std::string& version = {});

  // What the model saw in each content, if that is remembered, in order.
  std::vector<std::optional<SeenImage>> recall(const std::string& fingerprint,
                                               std::span<const std::string> contents);

  // Recalled from now on; stored soon, together with others.
  void remember(const std::string& fingerprint, const std::string& content, const SeenImage& seen);

  // Waits until what was remembered before is stored.
  void flush();

 private:
  using Waiting = std::unordered_map<std::string, SeenImage>;  // by content

  void run(const std::stop_token& stop);
  // Stores what waits; `lock` is of mutex_.
  void store(std::unique_lock<std::mutex>& lock);
  void complain(std::string_view what, const Error& error);

  Classifier& classifier_;
  EmbeddingStore& store_;
  ContentHashes* hashes_;
  const std::chrono::milliseconds gather_;
  std::mutex mutex_;
  std::condition_variable_any added_;
  std::condition_variable stored_;
  std::map<std::string, Waiting> waiting_;               // by fingerprint; guarded by mutex_
  std::map<std::string, Waiting> storing_;               // guarded by mutex_
  std::size_t num_waiting_ = 0;                          // guarded by mutex_
  std::uint64_t num_remembered_ = 0;                     // guarded by mutex_
  std::uint64_t num_stored_ = 0;                         // of those; guarded by mutex_
  int flushing_ = 0;                                     // callers; guarded by mutex_
  std::vector<FoundContent> found_;                      // to be put; guarded by mutex_
  std::chrono::steady_clock::time_point complained_at_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace classifier
