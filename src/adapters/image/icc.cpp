#include "adapters/image/icc.hpp"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {
namespace {

constexpr std::size_t kMostBytes = 4UL << 20;

bool begins_with(FileBytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), text);
}

std::vector<std::uint8_t> inflated(FileBytes packed) {
  std::vector<std::uint8_t> bytes(std::min(kMostBytes, 1024 * (packed.size() + 1)));
  uLongf size = bytes.size();
  if (::uncompress(bytes.data(), &size, packed.data(), packed.size()) != Z_OK) return {};
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::vector<std::uint8_t> jpeg_profile(FileBytes file) {
  constexpr std::string_view kName("ICC_PROFILE\0", 12);
  const ByteReader reader{file, ByteOrder::kBig};
  std::map<std::uint32_t, FileBytes> parts;  // by their numbers, from 1
  std::uint32_t count = 0;
  for (std::size_t at = 2; at + 4 <= file.size();) {
    if (reader.u8(at) != 0xFF || reader.u8(at + 1) == 0xFF) {
      ++at;
      continue;
    }
    const std::uint32_t marker = reader.u8(at + 1);
    at += 2;
    if (marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;  // without a segment
    if (marker == 0xD9 || marker == 0xDA) break;  // the end, or the first scan
    const std::size_t size = std::max<std::size_t>(reader.u16(at), 2);
    const FileBytes segment = reader.part(at + 2, size - 2);
    if (marker == 0xE2 && begins_with(segment, kName) && segment.size() > kName.size() + 2) {
      parts.emplace(segment[kName.size()], segment.subspan(kName.size() + 2));
      count = segment[kName.size() + 1];
    }
    at += size;
  }
  if (parts.size() != count || count == 0 || parts.begin()->first != 1 ||
      parts.rbegin()->first != count)
    return {};
  std::vector<std::uint8_t> profile;
  for (const auto& [number, part] : parts) profile.insert(profile.end(), part.begin(), part.end());
  return profile;
}

std::vector<std::uint8_t> png_profile(FileBytes file) {
  constexpr std::size_t kSignature = 8;
  constexpr std::size_t kAround = 12;             // length and type before the data, CRC after it
  constexpr std::uint32_t kProfile = 0x69434350;  // "iCCP"
  constexpr std::uint32_t kPixels = 0x49444154;   // "IDAT", which profiles come before
  const ByteReader reader{file, ByteOrder::kBig};
  for (std::size_t at = kSignature; at + kAround <= file.size();) {
    const std::size_t length = reader.u32(at);
    const std::uint32_t type = reader.u32(at + 4);
    if (type == kPixels || length > file.size() - at - kAround) break;
    if (type == kProfile) {
      const FileBytes data = reader.part(at + 8, length);
      const auto name_end = std::ranges::find(data, 0);
      const auto begin = static_cast<std::size_t>(name_end - data.begin()) + 2;
      return begin < data.size() ? inflated(data.subspan(begin)) : std::vector<std::uint8_t>();
    }
    at += kAround + length;
  }
  return {};
}

std::vector<std::uint8_t> webp_profile(FileBytes file) {
  constexpr std::size_t kFirstChunk = 12;
  constexpr std::uint32_t kProfile = 0x50434349;  // "ICCP"
  const ByteReader reader{file};
  for (std::size_t at = kFirstChunk; at + 8 <= file.size();) {
    const std::size_t size = reader.u32(at + 4);
    if (reader.u32(at) == kProfile) {
      const FileBytes data = reader.part(at + 8, size);
      if (data.size() < size || size > kMostBytes) return {};
      return {data.begin(), data.end()};
    }
    at += 8 + size + size % 2;
  }
  return {};
}

}  // namespace classifier::codecs
