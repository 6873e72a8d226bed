#include "adapters/image/icc.hpp"

#include <zlib.h>

#include <algorithm>

namespace classifier::codecs {

std::vector<std::uint8_t> jpeg_profile(const JpegMetadata& metadata) {
  const auto& parts = metadata.profile_parts;
  const std::uint32_t count = metadata.profile_part_count;
  if (count == 0 || parts.size() != count || parts.begin()->first != 1 ||
      parts.rbegin()->first != count)
    return {};
  std::vector<std::uint8_t> profile;
  for (const auto& [number, part] : parts) profile.insert(profile.end(), part.begin(), part.end());
  return profile;
}

std::vector<std::uint8_t> png_profile(const PngMetadata& metadata) {
  constexpr std::size_t kMostBytes = 4UL << 20;
  // A name, a zero and the method of compression are before it.
  const FileBytes chunk = metadata.packed_profile;
  const auto name = static_cast<std::size_t>(std::ranges::find(chunk, 0) - chunk.begin());
  if (chunk.size() < name + 2) return {};
  const FileBytes packed = chunk.subspan(name + 2);
  std::vector<std::uint8_t> profile(std::min(kMostBytes, 1024 * (packed.size() + 1)));
  uLongf size = profile.size();
  if (::uncompress(profile.data(), &size, packed.data(), packed.size()) != Z_OK) return {};
  profile.resize(size);
  return profile;
}

}  // namespace classifier::codecs
