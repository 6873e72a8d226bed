// Decoded images, and limits for decoding.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace classifier {

// RGB, 8 bits for each channel, interleaved, rows from the top.
struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3]

  // The index in `pixels` of the red channel at column x of row y.
  std::size_t offset(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
            static_cast<std::size_t>(x)) *
           3;
  }
};

// All channels of all pixels have the value `fill`.
inline RgbImage make_image(int width, int height, std::uint8_t fill = 0) {
  RgbImage image{.width = width, .height = height, .pixels = {}};
  image.pixels.assign(image.offset(0, height), fill);
  return image;
}

class ColourTransform;

enum class ImageFormat { kJpeg, kPng, kGif, kWebp, kBmp, kHeif, kAvif, kTiff, kJxl, kRaw };
std::string_view to_string(ImageFormat format);  // "JPEG", …

// The content of a file's header.
struct ImageInfo {
  ImageFormat format = ImageFormat::kJpeg;
  int width = 0;  // as stored, before `orientation` is applied
  int height = 0;
  int orientation = 1;  // Exif 2.32, tag 0x0112: 1 to 8, 1 is upright
  // What makes sRGB of the pixels, for whoever has the last of them; null: they are sRGB.
  // Converting the few pixels that a resize leaves costs little, and differs from converting all by
  // rounding and, at edges, by the curve of tones.
  std::shared_ptr<const ColourTransform> colour = nullptr;
};

// What is to be said of an image that was decoded.
struct DecodeReport {
  // A sentence on what is missing or was repaired, such as "the file ends early: the last 5 % of
  // the picture is missing"; empty where all pixels are there.
  std::string warning;
};

struct DecodeLimits {
  std::size_t max_bytes = 64UL << 20;          // of the file
  std::int64_t max_pixels = 500'000'000;       // width × height in the header: of time, not memory
  std::uint64_t max_memory = 700ULL << 20;     // bytes, that decoding takes by the header
  std::chrono::milliseconds max_time{20'000};  // of processor time, where rows are decoded
  int max_scans = 100;                         // of a progressive JPEG
};

}  // namespace classifier
