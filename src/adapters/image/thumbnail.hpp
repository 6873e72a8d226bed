// Thumbnails, and the JPEG encoder for them.
#pragma once

#include <string>

#include "adapters/image/decode.hpp"
#include "domain/error.hpp"

namespace classifier {

// An upright JPEG whose longer side has at most `longest_side` pixels; smaller images keep their
// size. Errors: see decode_image.
Result<std::string> make_thumbnail(ImageBytes bytes, int longest_side, const DecodeLimits& limits);

// A JPEG file with chroma subsampling 4:2:0. `quality` is 1 to 100.
Result<std::string> encode_jpeg(const RgbImage& image, int quality);

}  // namespace classifier
