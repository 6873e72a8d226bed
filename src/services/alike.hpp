// Pictures that are the same: which are, and which of them is worth keeping. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "domain/seen_image.hpp"

namespace classifier {

// Whether two looks are of the same picture: their normalized cross-correlation is at least 0.9, or
// both are flat and about equally bright. Models see what is in a picture, so they take two
// different beaches for alike; looks tell them apart.
bool look_the_same(const Look& a, const Look& b);

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
