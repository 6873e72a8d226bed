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
// All sizes are at least 1 and the window lies inside. Differs from Pillow's result by at most 1 in
// few pixels, as the passes are run in the other order.
RgbImage resize(const RgbImage& image, int width, int height, Interpolation interpolation,
                const CropWindow& window);

}  // namespace classifier
