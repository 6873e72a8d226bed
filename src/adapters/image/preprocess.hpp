// From an image file to what a model takes: decode, resize the shorter side, cut out the centre,
// turn upright.
#pragma once

#include "adapters/image/decode.hpp"
#include "adapters/image/resize.hpp"
#include "domain/error.hpp"
#include "ports/classifier.hpp"

namespace classifier {

// As torchvision's Resize(shortest_side) and CenterCrop((height, width)).
struct ResizeRule {
  int shortest_side = 256;  // pixels, at least the larger side of the crop
  Interpolation interpolation = Interpolation::kBilinear;
  int width = 224;
  int height = 224;
};

// The centre crop, RGB [height, width, 3]. Errors as decode_image. `scaled_decoding` lets JPEGs be
// decoded smaller, which is up to twice as fast and changes pixels by little.
Result<PreparedImage> prepare_image(ImageBytes bytes, const ResizeRule& rule,
                                    const DecodeLimits& limits, bool scaled_decoding = true);

}  // namespace classifier
