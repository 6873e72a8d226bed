// Finds the colour profile in the bytes of an image file.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {

// What is damaged, not whole or larger than 4 MB is as if it were missing: an empty profile.
std::vector<std::uint8_t> jpeg_profile(FileBytes file);  // ICC.1:2022, B.4
std::vector<std::uint8_t> png_profile(FileBytes file);   // the chunk iCCP
std::vector<std::uint8_t> webp_profile(FileBytes file);  // the chunk ICCP

}  // namespace classifier::codecs
