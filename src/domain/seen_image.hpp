// What a model saw in an image.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace classifier {

// The most labels of a classifier that are kept of an image: no job asks for more.
constexpr std::size_t kMostTop = 10;

struct ScoredLabel {
  std::uint32_t label = 0;  // position in the model's list of labels
  float score = 0;          // probability
  friend bool operator==(const ScoredLabel&, const ScoredLabel&) = default;
};

// How an image looks, for comparing it with others: of the part that the model sees.
struct Look {
  static constexpr int kSide = 16;
  // Brightness from 0 to 255, [kSide, kSide], each the mean of the channels of its part of the
  // image.
  std::array<std::uint8_t, std::size_t{kSide} * kSide> brightness{};
  // Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), the mean over the channels, which
  // is low for blurred images. Comparable only between images of the same model.
  float sharpness = 0;
  friend bool operator==(const Look&, const Look&) = default;
};

// All that a model needs to answer for an image again. Every value of `vector` is one of the
// numbers of 16 bits (domain/half.hpp), so that it is the same after it was stored.
struct SeenImage {
  // The embedding (image-text models), or the features before the last layer (classifiers; empty
  // where its graph does not show them). Length 1.
  std::vector<float> vector;
  std::vector<ScoredLabel> top;  // of a classifier, by falling score; min(kMostTop, labels)
  Look look;
  std::string warning;  // see PreparedImage
  friend bool operator==(const SeenImage&, const SeenImage&) = default;
};

}  // namespace classifier
