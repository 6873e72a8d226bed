#include "adapters/image/resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

// Function multiversioning runs before a sanitizer's runtime is ready.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
#define CLASSIFIER_SIMD
#else
#define CLASSIFIER_SIMD __attribute__((target_clones("avx2", "default")))
#endif

namespace classifier {
namespace {

// Weights are fixed-point with this many bits after the point: 8 bits of pixel, a sign and an
// overshoot still fit.
constexpr int kBits = 22;

double weight(Interpolation interpolation, double x) {
  x = std::abs(x);
  if (interpolation == Interpolation::kBilinear) return x < 1 ? 1 - x : 0;
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// For each output position of a window, the input positions that it is made of.
struct Kernel {
  int taps = 0;                       // per output
  std::vector<int> first;             // input position of each output's first tap
  std::vector<std::int32_t> weights;  // [outputs, taps], rows sum to 1 << kBits
};

Kernel make_kernel(int in_size, int out_size, int window_begin, int window_size,
                   Interpolation interpolation) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double widen = std::max(scale, 1.0);
  const double support = (interpolation == Interpolation::kBilinear ? 1.0 : 2.0) * widen;
  Kernel kernel;
  kernel.taps = std::min(static_cast<int>(std::ceil(support)) * 2 + 1, in_size);
  kernel.weights.assign(
      static_cast<std::size_t>(window_size) * static_cast<std::size_t>(kernel.taps), 0);
  std::vector<double> row(static_cast<std::size_t>(kernel.taps));
  for (int i = 0; i < window_size; ++i) {
    const double centre = (window_begin + i + 0.5) * scale;
    const int begin = std::max(static_cast<int>(std::floor(centre - support + 0.5)), 0);
    const int end = std::min(
        {static_cast<int>(std::floor(centre + support + 0.5)), in_size, begin + kernel.taps});
    double sum = 0;
    for (int x = begin; x < end; ++x) {
      row[static_cast<std::size_t>(x - begin)] = weight(interpolation, (x - centre + 0.5) / widen);
      sum += row[static_cast<std::size_t>(x - begin)];
    }
    // Unused taps stay 0, but every tap must lie inside of the image.
    const int first = std::min(begin, in_size - kernel.taps);
    kernel.first.push_back(first);
    std::int32_t* out =
        &kernel.weights[static_cast<std::size_t>(i) * static_cast<std::size_t>(kernel.taps)];
    for (int x = begin; x < end; ++x) {
      out[x - first] = static_cast<std::int32_t>(
          std::lround(row[static_cast<std::size_t>(x - begin)] / sum * (1 << kBits)));
    }
  }
  return kernel;
}

std::uint8_t to_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kBits, 0, 255));
}

// target[i] = Σ weights[k] × rows[k × stride + i], for `count` bytes.
CLASSIFIER_SIMD void blend_rows(const std::uint8_t* rows, std::size_t stride,
                                const std::int32_t* weights, int taps, std::size_t count,
                                std::int32_t* sums, std::uint8_t* target) {
  for (std::size_t i = 0; i < count; ++i) sums[i] = 1 << (kBits - 1);
  for (int k = 0; k < taps; ++k) {
    const std::int32_t w = weights[k];
    if (w == 0) continue;
    const std::uint8_t* row = rows + static_cast<std::size_t>(k) * stride;
    for (std::size_t i = 0; i < count; ++i) sums[i] += w * row[i];
  }
  for (std::size_t i = 0; i < count; ++i) target[i] = to_pixel(sums[i]);
}

// One row of RGB pixels, each blended from `taps` neighbours.
CLASSIFIER_SIMD void blend_columns(const std::uint8_t* row, const int* first,
                                   const std::int32_t* weights, int taps, int count, int origin,
                                   std::uint8_t* target) {
  for (int x = 0; x < count; ++x, target += 3, weights += taps) {
    const std::uint8_t* in = row + static_cast<std::ptrdiff_t>(first[x] - origin) * 3;
    std::int32_t r = 1 << (kBits - 1);
    std::int32_t g = r;
    std::int32_t b = r;
    for (int k = 0; k < taps; ++k, in += 3) {
      r += weights[k] * in[0];
      g += weights[k] * in[1];
      b += weights[k] * in[2];
    }
    target[0] = to_pixel(r);
    target[1] = to_pixel(g);
    target[2] = to_pixel(b);
  }
}

}  // namespace

RgbImage resize(const RgbImage& image, int width, int height, Interpolation interpolation,
                const CropWindow& window) {
  const Kernel columns = make_kernel(image.width, width, window.left, window.width, interpolation);
  const Kernel rows = make_kernel(image.height, height, window.top, window.height, interpolation);
  // Rows first: it runs over whole rows of bytes, and leaves few rows for the slower pass over
  // columns.
  const int left = columns.first.front();
  const int right = columns.first.back() + columns.taps;
  const std::size_t count = static_cast<std::size_t>(right - left) * 3;
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::int32_t> sums(count);
  std::vector<std::uint8_t> blended(count);
  RgbImage result{window.width, window.height,
                  std::vector<std::uint8_t>(static_cast<std::size_t>(window.width) *
                                            static_cast<std::size_t>(window.height) * 3)};
  for (int y = 0; y < window.height; ++y) {
    const auto out_row = static_cast<std::size_t>(y);
    const std::uint8_t* in = image.pixels.data() +
                             static_cast<std::size_t>(rows.first[out_row]) * stride +
                             static_cast<std::size_t>(left) * 3;
    blend_rows(in, stride, &rows.weights[out_row * static_cast<std::size_t>(rows.taps)], rows.taps,
               count, sums.data(), blended.data());
    blend_columns(blended.data(), columns.first.data(), columns.weights.data(), columns.taps,
                  window.width, left,
                  &result.pixels[out_row * static_cast<std::size_t>(window.width) * 3]);
  }
  return result;
}

}  // namespace classifier
