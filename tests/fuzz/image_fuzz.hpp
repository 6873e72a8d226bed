// What must hold for any bytes as an image file: they are decoded or refused with an error.
#pragma once

#include <span>

#include "adapters/image/codecs.hpp"
#include "adapters/image/decode.hpp"
#include "adapters/image/preprocess.hpp"
#include "adapters/image/thumbnail.hpp"
#include "fuzz.hpp"

namespace classifier::fuzz {

constexpr int kShortestSide = 16;

inline void check_image(const RgbImage& image, const DecodeLimits& limits) {
  demand(image.width >= 1 && image.height >= 1, "an image has pixels");
  const auto pixels =
      static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
  demand(pixels <= static_cast<std::uint64_t>(limits.max_pixels), "sizes are within the limit");
  demand(image.pixels.size() == pixels * 3, "every pixel has three channels");
}

inline void check_file(const std::uint8_t* data, std::size_t size, std::uint64_t max_memory) {
  const auto bytes = std::as_bytes(std::span(data, size));
  DecodeLimits limits;
  limits.max_bytes = std::size_t{1} << 20;
  limits.max_pixels = 1 << 18;
  limits.max_memory = max_memory;
  const auto info = probe_image(bytes, limits);
  auto whole = decode_image(bytes, limits);
  if (whole) {
    demand(info.has_value(), "images that can be decoded can be probed");
    check_image(whole->image, limits);
    check_image(orient(std::move(whole->image), whole->orientation), limits);
  } else {
    demand_sentence(whole.error());
  }
  if (const auto scaled = decode_image(bytes, limits, kShortestSide))
    check_image(scaled->image, limits);
  const auto crop = prepare_image(bytes,
                                  {.shortest_side = kShortestSide,
                                   .interpolation = Interpolation::kBicubic,
                                   .width = 12,
                                   .height = 14},
                                  limits);
  if (crop) {
    demand(crop->width == 12 && crop->height == 14 && crop->pixels.size() == 12UL * 14 * 3,
           "a crop has the requested size");
  }
  if (const auto thumbnail = make_thumbnail(bytes, kShortestSide, limits)) {
    demand(probe_image(std::as_bytes(std::span(*thumbnail)), limits).has_value(),
           "a thumbnail is an image that the program can read");
  }
}

// The same for files of one format; others are passed over.
inline void check_format(const std::uint8_t* data, std::size_t size,
                         std::initializer_list<ImageFormat> formats) {
  const auto format = codecs::sniff(std::as_bytes(std::span(data, size)));
  if (!format || std::ranges::find(formats, *format) == formats.end()) return;
  check_file(data, size, std::uint64_t{64} << 20);
}

}  // namespace classifier::fuzz
