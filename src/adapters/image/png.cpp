// PNG, with libspng.
#include <spng.h>

#include <memory>

#include "adapters/image/codecs.hpp"

namespace classifier::codecs {
namespace {

constexpr std::size_t kMaxChunkBytes = 4UL << 20;
constexpr std::size_t kMaxChunkCache = 16UL << 20;

std::unexpected<Error> decode_error(int code) {
  if (code == SPNG_IO_EOF) return truncated(ImageFormat::kPng);
  if (code == SPNG_EMEM) return out_of_memory();
  return damaged(ImageFormat::kPng, spng_strerror(code));
}

using Context = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

Result<Context> open(ImageBytes bytes, spng_ihdr& header) {
  Context context(spng_ctx_new(0), &spng_ctx_free);
  if (!context) return out_of_memory();
  spng_set_chunk_limits(context.get(), kMaxChunkBytes, kMaxChunkCache);
  spng_set_png_buffer(context.get(), bytes.data(), bytes.size());
  if (const int code = spng_get_ihdr(context.get(), &header); code != 0) {
    return decode_error(code);
  }
  return context;
}

int orientation_of(spng_ctx* context) {
  spng_exif exif{};
  if (spng_get_exif(context, &exif) != 0) return 1;
  return exif_orientation({reinterpret_cast<const std::uint8_t*>(exif.data), exif.length});
}

// spng accepts sizes up to 2^31 - 1, as PNG does, so they fit into int.
ImageInfo info_of(const spng_ihdr& header) {
  return {.format = ImageFormat::kPng,
          .width = static_cast<int>(header.width),
          .height = static_cast<int>(header.height),
          .orientation = 1};
}

}  // namespace

Result<ImageInfo> probe_png(ImageBytes bytes) {
  spng_ihdr header{};
  const auto context = open(bytes, header);
  if (!context) return std::unexpected(context.error());
  return info_of(header);
}

Result<RgbImage> decode_png(ImageBytes bytes, const DecodeLimits& limits, int& orientation) {
  spng_ihdr header{};
  const auto context = open(bytes, header);
  if (!context) return std::unexpected(context.error());
  if (auto valid = check_size(ImageFormat::kPng, header.width, header.height, limits); !valid) {
    return std::unexpected(valid.error());
  }
  spng_trns transparency{};
  const bool alpha = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
                     header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ||
                     spng_get_trns(context->get(), &transparency) == 0;
  const int format = alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(header.width) * header.height *
                                   (alpha ? 4U : 3U));
  if (const int code = spng_decode_image(context->get(), pixels.data(), pixels.size(), format,
                                         alpha ? SPNG_DECODE_TRNS : 0);
      code != 0) {
    return decode_error(code);
  }
  orientation = orientation_of(context->get());
  const ImageInfo info = info_of(header);
  if (alpha) return flatten(info.width, info.height, pixels.data());
  return RgbImage{info.width, info.height, std::move(pixels)};
}

}  // namespace classifier::codecs
