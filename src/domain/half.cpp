#include "domain/half.hpp"

#include <bit>

namespace classifier {

std::uint16_t to_half(float value) {
  return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
}

float from_half(std::uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }

void round_to_half(std::span<float> values) {
  for (float& value : values) value = from_half(to_half(value));
}

}  // namespace classifier
