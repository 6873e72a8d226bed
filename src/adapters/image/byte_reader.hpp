// Reads numbers of untrusted files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace classifier::codecs {

using FileBytes = std::span<const std::uint8_t>;

enum class ByteOrder { kLittle, kBig };

// A number that is not wholly inside `bytes` is 0.
struct ByteReader {
  FileBytes bytes;
  ByteOrder order = ByteOrder::kLittle;

  std::uint32_t u8(std::size_t at) const { return number(at, 1); }
  std::uint32_t u16(std::size_t at) const { return number(at, 2); }
  std::uint32_t u24(std::size_t at) const { return number(at, 3); }
  std::uint32_t u32(std::size_t at) const { return number(at, 4); }

  // What of this range is there.
  FileBytes part(std::size_t at, std::size_t size) const {
    if (at >= bytes.size()) return {};
    const auto rest = bytes.subspan(at);
    return rest.first(size < rest.size() ? size : rest.size());
  }

 private:
  std::uint32_t number(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || bytes.size() - at < size) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value = value << 8U | bytes[order == ByteOrder::kBig ? at + i : at + size - 1 - i];
    return value;
  }
};

}  // namespace classifier::codecs
