// What becomes of the rows of an image: the whole image, or a part of it in another size.
#pragma once

#include <functional>
#include <optional>

#include "adapters/image/resize.hpp"
#include "adapters/image/row_sink.hpp"

namespace classifier {

class WholeImage final : public RowSink {
 public:
  std::uint64_t memory(const ImageInfo& image) const override;
  void start(const ImageInfo& image) override;
  std::uint8_t* next_row() override { return &image_.pixels[image_.offset(0, row_)]; }
  void row_done() override { ++row_; }

  RgbImage take();
  int orientation() const { return orientation_; }

 private:
  RgbImage image_;
  int row_ = 0;
  int orientation_ = 1;
  std::shared_ptr<const ColourTransform> colour_;
};

// Has as many rows at once as the resize blends to one.
class ResizedImage final : public RowSink {
 public:
  // What to make of an image; see resize().
  struct Plan {
    int width = 0;
    int height = 0;
    CropWindow window;
  };
  using MakePlan = std::function<Plan(const ImageInfo&)>;

  ResizedImage(Interpolation interpolation, MakePlan make_plan)
      : interpolation_(interpolation), make_plan_(std::move(make_plan)) {}

  std::uint64_t memory(const ImageInfo& image) const override;
  void start(const ImageInfo& image) override;
  std::uint8_t* next_row() override { return first_ + slot_ * stride_; }
  void row_done() override;

  // Upright, in sRGB.
  RgbImage take();

 private:
  Interpolation interpolation_;
  MakePlan make_plan_;
  std::optional<RowResizer> resizer_;
  std::vector<std::uint8_t> rows_;  // a ring
  std::uint8_t* first_ = nullptr;   // its first row
  std::size_t stride_ = 0;
  std::size_t slot_ = 0;
  int orientation_ = 1;
  std::shared_ptr<const ColourTransform> colour_;
};

}  // namespace classifier
