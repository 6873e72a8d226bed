// What the directories of a TIFF file (TIFF 6.0) say, without decoding.
#pragma once

#include <cstdint>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {

struct TiffHeader {
  std::int64_t width = 0;  // of the first page, as stored; 0: unknown
  std::int64_t height = 0;
  // A directory has the measurements of a camera's sensor: it is a raw file, of which the first
  // page is often a small preview.
  bool is_raw = false;
};

// Reads the first directories and their subdirectories, also of BigTIFF; what is not there is as if
// it were missing.
TiffHeader read_tiff_header(FileBytes file);

// "II" or "MM" and the number of TIFF or BigTIFF.
bool is_tiff(FileBytes file);

}  // namespace classifier::codecs
