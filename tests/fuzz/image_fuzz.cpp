// Any bytes as an image file: it is read or refused with an error, and nothing else happens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "adapters/image/decode.hpp"
#include "adapters/image/preprocess.hpp"
#include "adapters/image/thumbnail.hpp"

namespace {

using classifier::RgbImage;

constexpr int kShortestSide = 16;

void demand(bool holds) {
  if (!holds) std::abort();
}

void check(const RgbImage& image, const classifier::DecodeLimits& limits) {
  demand(image.width >= 1 && image.height >= 1);
  const auto pixels =
      static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
  demand(pixels <= static_cast<std::uint64_t>(limits.max_pixels));
  demand(image.pixels.size() == pixels * 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  classifier::DecodeLimits limits;
  limits.max_bytes = std::size_t{1} << 20;
  limits.max_pixels = 1 << 18;
  const auto info = classifier::probe_image(bytes, limits);
  auto whole = classifier::decode_image(bytes, limits);
  if (whole) {
    demand(info.has_value());
    check(whole->image, limits);
    check(orient(std::move(whole->image), whole->orientation), limits);
  }
  if (const auto scaled = classifier::decode_image(bytes, limits, kShortestSide))
    check(scaled->image, limits);
  const auto crop = classifier::prepare_image(bytes,
                                              {.shortest_side = kShortestSide,
                                               .interpolation = classifier::Interpolation::kBicubic,
                                               .width = 12,
                                               .height = 14},
                                              limits);
  if (crop) demand(crop->width == 12 && crop->height == 14 && crop->pixels.size() == 12UL * 14 * 3);
  // A thumbnail is an image that the program itself reads.
  if (const auto thumbnail = classifier::make_thumbnail(bytes, kShortestSide, limits))
    demand(classifier::probe_image(std::as_bytes(std::span(*thumbnail)), limits).has_value());
  return 0;
}
