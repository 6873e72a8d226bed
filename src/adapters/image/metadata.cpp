#include "adapters/image/metadata.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {
namespace {

bool begins_with(FileBytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), text);
}

// The bytes before the first zero, and those behind it; nullopt: there is no zero.
std::optional<std::pair<std::string_view, FileBytes>> split_at_zero(FileBytes bytes) {
  const auto zero = std::ranges::find(bytes, 0);
  if (zero == bytes.end()) return std::nullopt;
  const auto length = static_cast<std::size_t>(zero - bytes.begin());
  return std::pair{std::string_view(reinterpret_cast<const char*>(bytes.data()), length),
                   bytes.subspan(length + 1)};
}

// The first part of what zlib compressed, or of what of it is not damaged. No metadata that are
// wanted are longer than the limit.
std::vector<std::uint8_t> inflate_some(FileBytes compressed) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  constexpr std::size_t kFirst = std::size_t{1} << 14;
  std::vector<std::uint8_t> text;
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return text;
  stream.next_in = const_cast<std::uint8_t*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  int code = Z_OK;
  std::size_t used = 0;
  while (code == Z_OK && used < kMost) {
    text.resize(std::max(kFirst, 2 * used));
    stream.next_out = text.data() + used;
    stream.avail_out = static_cast<uInt>(text.size() - used);
    code = inflate(&stream, Z_NO_FLUSH);
    used = text.size() - stream.avail_out;
  }
  inflateEnd(&stream);
  text.resize(used);
  return text;
}

std::optional<unsigned> hex_digit(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10U;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10U;
  return std::nullopt;
}

// What ImageMagick writes as a profile: a line with its name, one with its size, and hexadecimal
// digits in lines.
std::vector<std::uint8_t> read_raw_profile(FileBytes text) {
  for (int line = 0; line < 2; ++line) {
    const auto begin = std::ranges::find_if(text, [](std::uint8_t c) { return c > ' '; });
    const auto end = std::find(begin, text.end(), '\n');
    text = text.subspan(static_cast<std::size_t>(end - text.begin()));
  }
  std::vector<std::uint8_t> profile;
  std::optional<unsigned> first;
  for (const std::uint8_t c : text) {
    const auto digit = hex_digit(c);
    if (!digit) continue;
    if (first) profile.push_back(static_cast<std::uint8_t>(*first << 4U | *digit));
    first = first ? std::nullopt : digit;
  }
  return profile;
}

constexpr std::string_view kProfileHeader("ICC_PROFILE\0", 12);
constexpr std::string_view kXmpHeader("http://ns.adobe.com/xap/1.0/\0", 29);

// What a text chunk of PNG says, as far as it is Exif or XMP.
void read_text_chunk(std::uint32_t type, FileBytes data, PngMetadata& metadata) {
  const auto keyword = split_at_zero(data);
  if (!keyword) return;
  auto [name, text] = *keyword;
  constexpr std::string_view kProfile = "Raw profile type ";
  const bool is_xmp = name == "XML:com.adobe.xmp";
  if (!is_xmp && !name.starts_with(kProfile)) return;
  bool compressed = type == png_type("zTXt");
  if (compressed) {
    text = text.subspan(std::min<std::size_t>(text.size(), 1));  // the method
  } else if (type == png_type("iTXt")) {
    if (text.size() < 2) return;
    compressed = text[0] != 0;
    const auto language = split_at_zero(text.subspan(2));
    if (!language) return;
    const auto translated = split_at_zero(language->second);
    if (!translated) return;
    text = translated->second;
  }
  std::vector<std::uint8_t> inflated;
  if (compressed) text = inflated = inflate_some(text);
  if (is_xmp) {
    if (!metadata.xmp.empty()) return;
    metadata.unpacked_xmp = std::move(inflated);
    metadata.xmp = compressed ? FileBytes(metadata.unpacked_xmp) : text;
    return;
  }
  name.remove_prefix(kProfile.size());
  if (name != "exif" && name != "APP1" && name != "xmp") return;
  std::vector<std::uint8_t> profile = read_raw_profile(text);
  if (name == "xmp" || begins_with(profile, kXmpHeader)) {
    if (!metadata.xmp.empty()) return;
    metadata.unpacked_xmp = std::move(profile);
    metadata.xmp = metadata.unpacked_xmp;
  } else if (metadata.unpacked_exif.empty()) {
    metadata.unpacked_exif = std::move(profile);
  }
}

constexpr std::uint32_t webp_type(const char (&name)[5]) {
  std::uint32_t type = 0;
  for (int i = 3; i >= 0; --i) type = type << 8U | static_cast<std::uint8_t>(name[i]);
  return type;
}

// The size in a chunk "VP8 " or "VP8L"; 0 × 0 where it is not valid.
std::pair<std::int64_t, std::int64_t> webp_size(std::uint32_t type, FileBytes data) {
  constexpr std::uint32_t kSide = 0x3FFF;  // 14 bits
  const ByteReader reader{data};
  if (type == webp_type("VP8 ")) {  // RFC 6386, section 9.1
    if (reader.u24(3) != 0x2A019D || data.size() < 10) return {};
    return {reader.u16(6) & kSide, reader.u16(8) & kSide};
  }
  if (reader.u8(0) != 0x2F || data.size() < 5) return {};
  const std::uint32_t sides = reader.u32(1);
  return {(sides & kSide) + 1, (sides >> 14U & kSide) + 1};
}

// The chunks of an image or of a frame, from `at` to `end`.
void read_webp_frame(FileBytes file, std::size_t at, std::size_t end, WebpMetadata& metadata) {
  constexpr std::size_t kChunkHeader = 8;
  const ByteReader reader{file};
  std::size_t begin = 0;
  for (; at + kChunkHeader <= std::min(end, file.size());) {
    const std::uint32_t type = reader.u32(at);
    const std::size_t size = reader.u32(at + 4);
    const std::size_t next = at + kChunkHeader + size + size % 2;
    if (type == webp_type("ALPH") && begin == 0) begin = at;
    if (type == webp_type("VP8 ") || type == webp_type("VP8L")) {
      if (begin == 0) begin = at;
      metadata.pixels_at = at - begin;
      metadata.frame_size = at + kChunkHeader + size - begin;
      metadata.frame = reader.part(begin, metadata.frame_size);
      return;
    }
    at = next;
  }
}

}  // namespace

JpegMetadata read_jpeg_metadata(FileBytes file) {
  const ByteReader reader{file, ByteOrder::kBig};
  JpegMetadata metadata;
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
        (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) ||
        marker == 0xF7;  // of JPEG-LS
    if (is_frame && metadata.frame == 0) {
      metadata.frame = marker;
      metadata.bits = reader.u8(at + 2);
      metadata.height = reader.u16(at + 3);
      metadata.width = reader.u16(at + 5);
    }
    if (marker == 0xE1 && size > 2) {
      const auto segment = reader.part(at + 2, size - 2);
      const bool is_exif = begins_with(segment, std::string_view("Exif\0", 5)) ||
                           begins_with(segment, std::string_view("II*\0", 4)) ||
                           begins_with(segment, std::string_view("MM\0*", 4));
      // Some programs leave an empty block before their own.
      constexpr std::size_t kSmallest = 6 + 8 + 2 + 12;  // with one entry
      if (segment.size() == size - 2 && is_exif &&
          (metadata.exif.empty() || metadata.exif.size() < kSmallest))
        metadata.exif = segment;
      if (segment.size() == size - 2 && begins_with(segment, kXmpHeader) && metadata.xmp.empty())
        metadata.xmp = segment;
    }
    if (marker == 0xE2 && size > 2) {  // ICC.1:2022, B.4
      const auto segment = reader.part(at + 2, size - 2);
      constexpr std::size_t kHeader = kProfileHeader.size();
      if (begins_with(segment, kProfileHeader) && segment.size() > kHeader + 2) {
        metadata.profile_parts.emplace(segment[kHeader], segment.subspan(kHeader + 2));
        metadata.profile_part_count = segment[kHeader + 1];
      }
    }
    at += std::max<std::size_t>(size, 2);
  }
  return metadata;
}

PngChunk png_chunk_at(FileBytes file, std::size_t at) {
  constexpr std::size_t kAround = 12;  // length and type before a chunk's data, checksum after it
  const ByteReader reader{file, ByteOrder::kBig};
  const std::size_t length = reader.u32(at);
  return {.type = reader.u32(at + 4),
          .data = reader.part(at + 8, length),
          .next = at + kAround + length,
          .is_whole = at + kAround + length <= file.size()};
}

PngMetadata read_png_metadata(FileBytes file) {
  PngMetadata metadata;
  for (std::size_t at = kFirstPngChunk; at < file.size();) {
    const PngChunk chunk = png_chunk_at(file, at);
    const ByteReader reader{chunk.data, ByteOrder::kBig};
    if (chunk.type == png_type("IHDR") && at == kFirstPngChunk) {
      metadata.width = reader.u32(0);
      metadata.height = reader.u32(4);
    }
    if (!chunk.is_whole || chunk.type == png_type("IEND")) break;
    if (chunk.type == png_type("iCCP")) metadata.packed_profile = chunk.data;
    if (chunk.type == png_type("eXIf") && metadata.exif.empty()) metadata.exif = chunk.data;
    if (chunk.type == png_type("tEXt") || chunk.type == png_type("zTXt") ||
        chunk.type == png_type("iTXt"))
      read_text_chunk(chunk.type, chunk.data, metadata);
    at = chunk.next;
  }
  if (metadata.exif.empty()) metadata.exif = metadata.unpacked_exif;
  return metadata;
}

WebpMetadata read_webp_metadata(FileBytes file) {
  constexpr std::size_t kFirstChunk = 12;
  constexpr std::size_t kChunkHeader = 8;
  constexpr std::size_t kFrameHeader = 16;
  constexpr std::uint32_t kHasExif = 0x08;
  const ByteReader reader{file};
  WebpMetadata metadata;
  const std::uint32_t first = reader.u32(kFirstChunk);
  if (first == webp_type("VP8 ") || first == webp_type("VP8L")) {
    std::tie(metadata.width, metadata.height) =
        webp_size(first, reader.part(kFirstChunk + kChunkHeader, file.size()));
    read_webp_frame(file, kFirstChunk, file.size(), metadata);
    return metadata;
  }
  const std::size_t header = kFirstChunk + kChunkHeader;
  if (first != webp_type("VP8X") || file.size() < header + 10) return metadata;
  metadata.width = std::int64_t{reader.u24(header + 4)} + 1;
  metadata.height = std::int64_t{reader.u24(header + 7)} + 1;
  for (std::size_t at = kFirstChunk; at + kChunkHeader <= file.size();) {
    const std::uint32_t type = reader.u32(at);
    const std::size_t size = reader.u32(at + 4);
    const std::size_t data = at + kChunkHeader;
    const FileBytes body = reader.part(data, size);
    if (metadata.frame.empty() && type == webp_type("ANMF")) {
      metadata.left = 2 * std::int64_t{reader.u24(data)};
      metadata.top = 2 * std::int64_t{reader.u24(data + 3)};
      read_webp_frame(file, data + kFrameHeader, data + size, metadata);
    } else if (metadata.frame.empty() && (type == webp_type("ALPH") || type == webp_type("VP8 ") ||
                                          type == webp_type("VP8L"))) {
      read_webp_frame(file, at, file.size(), metadata);
    }
    if (type == webp_type("EXIF") && body.size() == size && metadata.exif.empty())
      metadata.exif = body;
    if (type == webp_type("ICCP") && body.size() == size) metadata.profile = body;
    if (type == webp_type("XMP ") && body.size() == size && metadata.xmp.empty())
      metadata.xmp = body;
    at = data + size + size % 2;
  }
  metadata.lacks_exif = (reader.u8(header) & kHasExif) != 0 && metadata.exif.empty();
  return metadata;
}

GifFrame read_gif_frame(FileBytes file) {
  constexpr std::size_t kScreen = 13;  // signature and description of the screen
  constexpr std::uint32_t kHasColours = 0x80;
  const ByteReader reader{file};
  GifFrame frame;
  if (file.size() < kScreen) return frame;
  const auto colours_at = [&](std::size_t at, std::uint32_t flags) {
    return reader.part(at, 3UL * (2U << (flags & 7U)));
  };
  std::size_t at = kScreen;
  if ((reader.u8(10) & kHasColours) != 0) {
    frame.colours = colours_at(at, reader.u8(10));
    at += 3UL * (2U << (reader.u8(10) & 7U));
  }
  while (at < file.size()) {
    const std::uint32_t block = reader.u8(at);
    if (block == ';') return frame;
    if (block == '!') {
      constexpr std::uint32_t kControl = 0xF9;
      if (reader.u8(at + 1) == kControl && reader.u8(at + 2) >= 4)
        frame.transparent =
            (reader.u8(at + 3) & 1U) != 0 ? static_cast<int>(reader.u8(at + 6)) : -1;
      at += 2;
      while (reader.u8(at) != 0) at += 1 + reader.u8(at);
      ++at;
      continue;
    }
    if (block != ',') {  // as browsers do, bytes that begin no block are passed over
      ++at;
      continue;
    }
    constexpr std::size_t kDescription = 10;
    if (at + kDescription > file.size()) return frame;
    frame.left = static_cast<int>(reader.u16(at + 1));
    frame.top = static_cast<int>(reader.u16(at + 3));
    frame.width = static_cast<int>(reader.u16(at + 5));
    frame.height = static_cast<int>(reader.u16(at + 7));
    const std::uint32_t flags = reader.u8(at + 9);
    frame.interlaced = (flags & 0x40U) != 0;
    at += kDescription;
    if ((flags & kHasColours) != 0) {
      frame.colours = colours_at(at, flags);
      at += 3UL * (2U << (flags & 7U));
    }
    frame.data = at;
    // As browsers do: a frame without a size has that of the screen, and the screen is at least as
    // large as the first frame.
    const auto screen_width = static_cast<int>(reader.u16(6));
    const auto screen_height = static_cast<int>(reader.u16(8));
    if (frame.width == 0) frame.width = screen_width;
    if (frame.height == 0) frame.height = screen_height;
    frame.canvas_width = std::max(screen_width, frame.left + frame.width);
    frame.canvas_height = std::max(screen_height, frame.top + frame.height);
    return frame;
  }
  return frame;
}

std::optional<std::pair<std::int64_t, std::int64_t>> bmp_size(FileBytes file) {
  const ByteReader reader{file};
  const std::uint32_t header = reader.u32(14);
  if (header == 12) return std::pair<std::int64_t, std::int64_t>{reader.u16(18), reader.u16(20)};
  if (header < 16 || header > 256) return std::nullopt;
  // Rows from the top have a negative height.
  const auto height = static_cast<std::int32_t>(reader.u32(22));
  return std::pair<std::int64_t, std::int64_t>{static_cast<std::int32_t>(reader.u32(18)),
                                               std::abs(std::int64_t{height})};
}

}  // namespace classifier::codecs
