// Pictures that are the same: which are, and which of them is worth keeping. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "domain/seen_image.hpp"

namespace classifier {

// The normalized cross-correlation of two looks, -1 to 1: 1 where both are flat and about equally
// bright.
float correlation(const Look& a, const Look& b);

// How much less than asked for the cosine of two pictures may be, if their pixels say that they are
// the same: models are disturbed by what is small.
constexpr float kCosineSlack = 0.05F;

// How alike two pictures are, the greater of the cosine of what a model saw and of the correlation
// of their looks; nullopt where they are not the same picture: the correlation is below 0.9, the
// cosine below `min_similarity` - kCosineSlack, or both below `min_similarity`. Models see what is
// in a picture, so they take two different beaches for alike; looks tell them apart.
std::optional<float> same_picture(float cosine, const Look& a, const Look& b, float min_similarity);

struct Picture {
  std::int64_t pixels = 0;
  std::uint64_t bytes = 0;
  float sharpness = 0;    // see Look
  std::size_t files = 0;  // that have this content; 0: it is gone
};

struct AlikePair {
  std::size_t a = 0;  // positions in the list of pictures
  std::size_t b = 0;
  float similarity = 0;
};

// Why the first of a group is the one to keep.
enum class Kept {
  kFirst,  // the files are identical, and it was added first
  kLargest,
  kSharpest,         // of those with most pixels, clearly
  kLeastCompressed,  // of those, and of these the sharp ones
};

struct AlikeGroup {
  Kept why = Kept::kFirst;
  // Positions in the list of pictures, the one to keep first, and their similarity to that one.
  std::vector<std::pair<std::size_t, float>> members;
};

// Groups of at least two files, those first whose other files take most bytes. Each picture is in a
// pair with the first of its group: not only with one that is.
std::vector<AlikeGroup> group_alike(std::span<const Picture> pictures,
                                    std::span<const AlikePair> pairs);

// "the largest: 4000 × 3000", of the picture that is kept.
std::string reason_to_keep(Kept why, int width, int height);

}  // namespace classifier
