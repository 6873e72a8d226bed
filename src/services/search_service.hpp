// Finds images by what a model saw in them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ports/catalogue.hpp"
#include "ports/classifier.hpp"
#include "ports/embedding_store.hpp"
#include "ports/vector_index.hpp"
#include "services/indexer.hpp"
#include "services/seeing.hpp"
#include "support/lru_cache.hpp"

namespace classifier {

struct FoundImage {
  CatalogueEntry entry;
  float similarity = 0;  // cosine, -1 to 1
};

struct Found {
  std::vector<FoundImage> images;  // by falling similarity
  // Of a search by text: the least similarity of an image that fits. nullopt: nothing is known.
  std::optional<float> threshold;
  IndexState index;
};

// Thread-safe.
class SearchService {
 public:
  static constexpr std::size_t kMaxText = 1'000;  // bytes
  static constexpr std::size_t kMaxLimit = 1'000;

  struct Ports {
    Catalogue& catalogue;
    Classifier& classifier;
    EmbeddingStore& embeddings;
    VectorIndex& vectors;
    Seeing& seeing;
    Indexer& indexer;
  };
  explicit SearchService(Ports ports) : ports_(ports), texts_(kTexts) {}

  // The images that fit a text best, of those that `filter` admits. kInvalidArgument for a text
  // without letters, or one that is too long; kUnavailable where no model reads texts; kConflict
  // where no image is indexed, though there are some.
  Result<Found> by_text(std::string_view text, const ImageFilter& filter, std::size_t limit);

  // The images that are like an image of the store, which is not among them. Errors of that image.
  Result<Found> like_stored(const std::string& key, const ImageFilter& filter, std::size_t limit);

  // Like one that a caller sent.
  Result<Found> like_given(std::span<const std::byte> image, const ImageFilter& filter,
                           std::size_t limit);

 private:
  static constexpr std::size_t kTexts = 256;

  Result<Found> find(const SearchModel& model, std::span<const float> vector,
                     const ImageFilter& filter, std::size_t limit, std::string_view but);
  Result<std::vector<FoundImage>> among(const SearchModel& model, std::span<const float> vector,
                                        const std::vector<CatalogueEntry>& entries);
  Result<std::vector<FoundImage>> nearest(const SearchModel& model, std::span<const float> vector,
                                          const ImageFilter& filter, std::size_t limit);

  const Ports ports_;
  LruCache<std::string, std::vector<float>> texts_;  // embeddings, by fingerprint and text
};

}  // namespace classifier
