// PNG, with libspng, which sees only the chunks that have pixels: the others are passed over,
// whatever is in them.
#include <spng.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/icc.hpp"
#include "adapters/image/metadata.hpp"

namespace classifier::codecs {
namespace {

// A run of equal bytes that is not by chance.
constexpr std::size_t kPngLongRun = 256;

std::unexpected<Error> decode_error(int code) {
  if (code == SPNG_IO_EOF) return truncated(ImageFormat::kPng);
  if (code == SPNG_EMEM) return out_of_memory();
  return damaged(ImageFormat::kPng, spng_strerror(code));
}

// The chunks IHDR, PLTE, tRNS and IDAT as a stream. What is cut off of the last one is not in it,
// so that the rest is decoded.
class PixelChunks {
 public:
  explicit PixelChunks(FileBytes file) : file_(file), rest_(file.first(kFirstPngChunk)) {}

  // As spng wants it.
  static int read(spng_ctx* /*context*/, void* user, void* target, std::size_t size) {
    auto& chunks = *static_cast<PixelChunks*>(user);
    auto* to = static_cast<std::uint8_t*>(target);
    while (size > 0) {
      while (chunks.rest_.empty()) {
        if (!chunks.advance()) return SPNG_IO_EOF;
      }
      const std::size_t part = std::min(size, chunks.rest_.size());
      std::memcpy(to, chunks.rest_.data(), part);
      chunks.rest_ = chunks.rest_.subspan(part);
      to += part;
      size -= part;
    }
    return 0;
  }

  // Whether the file ends without IEND.
  bool ends_early() const { return ends_early_; }
  // Whether the checksum of a chunk with pixels is wrong.
  bool is_damaged() const { return damaged_; }

 private:
  // A chunk is passed on in three parts: length and type, data, checksum.
  bool advance() {
    if (part_ == Part::kData) {
      part_ = Part::kChecksum;
      rest_ = chunk_.data;
      return true;
    }
    if (part_ == Part::kChecksum) {
      // spng does not look at it.
      part_ = Part::kHeader;
      rest_ = FileBytes(header_).first(4);
      return true;
    }
    for (;;) {
      if (next_ >= file_.size()) ends_early_ = true;
      if (next_ >= file_.size() || ended_) return false;
      chunk_ = png_chunk_at(file_, next_);
      next_ = chunk_.next;
      if (chunk_.type == png_type("IEND")) ended_ = true;
      if (is_wanted()) break;
    }
    if (chunk_.type == png_type("IDAT") && chunk_.is_whole && !is_right()) {
      damaged_ = true;
      cut_empty_end();
    }
    const auto length = static_cast<std::uint32_t>(chunk_.data.size());
    for (std::size_t i = 0; i < 4; ++i) {
      const unsigned shift = 24U - 8U * static_cast<unsigned>(i);
      header_[i] = static_cast<std::uint8_t>(length >> shift);
      header_[4 + i] = static_cast<std::uint8_t>(chunk_.type >> shift);
    }
    rest_ = header_;
    part_ = Part::kData;
    return true;
  }

  // Palettes and transparency only once, where the colour type has them, and no more entries than
  // it may have: others are an error for spng.
  bool is_wanted() {
    if (chunk_.type == png_type("IDAT")) return true;
    if (chunk_.type == png_type("IHDR")) return !std::exchange(has_header_, true);
    const ByteReader header{file_, ByteOrder::kBig};
    const std::uint32_t depth = header.u8(24);
    const std::uint32_t colour_type = header.u8(25);
    const std::size_t size = chunk_.data.size();
    if (chunk_.type == png_type("PLTE")) {
      if (colour_type != SPNG_COLOR_TYPE_INDEXED || palette_ != 0 || depth > 8) return false;
      palette_ = std::min(size / 3, std::size_t{1} << depth);
      chunk_.data = chunk_.data.first(3 * palette_);
      return palette_ != 0;
    }
    if (chunk_.type != png_type("tRNS") || has_transparency_) return false;
    if (colour_type == SPNG_COLOR_TYPE_INDEXED) {
      chunk_.data = chunk_.data.first(std::min(size, palette_));
      has_transparency_ = !chunk_.data.empty();
    } else {
      has_transparency_ = (colour_type == SPNG_COLOR_TYPE_GRAYSCALE && size == 2) ||
                          (colour_type == SPNG_COLOR_TYPE_TRUECOLOR && size == 6);
    }
    return has_transparency_;
  }

  // Copies that were interrupted have zeros, or another byte, from somewhere in a chunk on, and so
  // in its checksum. What is decoded from them is no picture.
  void cut_empty_end() {
    const FileBytes end(chunk_.data.data(), chunk_.data.size() + 4);
    const auto begin = std::find_if(end.rbegin(), end.rend(),
                                    [&](std::uint8_t byte) { return byte != end.back(); });
    const auto empty = static_cast<std::size_t>(begin - end.rbegin());
    if (empty < kPngLongRun) return;
    chunk_.data = chunk_.data.first(end.size() - empty);
    ended_ = true;
  }

  // Whether the checksum of the chunk is.
  bool is_right() const {
    constexpr std::size_t kTypeSize = 4;
    const std::uint8_t* const data = chunk_.data.data();
    const auto size = static_cast<uInt>(chunk_.data.size());
    const auto actual = crc32(crc32(0, data - kTypeSize, kTypeSize), data, size);
    const std::uint8_t* const stored = data + size;
    const std::uint32_t wanted = static_cast<std::uint32_t>(stored[0]) << 24U |
                                 static_cast<std::uint32_t>(stored[1]) << 16U |
                                 static_cast<std::uint32_t>(stored[2]) << 8U | stored[3];
    return actual == wanted;
  }

  enum class Part { kHeader, kData, kChecksum };

  FileBytes file_;
  FileBytes rest_;  // of the part that is being passed on
  std::size_t next_ = kFirstPngChunk;
  PngChunk chunk_;
  Part part_ = Part::kHeader;
  std::array<std::uint8_t, 8> header_{};
  bool has_header_ = false;
  std::size_t palette_ = 0;  // colours; 0: none yet
  bool has_transparency_ = false;
  bool ended_ = false;
  bool ends_early_ = false;
  bool damaged_ = false;
};

// Whether the sum over the pixels that zlib has stored behind them is right: then a wrong checksum
// of a chunk says nothing.
bool pixels_are_right(FileBytes file, Deadline& deadline) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return false;
  int code = Z_OK;
  std::array<std::uint8_t, 1UL << 14> discarded;
  for (std::size_t at = kFirstPngChunk; at < file.size() && code == Z_OK;) {
    const PngChunk chunk = png_chunk_at(file, at);
    at = chunk.next;
    if (chunk.type != png_type("IDAT")) continue;
    stream.next_in = const_cast<std::uint8_t*>(chunk.data.data());
    stream.avail_in = static_cast<uInt>(chunk.data.size());
    do {
      stream.next_out = discarded.data();
      stream.avail_out = discarded.size();
      code = inflate(&stream, Z_NO_FLUSH);
    } while (code == Z_OK && stream.avail_out == 0 && !deadline.is_over());
    if (code == Z_BUF_ERROR) code = Z_OK;  // it wants the next chunk
  }
  inflateEnd(&stream);
  return code == Z_STREAM_END;
}

using Context = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

Result<Context> open(FileBytes file, PixelChunks& chunks, spng_ihdr& header) {
  if (png_chunk_at(file, kFirstPngChunk).type == png_type("CgBI")) {
    return fail(ErrorCode::kUnsupported,
                "the file is Apple's CgBI variant of PNG, as in apps for iOS, which is not "
                "supported: convert it to PNG, for example with: sips -s format png IN --out OUT");
  }
  // What is checked is whether pixels are missing.
  Context context(spng_ctx_new(SPNG_CTX_IGNORE_ADLER32), &spng_ctx_free);
  if (!context) return out_of_memory();
  spng_set_crc_action(context.get(), SPNG_CRC_USE, SPNG_CRC_USE);
  spng_set_png_stream(context.get(), &PixelChunks::read, &chunks);
  if (const int code = spng_get_ihdr(context.get(), &header); code != 0) {
    return decode_error(code);
  }
  return context;
}

// spng accepts sizes up to 2^31 - 1, as PNG does, so they fit into int.
ImageInfo png_info(const PngMetadata& metadata, const spng_ihdr& header) {
  return {.format = ImageFormat::kPng,
          .width = static_cast<int>(header.width),
          .height = static_cast<int>(header.height),
          .orientation = orientation_of(metadata.exif, metadata.xmp)};
}

// The report on an image of which a part of the pixels was decoded; `code` is that of the last row.
Result<DecodeReport> png_report(FileBytes file, const PixelChunks& chunks, double there, int code,
                                Deadline& deadline) {
  if (code == SPNG_EMEM) return out_of_memory();
  if (there >= 1) {
    if (!chunks.is_damaged() || pixels_are_right(file, deadline)) return {};
    return DecodeReport{"the file is damaged: a part of the picture may be wrong"};
  }
  const bool ends_early = code == SPNG_IO_EOF && chunks.ends_early();
  return report(ImageFormat::kPng, {.there = there,
                                    .ended_early = ends_early,
                                    .detail = code == SPNG_IO_EOF ? "" : spng_strerror(code)});
}

// The passes of an interlaced image: the first pixel of each, and the steps to its next ones.
struct PngPass {
  int left, top, step_x, step_y;
};
constexpr std::array<PngPass, 7> kPngPasses{{{0, 0, 8, 8},
                                             {4, 0, 8, 8},
                                             {0, 4, 4, 8},
                                             {2, 0, 4, 4},
                                             {0, 2, 2, 4},
                                             {1, 0, 2, 2},
                                             {0, 1, 1, 2}}};

// Of an interlaced image as much as there is: it grows everywhere at once. Pixels that are missing
// become those that are left of or above them.
class Interlaced {
 public:
  Interlaced(const ImageInfo& image, std::size_t channels)
      : image_(image),
        channels_(channels),
        row_size_(static_cast<std::size_t>(image.width) * channels) {}

  // Returns spng's code: SPNG_EOI where all is there.
  int decode(spng_ctx* context, std::vector<std::uint8_t>& pixels, Deadline& deadline) {
    for (;;) {
      spng_row_info row{};
      if (const int code = spng_get_row_info(context, &row); code != 0) return code;
      if (deadline.is_over()) return SPNG_OK;
      const int code = spng_decode_row(context, &pixels[row.row_num * row_size_], row_size_);
      if (code != 0 && code != SPNG_EOI) return code;
      done_[static_cast<std::size_t>(row.pass)] = static_cast<int>(row.row_num) + 1;
      if (code != 0) return code;
    }
  }

  double there() const {
    double pixels = 0;
    for (std::size_t i = 0; i < kPngPasses.size(); ++i) {
      const PngPass& pass = kPngPasses[i];
      pixels += static_cast<double>(count(image_.width - pass.left, pass.step_x)) *
                count(done_[i] - pass.top, pass.step_y);
    }
    return pixels / static_cast<double>(pixel_count(image_));
  }

  void fill_gaps(std::vector<std::uint8_t>& pixels) const {
    // A pass halves the distance of pixels, in turn from left to right and from top to bottom.
    for (std::size_t i = 1; i < kPngPasses.size(); ++i) {
      const PngPass& pass = kPngPasses[i];
      for (int y = pass.top; y < image_.height; y += pass.step_y) {
        if (y < done_[i]) continue;
        for (int x = pass.left; x < image_.width; x += pass.step_x) {
          const int from_x = i % 2 == 1 ? x - pass.left : x;
          const int from_y = i % 2 == 1 ? y : y - pass.top;
          std::copy_n(&pixels[offset(from_x, from_y)], channels_, &pixels[offset(x, y)]);
        }
      }
    }
  }

 private:
  static int count(int length, int step) { return length <= 0 ? 0 : (length + step - 1) / step; }
  std::size_t offset(int x, int y) const {
    return static_cast<std::size_t>(y) * row_size_ + static_cast<std::size_t>(x) * channels_;
  }

  const ImageInfo& image_;
  std::size_t channels_;
  std::size_t row_size_;
  std::array<int, 7> done_{};  // rows of each pass, up to which it is decoded
};

}  // namespace

Result<ImageInfo> probe_png(ImageBytes bytes) {
  const FileBytes file(data_of(bytes), bytes.size());
  PixelChunks chunks(file);
  spng_ihdr header{};
  const auto context = open(file, chunks, header);
  if (!context) return std::unexpected(context.error());
  return png_info(read_png_metadata(file), header);
}

Result<DecodeReport> decode_png(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  Deadline deadline(limits);
  const FileBytes file(data_of(bytes), bytes.size());
  PixelChunks chunks(file);
  spng_ihdr header{};
  const auto context = open(file, chunks, header);
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
  const PngMetadata metadata = read_png_metadata(file);
  ImageInfo info = png_info(metadata, header);
  info.colour = colour_transform(png_profile(metadata));
  const std::size_t row_size = header.width * channels;
  const bool whole = header.interlace_method != SPNG_INTERLACE_NONE;
  const std::size_t size = whole ? row_size * header.height : alpha ? row_size : 0;
  // Beside it spng has two rows as they are stored, of up to 8 bytes for a pixel, and its buffers.
  constexpr std::size_t kBuffers = 1UL << 20;
  if (auto started = start(sink, info, size + 16UL * header.width + kBuffers, limits); !started)
    return std::unexpected(started.error());
  std::vector<std::uint8_t> pixels(size);
  int code = spng_decode_image(context->get(), nullptr, 0, format, flags | SPNG_DECODE_PROGRESSIVE);
  if (code != 0) return png_report(file, chunks, 0, code, deadline);
  if (whole) {
    Interlaced image(info, channels);
    code = image.decode(context->get(), pixels, deadline);
    if (code == SPNG_OK) return too_slow(ImageFormat::kPng);
    auto reported = png_report(file, chunks, code == SPNG_EOI ? 1 : image.there(), code, deadline);
    if (!reported) return reported;
    if (code != SPNG_EOI) {
      image.fill_gaps(pixels);
      reported->warning = code == SPNG_IO_EOF && chunks.ends_early()
                              ? "the file ends early: the picture has less detail"
                              : "the file is damaged: the picture has less detail";
    }
    pass_on(pixels.data(), channels, info, sink);
    return reported;
  }
  int rows = 0;
  while (rows < info.height && code == 0) {
    if (deadline.is_over()) return too_slow(ImageFormat::kPng);
    std::uint8_t* const row = sink.next_row();
    code = spng_decode_row(context->get(), alpha ? pixels.data() : row, row_size);
    if (code != 0 && code != SPNG_EOI) break;
    if (alpha) flatten_row(pixels.data(), info.width, row);
    sink.row_done();
    ++rows;
  }
  fill_missing(info, rows, sink);
  return png_report(file, chunks, static_cast<double>(rows) / info.height, code, deadline);
}

}  // namespace classifier::codecs
