// Any bytes as a colour profile, and as files that have one: what cannot be used is ignored.
#include <array>

#include "adapters/image/colour.hpp"
#include "adapters/image/icc.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace classifier;
  const std::span<const std::uint8_t> bytes(data, size);
  for (const auto& profile : {codecs::jpeg_profile(codecs::read_jpeg_metadata(bytes)),
                              codecs::png_profile(codecs::read_png_metadata(bytes))})
    fuzz::demand(profile.size() <= std::size_t{16} << 20, "profiles have a limit");
  std::array<std::uint8_t, 12> pixels{0, 0, 0, 255, 255, 255, 1, 100, 200, 7, 77, 177};
  if (const auto colours = colour_transform(bytes)) colours->apply(pixels);
  std::array<std::uint8_t, 9> rgb{};
  if (const auto inks = ink_transform(bytes)) inks->apply(pixels.data(), 3, rgb.data());
  return 0;
}
