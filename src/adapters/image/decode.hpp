// Decodes image files: JPEG, PNG, WebP, GIF, BMP, HEIC, AVIF, TIFF, JPEG XL and raw files of
// cameras; of animations the first frame, of several pages the first. The content determines the
// format, not the file's name. Transparent pixels are drawn over white.
#pragma once

#include <cstddef>
#include <span>

#include "adapters/image/image.hpp"
#include "adapters/image/row_sink.hpp"
#include "domain/error.hpp"

namespace classifier {

using ImageBytes = std::span<const std::byte>;

// Loads what decoders otherwise load from files at the first image: libheif has its decoders in
// plugins. A process that gives up its files calls this before.
void load_decoders();

// kUndecodable for an empty file, kTooLarge for one over the limit of bytes.
Result<void> check_file_size(ImageBytes bytes, const DecodeLimits& limits);

// Reads the header only. Errors: see decode_rows.
Result<ImageInfo> probe_image(ImageBytes bytes, const DecodeLimits& limits);

// Decodes an image into the sink. A JPEG is decoded at the smallest of the scales 1, 1/2, 1/4 and
// 1/8 that leaves its shorter side with at least `min_shortest_side` pixels, which saves work that
// a resize would discard; at full size if that is 0. kUnsupported: not one of the formats.
// kTooLarge: exceeds a limit. kUndecodable: empty, or less than half of its pixels can be decoded.
// kExhausted: out of memory. After an error the sink has a part of the rows, or none.
Result<DecodeReport> decode_rows(ImageBytes bytes, const DecodeLimits& limits,
                                 int min_shortest_side, RowSink& sink);

struct DecodedImage {
  RgbImage image;
  int orientation = 1;  // not applied yet: see orient()
  std::string warning;  // see DecodeReport
};

// The whole image.
Result<DecodedImage> decode_image(ImageBytes bytes, const DecodeLimits& limits,
                                  int min_shortest_side = 0);

// Rotates and mirrors the image so that it is upright. `orientation` is Exif's, 1 to 8; other
// values leave the image unchanged.
RgbImage orient(RgbImage image, int orientation);

}  // namespace classifier
