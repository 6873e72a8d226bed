// The decoders behind decode_image(), one for each format. Each passes the size in the header to
// check_size() before it allocates pixels.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "adapters/image/decode.hpp"
#include "adapters/image/image.hpp"
#include "domain/error.hpp"

namespace classifier::codecs {

using Deadline = std::chrono::steady_clock::time_point;

Result<ImageInfo> probe_jpeg(ImageBytes bytes);
Result<RgbImage> decode_jpeg(ImageBytes bytes, const DecodeLimits& limits, int min_shortest_side,
                             int& orientation);
Result<ImageInfo> probe_png(ImageBytes bytes);
Result<RgbImage> decode_png(ImageBytes bytes, const DecodeLimits& limits, int& orientation);
Result<ImageInfo> probe_gif(ImageBytes bytes);
Result<RgbImage> decode_gif(ImageBytes bytes, const DecodeLimits& limits);
Result<ImageInfo> probe_webp(ImageBytes bytes);
Result<RgbImage> decode_webp(ImageBytes bytes, const DecodeLimits& limits, int& orientation);
Result<ImageInfo> probe_bmp(ImageBytes bytes);
Result<RgbImage> decode_bmp(ImageBytes bytes, const DecodeLimits& limits);

// The orientation (Exif 2.32, tag 0x0112) in a TIFF block, "II*\0…" or "MM\0*…": 1 to 8; 1 where
// there is none or the block is damaged.
int exif_orientation(std::span<const std::uint8_t> tiff);

// kUndecodable where a side is below 1; kTooLarge where there are more pixels than the limit.
Result<void> check_size(ImageFormat format, std::int64_t width, std::int64_t height,
                        const DecodeLimits& limits);

std::unexpected<Error> damaged(ImageFormat format, const std::string& what);
std::unexpected<Error> truncated(ImageFormat format);
// kExhausted, so that the image is retried.
std::unexpected<Error> out_of_memory();

// A colour with opacity `alpha`, 0 to 255, over white.
inline std::uint8_t over_white(std::uint8_t colour, std::uint8_t alpha) {
  const unsigned value = colour * alpha + 255U * (255U - alpha);
  return static_cast<std::uint8_t>((value + 127) / 255);
}

// RGBA pixels over white. `rgba` has width × height × 4 bytes.
RgbImage flatten(int width, int height, const std::uint8_t* rgba);

inline const std::uint8_t* data_of(ImageBytes bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

}  // namespace classifier::codecs
