// Antialiased resizing by a separable convolution whose kernel widens with the reduction. This is
// Pillow's method, so that models get the pixels that they were trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "adapters/image/image.hpp"

namespace classifier {

// Bicubic: Keys, "Cubic convolution interpolation for digital image processing" (1981), a = -0.5.
enum class Interpolation { kBilinear, kBicubic };

// A part of the resized image, in pixels.
struct CropWindow {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

// Resizes `image` to `width` × `height`, and computes and returns only `window` of the result. All
// sizes must be at least 1, and the window inside the result. The passes have the opposite order of
// Pillow's, so rounding differs: in the golden crops by 0.2 of 255 on average and at most 5. `simd`
// = false does not use AVX2; the pixels are the same.
RgbImage resize(const RgbImage& image, int width, int height, Interpolation interpolation,
                const CropWindow& window, bool simd = true);

// The same of an image whose rows come one after another, from the top.
class RowResizer {
 public:
  RowResizer(int in_width, int in_height, int width, int height, Interpolation interpolation,
             const CropWindow& window, bool simd = true);
  ~RowResizer();
  RowResizer(RowResizer&&) = delete;

  // Bytes that a resizer takes, and the rows that its caller must keep for it; about.
  static std::uint64_t memory(int in_width, int in_height, int width, int height,
                              Interpolation interpolation, const CropWindow& window);

  // So many of the rows that were added last must stay as they are.
  std::size_t rows_in_use() const;
  // `row` is [in_width, 3]. All rows must be added.
  void add(const std::uint8_t* row);
  RgbImage take();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
