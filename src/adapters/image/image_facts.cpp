#include "adapters/image/image_facts.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "adapters/image/heif_boxes.hpp"
#include "adapters/image/tiff_header.hpp"

namespace classifier {
namespace {

using codecs::ByteOrder;
using codecs::ByteReader;
using Exif = std::span<const std::uint8_t>;

// What the header of one format says; 0 and empty: unknown.
struct HeaderFacts {
  std::int64_t width = 0;  // as stored
  std::int64_t height = 0;
  Exif exif = {};        // a TIFF block
  bool turned = false;   // the size is upright already, whatever Exif says
  bool swapped = false;  // the sides are to be swapped, whatever Exif says
};

// ITU T.81, annex B.
HeaderFacts jpeg_facts(Exif file) {
  constexpr std::string_view kExifHeader("Exif\0\0", 6);
  const ByteReader reader{file, ByteOrder::kBig};
  HeaderFacts facts;
  for (std::size_t at = 2; at < file.size();) {
    if (reader.u8(at) != 0xFF) {  // libjpeg skips such bytes too
      ++at;
      continue;
    }
    const std::uint32_t marker = reader.u8(at + 1);
    if (marker == 0xFF) {  // the first one fills
      ++at;
      continue;
    }
    at += 2;
    if (marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;  // without a segment
    if (marker == 0xD9 || marker == 0xDA) break;  // the end, or the first scan
    const std::size_t size = reader.u16(at);      // of the segment, with these two bytes
    const bool is_frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame && facts.width == 0) {
      facts.height = reader.u16(at + 3);
      facts.width = reader.u16(at + 5);
    }
    if (marker == 0xE1 && facts.exif.empty() && size > 2) {
      const auto segment = reader.part(at + 2, size - 2);
      if (segment.size() == size - 2 && segment.size() > kExifHeader.size() &&
          std::ranges::equal(segment.first(kExifHeader.size()), kExifHeader))
        facts.exif = segment.subspan(kExifHeader.size());
    }
    at += std::max<std::size_t>(size, 2);
  }
  return facts;
}

// Portable Network Graphics (third edition), section 11.2.1.
HeaderFacts png_facts(std::span<const std::byte> bytes, Exif file) {
  const ByteReader reader{file, ByteOrder::kBig};
  HeaderFacts facts;
  constexpr std::uint32_t kHeaderChunk = 0x49484452;  // "IHDR"
  if (reader.u32(12) != kHeaderChunk) return facts;
  facts.width = reader.u32(16);
  facts.height = reader.u32(20);
  facts.exif = codecs::png_exif(bytes);
  return facts;
}

HeaderFacts gif_facts(Exif file) {
  const ByteReader reader{file};
  return {.width = reader.u16(6), .height = reader.u16(8), .exif = {}};
}

// nullopt where it is no BMP: other files too may begin with "BM".
std::optional<HeaderFacts> bmp_facts(Exif file) {
  const ByteReader reader{file};
  const std::uint32_t header = reader.u32(14);
  if (header == 12) return HeaderFacts{reader.u16(18), reader.u16(20), {}};
  if (header < 40 || header > 256) return std::nullopt;
  // Rows from the top have a negative height.
  const auto height = static_cast<std::int32_t>(reader.u32(22));
  return HeaderFacts{
      static_cast<std::int32_t>(reader.u32(18)), std::abs(static_cast<std::int64_t>(height)), {}};
}

// RFC 9649; VP8's header: RFC 6386, section 9.1.
HeaderFacts webp_facts(Exif file) {
  constexpr std::size_t kFirstChunk = 12;
  constexpr std::size_t kChunkHeader = 8;
  constexpr std::uint32_t kLossy = 0x20385056;     // "VP8 "
  constexpr std::uint32_t kLossless = 0x4C385056;  // "VP8L"
  constexpr std::uint32_t kExtended = 0x58385056;  // "VP8X"
  constexpr std::uint32_t kExif = 0x46495845;      // "EXIF"
  constexpr std::uint32_t kHasExif = 0x08;
  constexpr std::uint32_t kSide = 0x3FFF;                          // 14 bits
  const std::size_t end = ByteReader{file}.u32(4) + kChunkHeader;  // what follows is no part of it
  file = file.first(std::min(file.size(), end));
  const ByteReader reader{file};
  const std::size_t data = kFirstChunk + kChunkHeader;
  switch (reader.u32(kFirstChunk)) {
    case kLossy:
      if (reader.u24(data + 3) != 0x2A019D) return {};
      return {.width = reader.u16(data + 6) & kSide,
              .height = reader.u16(data + 8) & kSide,
              .exif = {}};
    case kLossless: {
      const std::uint32_t sides = reader.u32(data + 1);
      if (reader.u8(data) != 0x2F || file.size() < data + 5) return {};
      return {.width = (sides & kSide) + 1, .height = (sides >> 14U & kSide) + 1, .exif = {}};
    }
    case kExtended:
      break;
    default:
      return {};
  }
  if (file.size() < data + 10) return {};
  const HeaderFacts canvas{.width = std::int64_t{reader.u24(data + 4)} + 1,
                           .height = std::int64_t{reader.u24(data + 7)} + 1,
                           .exif = {}};
  if ((reader.u8(data) & kHasExif) == 0) return canvas;
  for (std::size_t at = kFirstChunk; at + kChunkHeader <= file.size();) {
    const std::size_t size = reader.u32(at + 4);
    if (reader.u32(at) == kExif) {
      const auto exif = reader.part(at + kChunkHeader, size);
      if (exif.size() < size) break;
      return {.width = canvas.width, .height = canvas.height, .exif = exif};
    }
    at += kChunkHeader + size + size % 2;
  }
  return {};  // it may have to be turned
}

HeaderFacts heif_facts(Exif file) {
  const auto header = codecs::read_heif_header(file);
  return {
      .width = header.width, .height = header.height, .exif = header.exif, .turned = header.turned};
}

// Of raw files the size of what is decoded is not known without decoding.
HeaderFacts tiff_facts(Exif file, bool raw) {
  if (raw) return {.exif = file};
  const auto header = codecs::read_tiff_header(file);
  return {.width = header.width, .height = header.height, .exif = file};
}

// Numbers of some bits, the lowest first, as JPEG XL has them.
class Bits {
 public:
  explicit Bits(Exif bytes) : bytes_(bytes) {}
  std::uint32_t next(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i, ++at_) {
      if (at_ / 8 < bytes_.size()) value |= (bytes_[at_ / 8] >> at_ % 8 & 1U) << i;
    }
    return value;
  }
  bool ended() const { return at_ > 8 * bytes_.size(); }

 private:
  Exif bytes_;
  std::size_t at_ = 0;
};

// ISO/IEC 18181-1, annexes D.2 and D.3. The codestream is the file, or begins in its box `jxlc` or
// `jxlp`.
HeaderFacts jxl_facts(Exif file) {
  const ByteReader reader{file, ByteOrder::kBig};
  Exif stream = file;
  if (reader.u16(0) != 0xFF0A) {
    constexpr std::uint32_t kWhole = 0x6A786C63;  // "jxlc"
    constexpr std::uint32_t kPart = 0x6A786C70;   // "jxlp"
    stream = {};
    for (std::size_t at = 0; at + 8 <= file.size() && stream.empty();) {
      const std::size_t size = reader.u32(at);
      const std::uint32_t type = reader.u32(at + 4);
      if (type == kWhole) stream = file.subspan(at + 8);
      if (type == kPart && at + 12 < file.size()) stream = file.subspan(at + 12);
      if (size < 8 || size > file.size() - at) break;
      at += size;
    }
    if (stream.size() < 2 || stream[0] != 0xFF || stream[1] != 0x0A) return {};
  }
  Bits bits(stream.subspan(2));
  const bool small = bits.next(1) != 0;
  const auto side = [&]() -> std::int64_t {
    if (small) return 8 * (std::int64_t{bits.next(5)} + 1);
    constexpr std::array<unsigned, 4> kSizes{9, 13, 18, 30};
    return std::int64_t{bits.next(kSizes[bits.next(2)])} + 1;
  };
  HeaderFacts facts;
  facts.height = side();
  constexpr std::array<std::pair<int, int>, 7> kRatios{
      {{1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}}};
  const std::uint32_t ratio = bits.next(3);
  facts.width =
      ratio == 0 ? side() : facts.height * kRatios[ratio - 1].first / kRatios[ratio - 1].second;
  const bool all_default = bits.next(1) != 0;
  if (!all_default && bits.next(1) != 0) facts.swapped = bits.next(3) >= 4;
  return bits.ended() ? HeaderFacts{} : facts;
}

std::string_view raw_type(Exif file) {
  const ByteReader reader{file, ByteOrder::kBig};
  if (reader.u32(4) == 0x66747970) return "image/x-canon-cr3";  // "ftyp"
  if (reader.u32(0) == 0x46554A49) return "image/x-fuji-raf";   // "FUJI"
  if (reader.u32(0) == 0x49495500) return "image/x-panasonic-rw2";
  if (reader.u16(2) == 0x524F || reader.u16(2) == 0x5253 || reader.u16(2) == 0x4F52)
    return "image/x-olympus-orf";
  return "image/x-adobe-dng";
}

}  // namespace

ImageFacts read_image_facts(std::span<const std::byte> file) {
  const auto format = codecs::sniff(file);
  if (!format) return {};
  const Exif bytes(codecs::data_of(file), file.size());
  ImageFacts facts;
  HeaderFacts header;
  switch (*format) {
    case ImageFormat::kJpeg:
      facts.content_type = "image/jpeg";
      header = jpeg_facts(bytes);
      break;
    case ImageFormat::kPng:
      facts.content_type = "image/png";
      header = png_facts(file, bytes);
      break;
    case ImageFormat::kGif:
      facts.content_type = "image/gif";
      header = gif_facts(bytes);
      break;
    case ImageFormat::kWebp:
      facts.content_type = "image/webp";
      header = webp_facts(bytes);
      break;
    case ImageFormat::kBmp: {
      const auto bmp = bmp_facts(bytes);
      if (!bmp) return {};
      facts.content_type = "image/bmp";
      header = *bmp;
      break;
    }
    case ImageFormat::kHeif:
    case ImageFormat::kAvif:
      facts.content_type = *format == ImageFormat::kHeif ? "image/heic" : "image/avif";
      header = heif_facts(bytes);
      break;
    case ImageFormat::kTiff:
      facts.content_type = "image/tiff";
      header = tiff_facts(bytes, false);
      break;
    case ImageFormat::kJxl:
      facts.content_type = "image/jxl";
      header = jxl_facts(bytes);
      break;
    case ImageFormat::kRaw:
      facts.content_type = raw_type(bytes);
      header = tiff_facts(bytes, true);
      break;
  }
  facts.taken_at = codecs::exif_time(header.exif);
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  if (header.width < 1 || header.height < 1 || header.width > kMost || header.height > kMost)
    return facts;
  if (header.swapped || (!header.turned && codecs::exif_orientation(header.exif) >= 5))
    std::swap(header.width, header.height);
  facts.width = static_cast<int>(header.width);
  facts.height = static_cast<int>(header.height);
  return facts;
}

}  // namespace classifier
