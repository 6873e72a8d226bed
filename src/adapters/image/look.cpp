#include "adapters/image/look.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace classifier {
namespace {

// Rec. 601 in 8 bits.
std::vector<std::uint8_t> brightness_of(const PreparedImage& image) {
  std::vector<std::uint8_t> plane(image.pixels.size() / 3);
  const std::uint8_t* rgb = image.pixels.data();
  for (auto& value : plane) {
    value = static_cast<std::uint8_t>((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2] + 128) >> 8);
    rgb += 3;
  }
  return plane;
}

float sharpness_of(const std::vector<std::uint8_t>& plane, std::size_t width, std::size_t height) {
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  for (std::size_t y = 1; y + 1 < height; ++y) {
    const std::uint8_t* const row = &plane[y * width];
    // A row of a side of 4,096 pixels fits 32 bits, which is what vectorizes.
    std::int32_t row_sum = 0;
    std::int64_t row_squares = 0;
    for (std::size_t x = 1; x + 1 < width; ++x) {
      const std::int32_t value =
          4 * row[x] - row[x - 1] - row[x + 1] - *(row + x - width) - row[x + width];
      row_sum += value;
      row_squares += static_cast<std::int64_t>(value) * value;
    }
    sum += row_sum;
    squares += row_squares;
  }
  const double count = static_cast<double>(width - 2) * static_cast<double>(height - 2);
  const double mean = static_cast<double>(sum) / count;
  return static_cast<float>(static_cast<double>(squares) / count - mean * mean);
}

}  // namespace

Look look_of(const PreparedImage& image) {
  Look look;
  constexpr std::size_t kSide = Look::kSide;
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  if (width < kSide || height < kSide || image.pixels.size() != width * height * 3) return look;
  const std::vector<std::uint8_t> plane = brightness_of(image);
  for (std::size_t row = 0; row < kSide; ++row) {
    const std::size_t top = row * height / kSide;
    const std::size_t bottom = (row + 1) * height / kSide;
    for (std::size_t column = 0; column < kSide; ++column) {
      const std::size_t left = column * width / kSide;
      const std::size_t right = (column + 1) * width / kSide;
      std::uint32_t sum = 0;
      for (std::size_t y = top; y < bottom; ++y) {
        for (std::size_t x = left; x < right; ++x) sum += plane[y * width + x];
      }
      const auto area = static_cast<std::uint32_t>((bottom - top) * (right - left));
      look.brightness[row * kSide + column] = static_cast<std::uint8_t>((sum + area / 2) / area);
    }
  }
  look.sharpness = sharpness_of(plane, width, height);
  return look;
}

}  // namespace classifier
