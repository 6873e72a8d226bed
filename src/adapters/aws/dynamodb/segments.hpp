// Where the images of a job are stored: spread over partitions, so that images that are done at the
// same time are written to different ones.
#pragma once

#include <algorithm>
#include <cstdint>

namespace classifier::aws {

// Blocks of consecutive images are dealt out over up to kStripes segments; a segment is one
// partition of the table.
class Segments {
 public:
  static constexpr std::int64_t kBlock = 8'192;
  static constexpr std::int64_t kStripes = 16;
  static constexpr std::int64_t kStripeImages = kBlock / kStripes;

  // `total` images in the job, at least 1.
  explicit Segments(std::int64_t total) : total_(total) {}

  std::int64_t blocks() const { return (total_ + kBlock - 1) / kBlock; }

  // Segments that the block has, 1 to kStripes; their numbers go up from `block * kStripes`.
  std::int64_t stripes(std::int64_t block) const {
    const std::int64_t images = std::min(kBlock, total_ - block * kBlock);
    return std::clamp<std::int64_t>((images + kStripeImages - 1) / kStripeImages, 1, kStripes);
  }

  std::int64_t segment_of(std::int64_t index) const {
    const std::int64_t block = index / kBlock;
    return block * kStripes + index % kBlock % stripes(block);
  }

  // Which key of its segment an image's is.
  std::int64_t position_of(std::int64_t index) const {
    return index % kBlock / stripes(index / kBlock);
  }

 private:
  std::int64_t total_;
};

}  // namespace classifier::aws
