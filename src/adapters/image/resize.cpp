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
namespace resizing {

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

// Half the width of a kernel, in input positions.
double support_of(int in_size, int out_size, Interpolation interpolation) {
  const double widen = std::max(static_cast<double>(in_size) / out_size, 1.0);
  return (interpolation == Interpolation::kBilinear ? 1.0 : 2.0) * widen;
}

int taps_of(int in_size, int out_size, Interpolation interpolation) {
  const double taps = std::ceil(support_of(in_size, out_size, interpolation)) * 2 + 1;
  return static_cast<int>(std::min<double>(taps, in_size));
}

Kernel make_kernel(int in_size, int out_size, int window_begin, int window_size,
                   Interpolation interpolation) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double widen = std::max(scale, 1.0);
  const double support = support_of(in_size, out_size, interpolation);
  Kernel kernel;
  kernel.taps = taps_of(in_size, out_size, interpolation);
  kernel.weights.assign(
      static_cast<std::size_t>(window_size) * static_cast<std::size_t>(kernel.taps), 0);
  std::vector<double> row(static_cast<std::size_t>(kernel.taps));
  for (int i = 0; i < window_size; ++i) {
    const double centre = (window_begin + i + 0.5) * scale;
    const int begin = std::max(static_cast<int>(std::floor(centre - support + 0.5)), 0);
    const int end =
        std::min(static_cast<int>(std::min<double>(std::floor(centre + support + 0.5), in_size)),
                 begin + kernel.taps);
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

// Bytes that are blended at once, whose sums fit into registers.
constexpr std::size_t kBlock = 32;

// target[i] = Σ weights[k] × rows[k][offset + i], for `count` bytes.
CLASSIFIER_SIMD void blend_rows(const std::uint8_t* const* rows, std::size_t offset,
                                const std::int32_t* weights, int taps, std::size_t count,
                                std::uint8_t* target) {
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    std::array<std::int32_t, kBlock> sums;
    for (std::size_t j = 0; j < kBlock; ++j) sums[j] = 1 << (kBits - 1);
    for (int k = 0; k < taps; ++k) {
      const std::int32_t w = weights[k];
      const std::uint8_t* const row = rows[k] + offset + i;
      for (std::size_t j = 0; j < kBlock; ++j) sums[j] += w * row[j];
    }
    for (std::size_t j = 0; j < kBlock; ++j) target[i + j] = to_pixel(sums[j]);
  }
  for (; i < count; ++i) {
    std::int32_t sum = 1 << (kBits - 1);
    for (int k = 0; k < taps; ++k) sum += weights[k] * rows[k][offset + i];
    target[i] = to_pixel(sum);
  }
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

}  // namespace resizing

using namespace resizing;

class RowResizer::Impl {
 public:
  Impl(int in_width, int in_height, int width, int height, Interpolation interpolation,
       const CropWindow& window, bool simd)
      : columns_(make_kernel(in_width, width, window.left, window.width, interpolation)),
        rows_(make_kernel(in_height, height, window.top, window.height, interpolation)),
        blender_(columns_, simd),
        left_(columns_.first.front()),
        count_(static_cast<std::size_t>(columns_.first.back() + columns_.taps - left_) * 3),
        blended_(count_ + kRowPadding),
        recent_(static_cast<std::size_t>(rows_.taps)),
        in_use_(recent_.size()),
        result_(make_image(window.width, window.height)) {}

  std::size_t taps() const { return recent_.size(); }

  void add(const std::uint8_t* row) {
    recent_[added_ % taps()] = row;
    ++added_;
    while (blended_rows_ < rows_.first.size() &&
           static_cast<std::size_t>(rows_.first[blended_rows_]) + taps() <= added_) {
      blend();
    }
  }

  RgbImage take() { return std::move(result_); }

 private:
  // Rows are blended first: this vectorises well, and leaves fewer rows for the slower pass over
  // columns.
  void blend() {
    const auto first = static_cast<std::size_t>(rows_.first[blended_rows_]);
    for (std::size_t k = 0; k < taps(); ++k) in_use_[k] = recent_[(first + k) % taps()];
    blend_rows(in_use_.data(), static_cast<std::size_t>(left_) * 3,
               &rows_.weights[blended_rows_ * taps()], rows_.taps, count_, blended_.data());
    blender_.blend(blended_.data(), left_,
                   &result_.pixels[result_.offset(0, static_cast<int>(blended_rows_))]);
    ++blended_rows_;
  }

  const Kernel columns_;
  const Kernel rows_;
  const ColumnBlender blender_;
  const int left_;
  const std::size_t count_;  // bytes of a row that are blended
  std::vector<std::uint8_t> blended_;
  std::vector<const std::uint8_t*> recent_;  // row i is at i % taps
  std::vector<const std::uint8_t*> in_use_;  // in order
  std::size_t added_ = 0;
  std::size_t blended_rows_ = 0;
  RgbImage result_;
};

RowResizer::RowResizer(int in_width, int in_height, int width, int height,
                       Interpolation interpolation, const CropWindow& window, bool simd)
    : impl_(std::make_unique<Impl>(in_width, in_height, width, height, interpolation, window,
                                   simd)) {}
RowResizer::~RowResizer() = default;

std::uint64_t RowResizer::memory(int in_width, int in_height, int width, int height,
                                 Interpolation interpolation, const CropWindow& window) {
  constexpr std::uint64_t kBytesOfColumnTap = 4 + 4 * kPairLanes / 2;
  constexpr std::uint64_t kBytesOfRowTap = 4;
  const auto product = [](std::uint64_t a, int b) { return a * static_cast<std::uint64_t>(b); };
  const int column_taps = taps_of(in_width, width, interpolation);
  const int row_taps = taps_of(in_height, height, interpolation);
  const std::uint64_t kernels = product(product(kBytesOfColumnTap, window.width), column_taps) +
                                product(product(kBytesOfRowTap, window.height), row_taps);
  const std::uint64_t row = product(3, in_width);
  const std::uint64_t result = product(product(3, window.width), window.height);
  return kernels + product(row, row_taps) + 5 * row + result;
}

std::size_t RowResizer::rows_in_use() const { return impl_->taps(); }
void RowResizer::add(const std::uint8_t* row) { impl_->add(row); }
RgbImage RowResizer::take() { return impl_->take(); }

RgbImage resize(const RgbImage& image, int width, int height, Interpolation interpolation,
                const CropWindow& window, bool simd) {
  RowResizer resizer(image.width, image.height, width, height, interpolation, window, simd);
  for (int y = 0; y < image.height; ++y) resizer.add(&image.pixels[image.offset(0, y)]);
  return resizer.take();
}

}  // namespace classifier
