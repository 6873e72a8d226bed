// The port to what models saw in images, so that no image is decoded or run twice for a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/seen_image.hpp"

namespace classifier {

// What a model saw in a content.
struct Remembered {
  std::string sha256;  // of the content, 64 hexadecimal digits in lower case
  SeenImage seen;
};

// Thread-safe; several processes may use the same store. `model` is Classifier::fingerprint. What
// is in the store may go at any time, such as the parts that were not used for the longest time
// where it is full: that costs time only, so no promise is made after a crash but that what is
// returned is what was put. Errors: kUnavailable for transient failures, kExhausted where there is
// no space, kInternal where the store is damaged.
class EmbeddingStore {
 public:
  virtual ~EmbeddingStore() = default;

  // For each content what the model saw in it, if that is remembered, in order.
  virtual Result<std::vector<std::optional<SeenImage>>> get(
      std::string_view model, std::span<const std::string> contents) = 0;

  // For each content whether get() would return something, in order.
  virtual Result<std::vector<bool>> has(std::string_view model,
                                        std::span<const std::string> contents) = 0;

  // Adds to what is remembered. Contents that are remembered stay as they are.
  virtual Result<void> put(std::string_view model, std::span<const Remembered> images) = 0;

  // Forgets the contents, for all models; passes over those that are not remembered.
  virtual Result<void> forget(std::span<const std::string> contents) = 0;
};

}  // namespace classifier
