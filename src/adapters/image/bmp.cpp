// Windows bitmaps with a BITMAPCOREHEADER, BITMAPINFOHEADER or later header: 1, 4, 8, 16, 24 and 32
// bits, bit fields, and run-length encoding of 4 and 8 bits.
// https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "adapters/image/codecs.hpp"

namespace classifier::codecs {
namespace {

constexpr std::size_t kFileHeader = 14;

enum class Compression : std::uint32_t {
  kNone = 0,
  kRle8 = 1,
  kRle4 = 2,
  kBitFields = 3,
  kAlphaBitFields = 6
};

struct Header {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool top_down = false;
  unsigned bits = 0;
  Compression compression = Compression::kNone;
  std::size_t pixels_at = 0;
  std::size_t palette_at = 0;
  std::size_t palette_entry = 4;         // bytes
  std::size_t palette_size = 0;          // entries
  std::array<std::uint32_t, 4> masks{};  // red, green, blue, alpha
};

class Bytes {
 public:
  explicit Bytes(ImageBytes bytes) : data_(data_of(bytes)), size_(bytes.size()) {}
  std::size_t size() const { return size_; }
  // Bytes beyond the end of the file are 0; callers check where it matters.
  std::uint32_t u8(std::size_t at) const { return at < size_ ? data_[at] : 0U; }
  std::uint32_t u16(std::size_t at) const { return u8(at) | u8(at + 1) << 8U; }
  std::uint32_t u32(std::size_t at) const { return u16(at) | u16(at + 2) << 16U; }
  std::int32_t i32(std::size_t at) const { return static_cast<std::int32_t>(u32(at)); }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

std::unexpected<Error> bad(const std::string& what) { return damaged(ImageFormat::kBmp, what); }

Result<void> check_depth(const Header& header) {
  const unsigned bits = header.bits;
  bool valid = false;
  switch (header.compression) {
    case Compression::kNone:
      valid = bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
      break;
    case Compression::kRle8:
      valid = bits == 8 && !header.top_down;
      break;
    case Compression::kRle4:
      valid = bits == 4 && !header.top_down;
      break;
    case Compression::kBitFields:
    case Compression::kAlphaBitFields:
      valid = bits == 16 || bits == 32;
      break;
  }
  if (valid) return {};
  return fail(ErrorCode::kUnsupported,
              fmt::format("the BMP has {} bits with compression {}, which is not supported", bits,
                          static_cast<unsigned>(header.compression)));
}

Result<Header> read_header(const Bytes& file) {
  const std::size_t size = file.u32(kFileHeader);
  Header header;
  header.pixels_at = file.u32(10);
  header.palette_at = kFileHeader + size;
  if (size == 12) {
    header.width = file.u16(18);
    header.height = file.u16(20);
    header.bits = file.u16(24);
    header.palette_entry = 3;
  } else if (size >= 40 && size <= 256) {
    header.width = file.i32(18);
    header.height = file.i32(22);
    header.top_down = header.height < 0;
    header.height = std::abs(header.height);
    header.bits = file.u16(28);
    header.compression = static_cast<Compression>(file.u32(30));
    header.palette_size = file.u32(46);
  } else {
    return bad(fmt::format("its header has {} bytes", size));
  }
  if (file.size() < kFileHeader + size) return truncated(ImageFormat::kBmp);
  if (auto valid = check_depth(header); !valid) return std::unexpected(valid.error());
  if (header.bits <= 8) {
    const std::size_t most = std::size_t{1} << header.bits;
    if (header.palette_size == 0 || header.palette_size > most) header.palette_size = most;
  }
  const bool fields = header.compression == Compression::kBitFields ||
                      header.compression == Compression::kAlphaBitFields;
  if (fields) {
    // The masks follow a 40-byte header; larger headers contain them at the same offset.
    for (std::size_t i = 0; i < 4; ++i) {
      if (i < 3 || size >= 56 || header.compression == Compression::kAlphaBitFields) {
        header.masks[i] = file.u32(54 + 4 * i);
      }
    }
  } else if (header.bits == 16) {
    header.masks = {0x7C00, 0x03E0, 0x001F, 0};
  } else if (header.bits == 32) {
    header.masks = {0x00FF0000, 0x0000FF00, 0x000000FF, 0};
  }
  return header;
}

using Colour = std::array<std::uint8_t, 3>;

std::vector<Colour> read_palette(const Bytes& file, const Header& header) {
  std::vector<Colour> palette(256, Colour{0, 0, 0});
  for (std::size_t i = 0; i < std::min<std::size_t>(header.palette_size, 256); ++i) {
    const std::size_t at = header.palette_at + i * header.palette_entry;
    palette[i] = {static_cast<std::uint8_t>(file.u8(at + 2)),
                  static_cast<std::uint8_t>(file.u8(at + 1)),
                  static_cast<std::uint8_t>(file.u8(at))};
  }
  return palette;
}

// The bits under a mask, scaled to 0–255.
std::uint8_t field(std::uint32_t value, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint64_t most = mask >> static_cast<unsigned>(shift);
  const std::uint64_t part = (value & mask) >> static_cast<unsigned>(shift);
  return static_cast<std::uint8_t>((part * 255 + most / 2) / most);
}

class Painter {
 public:
  Painter(const Bytes& file, const Header& header)
      : file_(file), header_(header), palette_(read_palette(file, header)) {}

  // Whether the file has all rows.
  bool has_rows() const {
    // Some writers omit the padding of the last row.
    return header_.pixels_at + stride() * static_cast<std::uint64_t>(header_.height) <=
           file_.size() + 3;
  }

  // `y` counts from the top.
  void paint_row(std::int64_t y, std::uint8_t* target) const {
    const std::int64_t stored = header_.top_down ? y : header_.height - 1 - y;
    const std::size_t row_at = header_.pixels_at + stride() * static_cast<std::uint64_t>(stored);
    for (std::int64_t x = 0; x < header_.width; ++x)
      target = std::ranges::copy(colour_at(row_at, x), target).out;
  }

  // Run lengths, whose rows come from the bottom.
  Result<RgbImage> paint_runs() {
    image_ = make_image(static_cast<int>(header_.width), static_cast<int>(header_.height), 255);
    if (!paint_all_runs()) return truncated(ImageFormat::kBmp);
    return std::move(image_);
  }

 private:
  std::uint64_t stride() const {
    return (static_cast<std::uint64_t>(header_.width) * header_.bits + 31) / 32 * 4;
  }

  // `y` counts rows as stored.
  void set(std::int64_t x, std::int64_t y, const Colour& colour) {
    if (x < 0 || y < 0 || x >= header_.width || y >= header_.height) return;
    const std::int64_t row = header_.height - 1 - y;
    std::ranges::copy(colour, image_.pixels.begin() + (row * header_.width + x) * 3);
  }

  Colour colour_at(std::size_t row_at, std::int64_t x) const {
    const auto column = static_cast<std::size_t>(x);
    switch (header_.bits) {
      case 24: {
        const std::size_t at = row_at + 3 * column;
        return {static_cast<std::uint8_t>(file_.u8(at + 2)),
                static_cast<std::uint8_t>(file_.u8(at + 1)),
                static_cast<std::uint8_t>(file_.u8(at))};
      }
      case 16:
        return masked(file_.u16(row_at + 2 * column));
      case 32:
        return masked(file_.u32(row_at + 4 * column));
      default: {
        const std::size_t bit = column * header_.bits;
        const unsigned shift = 8 - header_.bits - static_cast<unsigned>(bit % 8);
        const std::uint32_t index =
            (file_.u8(row_at + bit / 8) >> shift) & ((1U << header_.bits) - 1);
        return palette_[index];
      }
    }
  }

  Colour masked(std::uint32_t value) const {
    Colour colour;
    const std::uint8_t alpha = header_.masks[3] == 0 ? 255 : field(value, header_.masks[3]);
    for (std::size_t c = 0; c < 3; ++c)
      colour[c] = over_white(field(value, header_.masks[c]), alpha);
    return colour;
  }

  // Whether the end-of-bitmap mark or the end of the last row came before the end of the file.
  bool paint_all_runs() {
    const bool nibbles = header_.compression == Compression::kRle4;
    std::int64_t x = 0;
    std::int64_t y = 0;
    std::size_t at = header_.pixels_at;
    while (at + 1 < file_.size() && y < header_.height) {
      const std::uint32_t count = file_.u8(at);
      const std::uint32_t value = file_.u8(at + 1);
      at += 2;
      if (count > 0) {
        for (std::uint32_t i = 0; i < count; ++i) {
          set(x++, y, palette_[!nibbles ? value : i % 2 == 0 ? value >> 4U : value & 0xFU]);
        }
      } else if (value == 0) {
        x = 0;
        ++y;
      } else if (value == 1) {
        return true;
      } else if (value == 2) {
        x += file_.u8(at);
        y += file_.u8(at + 1);
        at += 2;
      } else {
        const std::size_t bytes = nibbles ? (value + 1) / 2 : value;
        if (at + bytes > file_.size()) return false;
        for (std::uint32_t i = 0; i < value; ++i) {
          const std::uint32_t byte = file_.u8(at + (nibbles ? i / 2 : i));
          set(x++, y, palette_[!nibbles ? byte : i % 2 == 0 ? byte >> 4U : byte & 0xFU]);
        }
        at += bytes + bytes % 2;
      }
    }
    return y >= header_.height;
  }

  const Bytes& file_;
  const Header& header_;
  std::vector<Colour> palette_;
  RgbImage image_;
};

ImageInfo bmp_info(const Header& header) {
  // Both are 32-bit fields. Values that do not fit into int exceed every limit anyway.
  constexpr std::int64_t kMost = 2'147'483'647;
  return {.format = ImageFormat::kBmp,
          .width = static_cast<int>(std::clamp<std::int64_t>(header.width, 0, kMost)),
          .height = static_cast<int>(std::min(header.height, kMost))};
}

}  // namespace

Result<ImageInfo> probe_bmp(ImageBytes bytes) {
  const auto header = read_header(Bytes(bytes));
  if (!header) return std::unexpected(header.error());
  return bmp_info(*header);
}

Result<DecodeReport> decode_bmp(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  Deadline deadline(limits);
  const Bytes file(bytes);
  const auto header = read_header(file);
  if (!header) return std::unexpected(header.error());
  if (auto valid = check_size(ImageFormat::kBmp, header->width, header->height, limits); !valid)
    return std::unexpected(valid.error());
  if (header->pixels_at < header->palette_at || header->pixels_at >= file.size()) {
    return bad("according to its header, its pixels begin outside the file");
  }
  const ImageInfo info = bmp_info(*header);
  Painter painter(file, *header);
  if (header->compression == Compression::kRle8 || header->compression == Compression::kRle4) {
    if (auto started = start(sink, info, 3 * pixel_count(info), limits); !started)
      return std::unexpected(started.error());
    const auto image = painter.paint_runs();
    if (!image) return std::unexpected(image.error());
    pass_on(image->pixels.data(), 3, info, sink);
    return {};
  }
  if (!painter.has_rows()) return truncated(ImageFormat::kBmp);
  if (auto started = start(sink, info, 0, limits); !started)
    return std::unexpected(started.error());
  for (std::int64_t y = 0; y < header->height; ++y) {
    if (deadline.is_over()) return too_slow(ImageFormat::kBmp);
    painter.paint_row(y, sink.next_row());
    sink.row_done();
  }
  return {};
}

}  // namespace classifier::codecs
