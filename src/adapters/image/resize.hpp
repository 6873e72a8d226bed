// One antialiased resize: separable convolution whose kernel widens with the reduction, as Pillow
// does it, so that models see what they were trained on.
#pragma once

#include "adapters/image/image.hpp"

namespace classifier {

enum class Interpolation { kBilinear, kBicubic };  // bicubic: Keys (1981) with a = -0.5

// A part of the resized image, in its pixels.
struct CropWindow {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

// Resizes `image` to `width` × `height` and returns only `window` of it; nothing else is computed.
// All sizes are at least 1 and the window lies inside. The passes run in the other order than
// Pillow's, so roundings differ: by 0.2 of 255 on average over the golden crops, by at most 5.
// `simd` false leaves out what only some processors have; the pixels are the same.
RgbImage resize(const RgbImage& image, int width, int height, Interpolation interpolation,
                const CropWindow& window, bool simd = true);

}  // namespace classifier
