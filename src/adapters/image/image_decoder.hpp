// What turns image files into what models and galleries take: in this process, or in others
// (adapters/decoder).
#pragma once

#include <memory>
#include <string>

#include "adapters/image/preprocess.hpp"
#include "adapters/image/thumbnail.hpp"

namespace classifier {

// Every method may be called from any thread.
class ImageDecoder {
 public:
  virtual ~ImageDecoder() = default;

  // As prepare_image.
  virtual Result<PreparedImage> prepare(ImageBytes bytes, const ResizeRule& rule) = 0;

  // As make_thumbnail.
  virtual Result<std::string> thumbnail(ImageBytes bytes, int longest_side) = 0;
};

// Decodes in the caller's thread: what a decoder does wrong, it does to this process.
class LocalDecoder final : public ImageDecoder {
 public:
  explicit LocalDecoder(DecodeLimits limits) : limits_(limits) {}

  Result<PreparedImage> prepare(ImageBytes bytes, const ResizeRule& rule) override {
    return prepare_image(bytes, rule, limits_);
  }
  Result<std::string> thumbnail(ImageBytes bytes, int longest_side) override {
    return make_thumbnail(bytes, longest_side, limits_);
  }

 private:
  DecodeLimits limits_;
};

}  // namespace classifier
