// Bitmaps of Windows and OS/2, with headers of all versions: 1, 2, 4, 8, 16, 24 and 32 bits, bit
// fields, and run-length encoding of 4 and 8 bits.
// https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
// OS/2: http://www.fileformat.info/format/os2bmp/egff.htm
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
  kBitFields = 3,  // in OS/2 with 1 bit: Huffman codes
  kJpeg = 4,       // in OS/2 with 24 bits: run lengths
  kPng = 5,
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

std::unexpected<Error> unsupported_bmp(const std::string& what) {
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("the BMP has {}, which is not supported: save it as PNG, for example with "
                  "XnConvert",
                  what));
}

Result<void> check_depth(const Header& header) {
  const unsigned bits = header.bits;
  bool valid = false;
  switch (header.compression) {
    case Compression::kNone:
      valid = bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16 || bits == 24 ||
              bits == 32;
      break;
    case Compression::kRle8:
      valid = bits == 8 && !header.top_down;
      break;
    case Compression::kRle4:
      valid = bits == 4 && !header.top_down;
      break;
    case Compression::kBitFields:
      if (bits == 1) return unsupported_bmp("Huffman codes");
      valid = bits == 16 || bits == 32;
      break;
    case Compression::kAlphaBitFields:
      valid = bits == 16 || bits == 32;
      break;
    case Compression::kJpeg:
      return unsupported_bmp(bits == 24 ? "run lengths of 24 bits" : "a JPEG inside");
    case Compression::kPng:
      return unsupported_bmp("a PNG inside");
  }
  if (valid) return {};
  return unsupported_bmp(
      fmt::format("{} bits with compression {}", bits, static_cast<unsigned>(header.compression)));
}

std::uint64_t stride_of(const Header& header) {
  return (static_cast<std::uint64_t>(header.width) * header.bits + 31) / 32 * 4;
}

// Where the pixels begin: some programs forget the palette, or write 0 or nonsense.
void place_pixels(const Bytes& file, Header& header) {
  const std::size_t palette_end =
      header.palette_at + (header.bits <= 8 ? header.palette_size * header.palette_entry : 0);
  const std::size_t stated = header.pixels_at;
  const bool has_rows = header.compression != Compression::kRle8 &&
                        header.compression != Compression::kRle4 && header.width > 0;
  const std::uint64_t rows =
      has_rows ? stride_of(header) * static_cast<std::uint64_t>(header.height) : 0;
  if (stated >= palette_end && stated < file.size()) {
    // More than what belongs to the format may be before the pixels, unless they do not fit then.
    if (stated + rows <= file.size() + 3 || palette_end + rows > file.size()) return;
  } else if (header.bits <= 8 && stated > header.palette_at && stated < palette_end &&
             (!has_rows || palette_end + rows > file.size())) {
    // The palette is shorter than the header says.
    header.palette_size = (stated - header.palette_at) / header.palette_entry;
    return;
  }
  header.pixels_at = palette_end;
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
  } else if (size >= 16 && size <= 256) {
    // The header of OS/2 may end after any field.
    const auto field = [&](std::size_t at) {
      return at + 4 <= kFileHeader + size ? file.u32(at) : 0;
    };
    header.width = file.i32(18);
    header.height = file.i32(22);
    header.top_down = header.height < 0;
    header.height = std::abs(header.height);
    header.bits = file.u16(28);
    header.compression = static_cast<Compression>(field(30));
    header.palette_size = field(46);
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
    const bool with_alpha = header.compression == Compression::kAlphaBitFields;
    for (std::size_t i = 0; i < 4; ++i) {
      if (i < 3 || size >= 56 || with_alpha) header.masks[i] = file.u32(54 + 4 * i);
    }
    if (size == 40) header.palette_at += with_alpha ? 16 : 12;
  }
  if (header.masks[0] == 0 && header.masks[1] == 0 && header.masks[2] == 0) {
    if (header.bits == 16) header.masks = {0x7C00, 0x03E0, 0x001F, 0};
    if (header.bits == 32) header.masks = {0x00FF0000, 0x0000FF00, 0x000000FF, 0};
  }
  place_pixels(file, header);
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
  Painter(const Bytes& file, Header header)
      : file_(file), header_(header), palette_(read_palette(file, header)) {
    // Programs that know nothing of opacity write 0 for all pixels, and viewers show them.
    if (header_.masks[3] != 0 && !has_opacity()) header_.masks[3] = 0;
  }

  // How many rows, as stored, the file has. Some writers omit the padding of the last row.
  std::int64_t rows_there() const {
    if (header_.pixels_at >= file_.size()) return 0;
    const std::uint64_t bytes = file_.size() - header_.pixels_at;
    const std::uint64_t row = (static_cast<std::uint64_t>(header_.width) * header_.bits + 7) / 8;
    const std::uint64_t rows = (bytes + stride_of(header_) - row) / stride_of(header_);
    return std::min(static_cast<std::int64_t>(rows), header_.height);
  }

  // `y` counts from the top.
  std::int64_t stored_row(std::int64_t y) const {
    return header_.top_down ? y : header_.height - 1 - y;
  }

  void paint_row(std::int64_t y, std::uint8_t* target) const {
    const std::size_t row_at = row_offset(stored_row(y));
    for (std::int64_t x = 0; x < header_.width; ++x)
      target = std::ranges::copy(colour_at(row_at, x), target).out;
  }

  // Run lengths, whose rows come from the bottom. Pixels that are skipped are transparent. Sets
  // `there` to the share of the picture that the file has.
  RgbImage paint_runs(double& there) {
    image_ = make_image(static_cast<int>(header_.width), static_cast<int>(header_.height), 255);
    const double rows = paint_all_runs();
    there = rows / static_cast<double>(header_.height);
    const auto missing = static_cast<int>(static_cast<double>(header_.height) - rows);
    std::fill_n(image_.pixels.begin(), image_.offset(0, missing), kMissing);
    return std::move(image_);
  }

 private:
  std::size_t row_offset(std::int64_t stored) const {
    return header_.pixels_at + stride_of(header_) * static_cast<std::uint64_t>(stored);
  }

  bool has_opacity() const {
    const std::size_t size = header_.bits / 8;
    for (std::int64_t y = 0, rows = rows_there(); y < rows; ++y) {
      std::size_t at = row_offset(y);
      for (std::int64_t x = 0; x < header_.width; ++x, at += size) {
        const std::uint32_t value = size == 2 ? file_.u16(at) : file_.u32(at);
        if ((value & header_.masks[3]) != 0) return true;
      }
    }
    return false;
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

  // Returns how many rows there are: all, where the mark of the end or the last row comes before
  // the end of the file.
  double paint_all_runs() {
    const bool nibbles = header_.compression == Compression::kRle4;
    std::int64_t x = 0;
    std::int64_t y = 0;
    std::size_t at = header_.pixels_at;
    while (at + 1 < file_.size() && y < header_.height) {
      const std::uint32_t count = file_.u8(at);
      const std::uint32_t value = file_.u8(at + 1);
      at += 2;
      if (count > 0) {
        for (std::uint32_t i = 0; i < count && x < header_.width; ++i) {
          set(x++, y, palette_[!nibbles ? value : i % 2 == 0 ? value >> 4U : value & 0xFU]);
        }
      } else if (value == 0) {
        x = 0;
        ++y;
      } else if (value == 1) {
        y = header_.height;
      } else if (value == 2) {
        x += file_.u8(at);
        y += file_.u8(at + 1);
        at += 2;
      } else {
        const std::size_t bytes = nibbles ? (value + 1) / 2 : value;
        for (std::uint32_t i = 0; i < value; ++i) {
          const std::size_t byte_at = at + (nibbles ? i / 2 : i);
          if (byte_at >= file_.size()) break;
          const std::uint32_t byte = file_.u8(byte_at);
          set(x++, y, palette_[!nibbles ? byte : i % 2 == 0 ? byte >> 4U : byte & 0xFU]);
        }
        at += bytes + bytes % 2;
      }
    }
    if (y >= header_.height) return static_cast<double>(header_.height);
    const auto columns = static_cast<double>(std::min(x, header_.width));
    return static_cast<double>(y) + columns / static_cast<double>(header_.width);
  }

  const Bytes& file_;
  Header header_;
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

Result<DecodeReport> bmp_report(double there) {
  return report(ImageFormat::kBmp, {.there = there, .ended_early = true, .detail = {}});
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
  const ImageInfo info = bmp_info(*header);
  Painter painter(file, *header);
  if (header->compression == Compression::kRle8 || header->compression == Compression::kRle4) {
    if (auto started = start(sink, info, 3 * pixel_count(info), limits); !started)
      return std::unexpected(started.error());
    double there = 1;
    const RgbImage image = painter.paint_runs(there);
    auto reported = bmp_report(there);
    if (reported) pass_on(image.pixels.data(), 3, info, sink);
    return reported;
  }
  const std::int64_t rows = painter.rows_there();
  auto reported = bmp_report(static_cast<double>(rows) / static_cast<double>(header->height));
  if (!reported) return reported;
  if (auto started = start(sink, info, 0, limits); !started)
    return std::unexpected(started.error());
  for (std::int64_t y = 0; y < header->height; ++y) {
    if (deadline.is_over()) return too_slow(ImageFormat::kBmp);
    std::uint8_t* const row = sink.next_row();
    if (painter.stored_row(y) < rows) {
      painter.paint_row(y, row);
    } else {
      std::fill_n(row, 3 * static_cast<std::size_t>(info.width), kMissing);
    }
    sink.row_done();
  }
  return reported;
}

}  // namespace classifier::codecs
