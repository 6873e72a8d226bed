// Arithmetic of vectors.
#pragma once

#include <cstddef>
#include <span>

namespace classifier {

// Σ a[i] × b[i]: of vectors of length 1 their cosine. `b` is at least as long as `a`.
inline float dot(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace classifier
