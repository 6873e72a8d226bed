#include "adapters/image/codecs.hpp"

namespace classifier::codecs {
namespace {

// Reads numbers in a TIFF block (TIFF 6.0, section 2); outside the block they are 0.
struct TiffReader {
  std::span<const std::uint8_t> bytes;
  bool big_endian = false;

  std::uint32_t u16(std::size_t at) const {
    if (at + 2 > bytes.size()) return 0;
    return big_endian ? static_cast<std::uint32_t>(bytes[at] << 8U | bytes[at + 1])
                      : static_cast<std::uint32_t>(bytes[at + 1] << 8U | bytes[at]);
  }
  std::uint32_t u32(std::size_t at) const {
    return big_endian ? u16(at) << 16U | u16(at + 2) : u16(at + 2) << 16U | u16(at);
  }
};

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShort = 3;

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) {
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  const TiffReader reader{tiff, tiff[0] == 'M'};
  if (reader.u16(2) != 42) return 1;
  const std::size_t directory = reader.u32(4);
  const std::uint32_t entries = reader.u16(directory);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12UL * i;
    if (entry + 12 > tiff.size()) return 1;
    if (reader.u16(entry) != kOrientationTag || reader.u16(entry + 2) != kShort) continue;
    const std::uint32_t value = reader.u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace classifier::codecs
