// What the boxes of a HEIF file (ISO/IEC 23008-12) say of its primary image, without decoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {

struct HeifHeader {
  // Upright, after `clap`, `irot` and `imir`; 0: unknown.
  std::int64_t width = 0;
  std::int64_t height = 0;
  // Whether `irot` or `imir` turns the image; an Exif orientation then does not.
  bool turned = false;
  bool monochrome = false;
  FileBytes exif;  // a TIFF block; empty: none
  // Places of references of type `auxl` to more than one image, see decode_heif.
  std::vector<std::size_t> shared_auxiliaries;
};

// Reads what of the file is there. Never fails: what is damaged is as if it were missing.
HeifHeader read_heif_header(FileBytes file);

}  // namespace classifier::codecs
