// Any bytes as an image file.
#include "image_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int turned = classifier::codecs::exif_orientation({data, size});
  classifier::fuzz::demand(turned >= 1 && turned <= 8, "orientations are from 1 to 8");
  classifier::fuzz::check_file(data, size, std::uint64_t{8} << 20);
  return 0;
}
