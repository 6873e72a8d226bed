#include "adapters/image/preprocess.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "adapters/image/image_sinks.hpp"

namespace classifier {
namespace {

// Width and height after the resize: the shorter side as given, the longer one rounded down. Where
// the longer one would not fit into int, as for a line of millions of pixels, the aspect ratio
// changes.
std::pair<int, int> resized(int width, int height, int shortest_side) {
  const auto longer = [&](int side, int shorter) {
    const std::int64_t exact = static_cast<std::int64_t>(shortest_side) * side / shorter;
    return static_cast<int>(std::min<std::int64_t>(exact, std::numeric_limits<int>::max()));
  };
  if (width <= height) return {shortest_side, longer(height, width)};
  return {longer(width, height), shortest_side};
}

int centred(int size, int part) { return static_cast<int>(std::nearbyint((size - part) / 2.0)); }

}  // namespace

Result<PreparedImage> prepare_image(ImageBytes bytes, const ResizeRule& rule,
                                    const DecodeLimits& limits, bool scaled_decoding) {
  // The orientation is applied to the small crop, which is cheaper than to the whole image. So the
  // crop has its sides swapped where the orientation swaps them.
  ResizedImage crop(rule.interpolation, [&rule](const ImageInfo& image) {
    const bool swapped = image.orientation >= 5;
    const int crop_width = swapped ? rule.height : rule.width;
    const int crop_height = swapped ? rule.width : rule.height;
    const auto [width, height] = resized(image.width, image.height, rule.shortest_side);
    return ResizedImage::Plan{.width = width,
                              .height = height,
                              .window = {.left = centred(width, crop_width),
                                         .top = centred(height, crop_height),
                                         .width = crop_width,
                                         .height = crop_height}};
  });
  const int wanted = scaled_decoding ? rule.shortest_side : 0;
  auto decoded = decode_rows(bytes, limits, wanted, crop);
  if (!decoded) return std::unexpected(std::move(decoded.error()));
  RgbImage upright = crop.take();
  return PreparedImage{upright.width, upright.height, std::move(upright.pixels),
                       std::move(decoded->warning)};
}

}  // namespace classifier
