// Decoded images, and the limits of decoding.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace classifier {

// RGB, 8 bits, interleaved: pixels[(y * width + x) * 3 + channel].
struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

enum class ImageFormat { kJpeg, kPng, kGif, kWebp, kBmp };
std::string_view to_string(ImageFormat format);  // "JPEG", …

// What a file says of itself, before anything of the image's size is allocated.
struct ImageInfo {
  ImageFormat format = ImageFormat::kJpeg;
  int width = 0;  // as stored, that is, before `orientation` is applied
  int height = 0;
  int orientation = 1;  // Exif 2.32, tag 0x0112: 1 to 8, 1 is upright
};

struct DecodeLimits {
  std::size_t max_bytes = 64UL << 20;          // of the file
  std::int64_t max_pixels = 100'000'000;       // width × height that the header claims
  std::chrono::milliseconds max_time{20'000};  // for one image
  int max_scans = 100;                         // of a progressive JPEG
};

}  // namespace classifier
