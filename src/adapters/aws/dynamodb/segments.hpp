// How the images of a job are spread over partitions: images that are done at about the same time
// are written to different ones.
#pragma once

#include <algorithm>
#include <cstdint>

namespace classifier::aws {

// Each block of kBlock consecutive images is distributed over up to kStripes segments, in turn. A
// segment is one partition of the table.
class Segments {
 public:
  static constexpr std::int64_t kBlock = 8'192;
  static constexpr std::int64_t kStripes = 16;
  static constexpr std::int64_t kStripeImages = kBlock / kStripes;

  // `total`: the number of images of the job, at least 1.
  explicit Segments(std::int64_t total) : total_(total) {}

  std::int64_t blocks() const { return (total_ + kBlock - 1) / kBlock; }

  // The number of segments of a block, 1 to kStripes; the first is segment `block * kStripes`.
  std::int64_t stripes(std::int64_t block) const {
    const std::int64_t images = std::min(kBlock, total_ - block * kBlock);
    return std::clamp<std::int64_t>((images + kStripeImages - 1) / kStripeImages, 1, kStripes);
  }

  std::int64_t segment_of(std::int64_t index) const {
    const std::int64_t block = index / kBlock;
    return block * kStripes + index % kBlock % stripes(block);
  }

  // The position of an image's key in its segment.
  std::int64_t position_of(std::int64_t index) const {
    return index % kBlock / stripes(index / kBlock);
  }

 private:
  std::int64_t total_;
};

}  // namespace classifier::aws
