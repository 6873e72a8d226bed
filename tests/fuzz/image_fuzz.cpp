// Any bytes as an image file: it is decoded or refused with an error.
#include <span>

#include "adapters/image/codecs.hpp"
#include "adapters/image/decode.hpp"
#include "adapters/image/preprocess.hpp"
#include "adapters/image/thumbnail.hpp"
#include "fuzz.hpp"

namespace {

using classifier::RgbImage;
using classifier::fuzz::demand;

constexpr int kShortestSide = 16;

void check(const RgbImage& image, const classifier::DecodeLimits& limits) {
  demand(image.width >= 1 && image.height >= 1, "an image has pixels");
  const auto pixels =
      static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
  demand(pixels <= static_cast<std::uint64_t>(limits.max_pixels), "sizes are within the limit");
  demand(image.pixels.size() == pixels * 3, "every pixel has three channels");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int turned = classifier::codecs::exif_orientation({data, size});
  demand(turned >= 1 && turned <= 8, "orientations are from 1 to 8");
  const auto bytes = std::as_bytes(std::span(data, size));
  classifier::DecodeLimits limits;
  limits.max_bytes = std::size_t{1} << 20;
  limits.max_pixels = 1 << 18;
  limits.max_memory = std::uint64_t{8} << 20;
  const auto info = classifier::probe_image(bytes, limits);
  auto whole = classifier::decode_image(bytes, limits);
  if (whole) {
    demand(info.has_value(), "images that can be decoded can be probed");
    check(whole->image, limits);
    check(orient(std::move(whole->image), whole->orientation), limits);
  } else {
    classifier::fuzz::demand_sentence(whole.error());
  }
  if (const auto scaled = classifier::decode_image(bytes, limits, kShortestSide))
    check(scaled->image, limits);
  const auto crop = classifier::prepare_image(bytes,
                                              {.shortest_side = kShortestSide,
                                               .interpolation = classifier::Interpolation::kBicubic,
                                               .width = 12,
                                               .height = 14},
                                              limits);
  if (crop) {
    demand(crop->width == 12 && crop->height == 14 && crop->pixels.size() == 12UL * 14 * 3,
           "a crop has the requested size");
  }
  if (const auto thumbnail = classifier::make_thumbnail(bytes, kShortestSide, limits)) {
    demand(classifier::probe_image(std::as_bytes(std::span(*thumbnail)), limits).has_value(),
           "a thumbnail is an image that the program can read");
  }
  return 0;
}
