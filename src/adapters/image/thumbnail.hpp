// Small JPEGs of images, for galleries.
#pragma once

#include <string>

#include "adapters/image/decode.hpp"
#include "domain/error.hpp"

namespace classifier {

// A JPEG whose longer side has at most `longest_side` pixels, upright; smaller images keep their
// size. Errors as decode_image.
Result<std::string> make_thumbnail(ImageBytes bytes, int longest_side, const DecodeLimits& limits);

// Encodes with the given quality, 1 to 100.
Result<std::string> encode_jpeg(const RgbImage& image, int quality);

}  // namespace classifier
