// TIFF files, by libtiff.
#include "image_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using classifier::ImageFormat;
  classifier::fuzz::check_format(data, size, {ImageFormat::kTiff});
  return 0;
}
