// Products of vectors of 8-bit numbers, by the best instructions of the processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace classifier {

// For each row Σ query[i] × row[i], into `products`, as long as `rows`. The query and every row
// have `size` numbers from -127 to 127, at most 100,000 of them.
void multiply_i8(const std::int8_t* query, std::span<const std::int8_t* const> rows,
                 std::size_t size, std::int32_t* products);

// Fills `rounded`, as long as `values`, with numbers from -127 to 127, and returns the scale:
// values[i] is about rounded[i] × scale. 0 where all values are 0.
float round_to_i8(std::span<const float> values, std::int8_t* rounded);

}  // namespace classifier
