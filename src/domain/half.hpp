// Numbers of 16 bits: IEEE 754 binary16, with 11 bits of precision and a range of ±65,504.
#pragma once

#include <cstdint>
#include <span>

namespace classifier {

// The nearest number of 16 bits; ties to even. Infinite beyond the range.
std::uint16_t to_half(float value);
float from_half(std::uint16_t bits);

// Replaces each value by from_half(to_half(value)).
void round_to_half(std::span<float> values);

}  // namespace classifier
