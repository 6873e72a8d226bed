#include "adapters/image/image_facts.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"

namespace classifier {
namespace {

using codecs::ByteOrder;
using codecs::ByteReader;
using Exif = std::span<const std::uint8_t>;

// What the header of one format says; 0 and empty: unknown.
struct HeaderFacts {
  std::int64_t width = 0;  // as stored
  std::int64_t height = 0;
  Exif exif;  // a TIFF block
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
  }
  facts.taken_at = codecs::exif_time(header.exif);
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  if (header.width < 1 || header.height < 1 || header.width > kMost || header.height > kMost)
    return facts;
  if (codecs::exif_orientation(header.exif) >= 5) std::swap(header.width, header.height);
  facts.width = static_cast<int>(header.width);
  facts.height = static_cast<int>(header.height);
  return facts;
}

}  // namespace classifier
