// Finds images that are the same picture: identical files, and resized, recompressed, or slightly
// cropped or turned copies.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ports/catalogue.hpp"
#include "ports/content_changes.hpp"
#include "ports/embedding_store.hpp"
#include "ports/vector_index.hpp"
#include "services/alike.hpp"
#include "services/seeing.hpp"

namespace classifier {

struct DuplicateImage {
  CatalogueEntry entry;
  float similarity = 1;  // to the first of the group, see same_picture()
};

struct DuplicateGroup {
  bool identical = false;              // all have the same content
  std::vector<DuplicateImage> images;  // at least two; the one to keep first
  std::string reason;                  // why that one
};

struct DuplicatesPage {
  std::vector<DuplicateGroup> groups;  // those first whose copies take most bytes
  std::int64_t total = 0;              // groups, before what was deleted since they were found
  std::size_t next = 0;                // where the next page begins; 0: there is none
};

// Thread-safe.
class DuplicatesService {
 public:
  static constexpr float kLeast = 0.8F;

  struct Ports {
    Catalogue& catalogue;
    ContentChanges& changes;
    EmbeddingStore& embeddings;
    VectorIndex& vectors;
    Seeing& seeing;
  };
  explicit DuplicatesService(Ports ports) : ports_(ports) {}
  // Ends what is being looked for.
  ~DuplicatesService();
  DuplicatesService(const DuplicatesService&) = delete;
  DuplicatesService& operator=(const DuplicatesService&) = delete;

  // Groups from `offset` on, up to `limit`, of images whose similarity to the first of their group
  // is at least `min_similarity`. Identical files are found in all images, the others among those
  // that are indexed. Looks for them in a thread of its own, and waits up to `patience`:
  // kUnavailable where that is not enough, to be asked again.
  Result<DuplicatesPage> find(float min_similarity, std::size_t offset, std::size_t limit,
                              std::chrono::milliseconds patience);

 private:
  struct Member {
    std::string content;
    float similarity = 1;
  };
  struct Group {
    Kept why = Kept::kFirst;
    std::vector<Member> members;  // contents, the one to keep first
  };
  struct Groups {
    float min_similarity = 0;
    std::string version;  // of the catalogue, when they were looked for
    std::chrono::steady_clock::time_point at;
    std::chrono::steady_clock::duration took{};
    Result<void> outcome;
    std::vector<Group> groups;
  };

  bool is_fresh(const Groups& groups, float min_similarity, const std::string& version) const;
  void look(float min_similarity, const std::string& version);
  Result<std::vector<Group>> groups_of(float min_similarity);
  Result<void> confirm_pairs(const SearchModel& model, const std::vector<std::string>& contents,
                             std::size_t begin, std::vector<AlikePair>& pairs,
                             std::unordered_map<std::size_t, Look>& looks, float min_similarity);
  Result<DuplicateGroup> resolve(const Group& group);

  const Ports ports_;
  std::mutex mutex_;
  std::condition_variable found_;
  std::shared_ptr<const Groups> groups_;  // guarded by mutex_
  bool looking_ = false;                  // guarded by mutex_
  std::atomic<bool> stopping_{false};
  std::jthread thread_;  // guarded by mutex_
};

}  // namespace classifier
