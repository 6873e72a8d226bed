#include "adapters/image/look.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace classifier {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::size_t kAtOnce = 4'000;  // bytes

// Of the channels themselves, without a picture of their brightness, and of every fourth row: both
// save time, and say the same of a picture.
float sharpness_of(const std::vector<std::uint8_t>& pixels, std::size_t width, std::size_t height) {
  const std::size_t row_bytes = width * kChannels;
  std::int64_t sum = 0;
  std::uint64_t squares = 0;
  std::size_t count = 0;
  for (std::size_t y = 1; y + 1 < height; y += 4) {
    const std::uint8_t* const row = &pixels[y * row_bytes];
    const std::uint8_t* const above = row - row_bytes;
    const std::uint8_t* const below = row + row_bytes;
    for (std::size_t begin = kChannels; begin + kChannels < row_bytes; begin += kAtOnce) {
      const std::size_t end = std::min(begin + kAtOnce, row_bytes - kChannels);
      // In 32 bits, which vectorize, and which kAtOnce squares fit.
      std::int32_t part_sum = 0;
      std::uint32_t part_squares = 0;
      for (std::size_t x = begin; x < end; ++x) {
        const auto value = static_cast<std::int16_t>(4 * row[x] - row[x - kChannels] -
                                                     row[x + kChannels] - above[x] - below[x]);
        part_sum += value;
        part_squares += static_cast<std::uint32_t>(value * value);
      }
      sum += part_sum;
      squares += part_squares;
    }
    count += width - 2;
  }
  if (count == 0) return 0;
  const auto values = static_cast<double>(count * kChannels);
  const double mean = static_cast<double>(sum) / values;
  return static_cast<float>(static_cast<double>(squares) / values - mean * mean);
}

// The mean of the `bytes` numbers that begin each second one of the rows.
std::uint8_t mean_of(const std::uint8_t* first, std::size_t bytes, std::size_t rows,
                     std::size_t row_bytes) {
  std::uint32_t sum = 0;
  for (std::size_t y = 0; y < rows; y += 2) {
    for (std::size_t i = 0; i < bytes; ++i) sum += first[y * row_bytes + i];
  }
  const auto count = static_cast<std::uint32_t>(std::max<std::size_t>(bytes * ((rows + 1) / 2), 1));
  return static_cast<std::uint8_t>((sum + count / 2) / count);
}

}  // namespace

Look look_of(const PreparedImage& image) {
  Look look;
  constexpr std::size_t kSide = Look::kSide;
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  if (width < kSide || height < kSide || image.pixels.size() != width * height * kChannels)
    return look;
  const std::size_t row_bytes = width * kChannels;
  for (std::size_t row = 0; row < kSide; ++row) {
    const std::size_t top = row * height / kSide;
    const std::size_t bottom = (row + 1) * height / kSide;
    for (std::size_t column = 0; column < kSide; ++column) {
      const std::size_t left = column * width / kSide;
      const std::size_t right = (column + 1) * width / kSide;
      look.brightness[row * kSide + column] =
          mean_of(&image.pixels[top * row_bytes + left * kChannels], (right - left) * kChannels,
                  bottom - top, row_bytes);
    }
  }
  look.sharpness = sharpness_of(image.pixels, width, height);
  return look;
}

}  // namespace classifier
