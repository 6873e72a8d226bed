// Image files to pixels: JPEG (also CMYK and progressive), PNG, GIF and animated WebP (first
// frame), WebP, BMP. The content decides what a file is, never its name. Transparency is laid on
// white.
#pragma once

#include <cstddef>
#include <span>

#include "adapters/image/image.hpp"
#include "domain/error.hpp"

namespace classifier {

using ImageBytes = std::span<const std::byte>;

// kUndecodable for an empty file, kTooLarge for one over the limit of bytes.
Result<void> check_file_size(ImageBytes bytes, const DecodeLimits& limits);

// Reads the header only. Errors as decode_image.
Result<ImageInfo> probe_image(ImageBytes bytes, const DecodeLimits& limits);

struct DecodedImage {
  RgbImage image;
  int orientation = 1;  // still to be applied: see orient()
};

// Decodes the whole image. A JPEG may come smaller, by the largest of 1/2, 1/4 and 1/8 that leaves
// its shorter side at `min_shortest_side` or more: the decoder leaves out what a resize to that
// size would throw away. 0: full size. kUnsupported: not one of the formats; kTooLarge: over a
// limit; kUndecodable: empty, truncated or damaged.
Result<DecodedImage> decode_image(ImageBytes bytes, const DecodeLimits& limits,
                                  int min_shortest_side = 0);

// The image turned and mirrored so that it stands upright.
RgbImage orient(RgbImage image, int orientation);

}  // namespace classifier
