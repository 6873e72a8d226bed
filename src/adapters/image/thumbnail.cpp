#include "adapters/image/thumbnail.hpp"

#include <turbojpeg.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "adapters/image/image_sinks.hpp"

namespace classifier {
namespace {

constexpr int kQuality = 80;

int scaled(int side, int longest_side, int longest) {
  return std::max(static_cast<int>(static_cast<std::int64_t>(side) * longest_side / longest), 1);
}

}  // namespace

Result<std::string> make_thumbnail(ImageBytes bytes, int longest_side, const DecodeLimits& limits) {
  const auto info = probe_image(bytes, limits);
  if (!info) return std::unexpected(info.error());
  const int longest = std::max(info->width, info->height);
  const int shortest = std::min(info->width, info->height);
  const int wanted = longest > longest_side ? scaled(shortest, longest_side, longest) : 0;
  ResizedImage thumbnail(Interpolation::kBilinear, [longest_side](const ImageInfo& image) {
    // Images that are not larger keep their size, and all their pixels.
    const int decoded_longest = std::max({image.width, image.height, longest_side});
    const int width = scaled(image.width, longest_side, decoded_longest);
    const int height = scaled(image.height, longest_side, decoded_longest);
    return ResizedImage::Plan{.width = width,
                              .height = height,
                              .window = {.left = 0, .top = 0, .width = width, .height = height}};
  });
  if (auto decoded = decode_rows(bytes, limits, wanted, thumbnail); !decoded)
    return std::unexpected(std::move(decoded.error()));
  return encode_jpeg(thumbnail.take(), kQuality);
}

Result<std::string> encode_jpeg(const RgbImage& image, int quality) {
  const std::unique_ptr<void, decltype(&tjDestroy)> compressor(tjInitCompress(), &tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const int failed = tjCompress2(compressor.get(), image.pixels.data(), image.width, 0,
                                 image.height, TJPF_RGB, &bytes, &size, TJSAMP_420, quality, 0);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(bytes, &tjFree);
  if (failed != 0) return fail(ErrorCode::kInternal, "the JPEG could not be encoded");
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace classifier
