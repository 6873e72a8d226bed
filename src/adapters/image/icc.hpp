// Colour profiles in image files, as one piece.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/image/metadata.hpp"

namespace classifier::codecs {

// What is damaged, not whole or larger than 4 MB is as if it were missing: an empty profile.
std::vector<std::uint8_t> jpeg_profile(const JpegMetadata& metadata);
std::vector<std::uint8_t> png_profile(const PngMetadata& metadata);

}  // namespace classifier::codecs
