// The port to search among what an image-text model saw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"

namespace classifier {

struct Neighbour {
  std::string sha256;    // of the content, 64 hexadecimal digits
  float similarity = 0;  // cosine, -1 to 1
};

// Thread-safe. `model` is Classifier::fingerprint. What was put into the EmbeddingStore before a
// call is found by it. Contents that were forgotten may be found for a moment. Errors: those of
// EmbeddingStore.
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;

  // The `count` contents whose vectors are nearest to `query`, which has length 1 and as many
  // numbers as the vectors, by falling similarity. Fewer where fewer are indexed. Exact among the
  // first ones that are asked for, and close to it where the similarity differs by less than 0.01.
  virtual Result<std::vector<Neighbour>> nearest(std::string_view model,
                                                 std::span<const float> query,
                                                 std::size_t count) = 0;

  // Calls `use`, from one thread at a time, with pairs of different contents whose cosine is at
  // least `min_similarity`, in any order; of large sets it may miss a few. Ends early once
  // `stopped` returns true.
  virtual Result<void> similar_pairs(
      std::string_view model, float min_similarity,
      const std::function<void(const std::string& a, const std::string& b, float similarity)>& use,
      const std::function<bool()>& stopped) = 0;
};

}  // namespace classifier
