// Raw files of cameras, by LibRaw.
#include "image_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using classifier::ImageFormat;
  classifier::fuzz::check_format(data, size, {ImageFormat::kRaw});
  return 0;
}
