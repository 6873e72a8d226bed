// Prepares image files for a model: decodes, resizes, crops the centre, and applies the
// orientation.
#pragma once

#include "adapters/image/decode.hpp"
#include "adapters/image/resize.hpp"
#include "domain/error.hpp"
#include "ports/classifier.hpp"

namespace classifier {

// torchvision's Resize(shortest_side) followed by CenterCrop((height, width)).
struct ResizeRule {
  int shortest_side = 256;  // pixels, at least the larger side of the crop
  Interpolation interpolation = Interpolation::kBilinear;
  int width = 224;  // of the crop
  int height = 224;
};

// The upright centre crop, RGB [height, width, 3]. Errors: see decode_image. With
// `scaled_decoding`, JPEGs may be decoded at a smaller scale, which is up to twice as fast and
// changes pixels slightly.
Result<PreparedImage> prepare_image(ImageBytes bytes, const ResizeRule& rule,
                                    const DecodeLimits& limits, bool scaled_decoding = true);

}  // namespace classifier
