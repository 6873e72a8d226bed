#include "adapters/image/image_sinks.hpp"

#include "adapters/image/colour.hpp"
#include "adapters/image/decode.hpp"

namespace classifier {
namespace {

std::uint64_t row_bytes(const ImageInfo& image) {
  return 3 * static_cast<std::uint64_t>(image.width);
}

}  // namespace

std::uint64_t WholeImage::memory(const ImageInfo& image) const {
  return row_bytes(image) * static_cast<std::uint64_t>(image.height);
}

void WholeImage::start(const ImageInfo& image) {
  image_ = make_image(image.width, image.height);
  orientation_ = image.orientation;
  colour_ = image.colour;
}

RgbImage WholeImage::take() {
  if (colour_) colour_->apply(image_.pixels);
  return std::move(image_);
}

std::uint64_t ResizedImage::memory(const ImageInfo& image) const {
  const Plan plan = make_plan_(image);
  return RowResizer::memory(image.width, image.height, plan.width, plan.height, interpolation_,
                            plan.window);
}

void ResizedImage::start(const ImageInfo& image) {
  const Plan plan = make_plan_(image);
  resizer_.emplace(image.width, image.height, plan.width, plan.height, interpolation_, plan.window);
  // libjpeg-turbo writes past the caches to rows that are aligned for its widest registers. These
  // rows are read at once, so they are not.
  constexpr std::size_t kAlignment = 64;
  stride_ = (row_bytes(image) + kAlignment - 1) / kAlignment * kAlignment;
  rows_.resize(stride_ * resizer_->rows_in_use() + 2 * kAlignment);
  first_ = rows_.data() + kAlignment + kAlignment / 8 -
           reinterpret_cast<std::uintptr_t>(rows_.data()) % kAlignment;
  orientation_ = image.orientation;
  colour_ = image.colour;
}

void ResizedImage::row_done() {
  resizer_->add(next_row());
  slot_ = (slot_ + 1) % resizer_->rows_in_use();
}

RgbImage ResizedImage::take() {
  RgbImage image = orient(resizer_->take(), orientation_);
  if (colour_) colour_->apply(image.pixels);
  return image;
}

}  // namespace classifier
