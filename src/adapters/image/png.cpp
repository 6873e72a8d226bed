// PNG, with libspng.
#include <spng.h>

#include <algorithm>
#include <memory>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/icc.hpp"

namespace classifier::codecs {
namespace {

constexpr std::size_t kMaxChunkBytes = 4UL << 20;
constexpr std::size_t kMaxChunkCache = 16UL << 20;
constexpr std::uint32_t kExifChunk = 0x65584966;  // "eXIf"

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

// spng accepts sizes up to 2^31 - 1, as PNG does, so they fit into int.
ImageInfo png_info(ImageBytes bytes, const spng_ihdr& header) {
  return {.format = ImageFormat::kPng,
          .width = static_cast<int>(header.width),
          .height = static_cast<int>(header.height),
          .orientation = exif_orientation(png_exif(bytes))};
}

}  // namespace

// spng would see it too late.
std::span<const std::uint8_t> png_exif(ImageBytes bytes) {
  constexpr std::size_t kSignature = 8;
  constexpr std::size_t kAround = 12;  // length and type before a chunk's data, CRC after it
  const ByteReader reader{{data_of(bytes), bytes.size()}, ByteOrder::kBig};
  for (std::size_t at = kSignature; at + kAround <= bytes.size();) {
    const std::size_t length = reader.u32(at);
    if (length > bytes.size() - at - kAround) return {};
    if (reader.u32(at + 4) == kExifChunk) return reader.part(at + 8, length);
    at += kAround + length;
  }
  return {};
}

Result<ImageInfo> probe_png(ImageBytes bytes) {
  spng_ihdr header{};
  const auto context = open(bytes, header);
  if (!context) return std::unexpected(context.error());
  return png_info(bytes, header);
}

Result<DecodeReport> decode_png(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  Deadline deadline(limits);
  spng_ihdr header{};
  const auto context = open(bytes, header);
  if (!context) return std::unexpected(context.error());
  if (auto valid = check_size(ImageFormat::kPng, header.width, header.height, limits); !valid)
    return std::unexpected(valid.error());
  spng_trns transparency{};
  const bool alpha = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
                     header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ||
                     spng_get_trns(context->get(), &transparency) == 0;
  const int format = alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8;
  const int flags = alpha ? SPNG_DECODE_TRNS : 0;
  const std::size_t channels = alpha ? 4 : 3;
  ImageInfo info = png_info(bytes, header);
  info.colour = colour_transform(png_profile({data_of(bytes), bytes.size()}));
  const std::size_t row_size = header.width * channels;
  // An interlaced image grows everywhere at once.
  const bool whole = header.interlace_method != SPNG_INTERLACE_NONE;
  const std::size_t size = whole ? row_size * header.height : alpha ? row_size : 0;
  // Beside it spng has two rows as they are stored, of up to 8 bytes for a pixel.
  if (auto started = start(sink, info, size + 16UL * header.width + kMaxChunkBytes, limits);
      !started) {
    return std::unexpected(started.error());
  }
  std::vector<std::uint8_t> pixels(size);
  if (whole) {
    if (const int code =
            spng_decode_image(context->get(), pixels.data(), pixels.size(), format, flags);
        code != 0) {
      return decode_error(code);
    }
    pass_on(pixels.data(), channels, info, sink);
    return {};
  }
  int code = spng_decode_image(context->get(), nullptr, 0, format, flags | SPNG_DECODE_PROGRESSIVE);
  for (int y = 0; y < info.height && code == 0; ++y) {
    if (deadline.is_over()) return too_slow(ImageFormat::kPng);
    std::uint8_t* const row = sink.next_row();
    code = spng_decode_row(context->get(), alpha ? pixels.data() : row, row_size);
    if (code != 0 && code != SPNG_EOI) break;
    if (alpha) flatten_row(pixels.data(), info.width, row);
    sink.row_done();
  }
  if (code != SPNG_EOI) return decode_error(code);  // which it says with the last row
  return {};
}

}  // namespace classifier::codecs
