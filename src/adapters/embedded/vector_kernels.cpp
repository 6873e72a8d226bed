#include "adapters/embedded/vector_kernels.hpp"

#include <algorithm>
#include <cmath>

namespace classifier {

__attribute__((target_clones("arch=icelake-server", "avx2", "default"))) std::int32_t dot_i8(
    const std::int8_t* a, const std::int8_t* b, std::size_t size) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += static_cast<std::int32_t>(a[i]) * b[i];
  return sum;
}

float round_to_i8(std::span<const float> values, std::int8_t* rounded) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::abs(value));
  const float scale = most / 127;
  for (std::size_t i = 0; i < values.size(); ++i) {
    rounded[i] = static_cast<std::int8_t>(
        scale > 0 ? std::clamp(std::lround(values[i] / scale), -127L, 127L) : 0);
  }
  return scale;
}

}  // namespace classifier
