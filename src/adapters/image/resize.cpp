#include "adapters/image/resize.hpp"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

// Not with sanitizers: function multiversioning selects functions before their runtime is ready.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
#define CLASSIFIER_SIMD
#else
#define CLASSIFIER_SIMD __attribute__((target_clones("avx2", "default")))
#endif

namespace classifier {
namespace {

// Weights are fixed-point numbers with this many fractional bits: that leaves room in 32 bits for 8
// bits of a pixel, the sign, and the overshoot of bicubic interpolation.
constexpr int kBits = 22;

double weight(Interpolation interpolation, double x) {
  x = std::abs(x);
  if (interpolation == Interpolation::kBilinear) return x < 1 ? 1 - x : 0;
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// For each output position of a window, its input positions and their weights.
struct Kernel {
  int taps = 0;                       // per output
  std::vector<int> first;             // [outputs], input position of the first tap
  std::vector<std::int32_t> weights;  // [outputs, taps]; rows sum to 1 << kBits
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
    // Unused taps have weight 0, but all taps must be inside the image.
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

// Bytes after the pixels of a row for ColumnBlender, which reads 8 bytes at a time.
constexpr std::size_t kRowPadding = 8;
// Lanes of weights for two adjacent RGB pixels: three for each, and two that are 0.
constexpr std::size_t kPairLanes = 8;

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

// Computes a row of RGB pixels, each a weighted sum of neighbours in a row.
class ColumnBlender {
 public:
  ColumnBlender(const Kernel& kernel, [[maybe_unused]] bool simd) : kernel_(kernel) {
#ifdef __x86_64__
    if (simd && __builtin_cpu_supports("avx2") != 0) spread_weights();
#endif
  }

  // `row` begins with the pixel in column `origin`, and has kRowPadding bytes after its pixels.
  void blend(const std::uint8_t* row, int origin, std::uint8_t* target) const {
#ifdef __x86_64__
    if (!lanes_.empty()) return blend_avx2(row, origin, target);
#endif
    const std::int32_t* weights = kernel_.weights.data();
    for (const int first : kernel_.first) {
      const std::uint8_t* in = row + static_cast<std::ptrdiff_t>(first - origin) * 3;
      std::array<std::int32_t, 3> sums;
      sums.fill(1 << (kBits - 1));
      for (int k = 0; k < kernel_.taps; ++k, in += 3) {
        for (std::size_t c = 0; c < 3; ++c) sums[c] += weights[k] * in[c];
      }
      for (const std::int32_t sum : sums) *target++ = to_pixel(sum);
      weights += kernel_.taps;
    }
  }

 private:
#ifdef __x86_64__
  void spread_weights() {
    const auto taps = static_cast<std::size_t>(kernel_.taps);
    pairs_ = (taps + 1) / 2;
    lanes_.assign(kernel_.first.size() * pairs_ * kPairLanes, 0);
    for (std::size_t i = 0; i < kernel_.first.size(); ++i) {
      for (std::size_t k = 0; k < taps; ++k) {
        std::int32_t* const lane = &lanes_[(i * pairs_ + k / 2) * kPairLanes + k % 2 * 3];
        std::fill_n(lane, 3, kernel_.weights[i * taps + k]);
      }
    }
  }

  // The same sums, two pixels at a time. They are integers, so their order does not matter.
  // NOLINTBEGIN(portability-simd-intrinsics): blend() has the portable version
  __attribute__((target("avx2"))) void blend_avx2(const std::uint8_t* row, int origin,
                                                  std::uint8_t* target) const {
    const __m256i half = _mm256_setr_epi32(kHalf, kHalf, kHalf, 0, 0, 0, 0, 0);
    const __m256i second = _mm256_setr_epi32(3, 4, 5, 7, 7, 7, 7, 7);  // its channels to the front
    const std::int32_t* lanes = lanes_.data();
    for (const int first : kernel_.first) {
      const std::uint8_t* in = row + static_cast<std::ptrdiff_t>(first - origin) * 3;
      __m256i sums = half;
      for (std::size_t pair = 0; pair < pairs_; ++pair, in += 6, lanes += kPairLanes) {
        const __m256i pixels =
            _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(in)));
        const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes));
        sums = _mm256_add_epi32(sums, _mm256_mullo_epi32(pixels, weights));
      }
      sums = _mm256_add_epi32(sums, _mm256_permutevar8x32_epi32(sums, second));
      const __m128i pixel = _mm_srai_epi32(_mm256_castsi256_si128(sums), kBits);
      const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(pixel, pixel), pixel);
      const auto packed = static_cast<std::uint32_t>(_mm_cvtsi128_si32(bytes));
      std::memcpy(target, &packed, 3);
      target += 3;
    }
  }
  // NOLINTEND(portability-simd-intrinsics)

  static constexpr std::int32_t kHalf = 1 << (kBits - 1);
  std::size_t pairs_ = 0;
  std::vector<std::int32_t> lanes_;  // [outputs, pairs_, kPairLanes]; empty without AVX2
#endif
  const Kernel& kernel_;
};

}  // namespace

RgbImage resize(const RgbImage& image, int width, int height, Interpolation interpolation,
                const CropWindow& window, bool simd) {
  const Kernel columns = make_kernel(image.width, width, window.left, window.width, interpolation);
  const Kernel rows = make_kernel(image.height, height, window.top, window.height, interpolation);
  // Rows are blended first: this vectorises well, and leaves fewer rows for the slower pass over
  // columns.
  const int left = columns.first.front();
  const int right = columns.first.back() + columns.taps;
  const std::size_t count = static_cast<std::size_t>(right - left) * 3;
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::int32_t> sums(count);
  std::vector<std::uint8_t> blended(count + kRowPadding);
  const ColumnBlender blender(columns, simd);
  RgbImage result = make_image(window.width, window.height);
  for (int y = 0; y < window.height; ++y) {
    const auto out_row = static_cast<std::size_t>(y);
    const std::uint8_t* in = image.pixels.data() +
                             static_cast<std::size_t>(rows.first[out_row]) * stride +
                             static_cast<std::size_t>(left) * 3;
    blend_rows(in, stride, &rows.weights[out_row * static_cast<std::size_t>(rows.taps)], rows.taps,
               count, sums.data(), blended.data());
    blender.blend(blended.data(), left,
                  &result.pixels[out_row * static_cast<std::size_t>(window.width) * 3]);
  }
  return result;
}

}  // namespace classifier
