// Products of vectors of 8-bit numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace classifier {

// Σ a[i] × b[i]. Both have `size` numbers from -127 to 127, at most 65,536 of them.
std::int32_t dot_i8(const std::int8_t* a, const std::int8_t* b, std::size_t size);

// Fills `rounded`, as long as `values`, with numbers from -127 to 127, and returns the scale:
// values[i] is about rounded[i] × scale. 0 where all values are 0.
float round_to_i8(std::span<const float> values, std::int8_t* rounded);

}  // namespace classifier
