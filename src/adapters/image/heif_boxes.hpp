// What the boxes of a HEIF file (ISO/IEC 23008-12) say of its primary image, without decoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {

// The data of an item: of its extents the first one, and the sum of their sizes.
struct HeifData {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t first_size = 0;
  std::uint64_t size = 0;
  bool in_file = false;  // with one extent in the file itself
  // Where the file says offset and size, in so many bytes, big-endian; 0: where it has none.
  std::size_t offset_at = 0;
  std::size_t offset_bytes = 0;
  std::size_t size_at = 0;
  std::size_t size_bytes = 0;
};

struct HeifHeader {
  // Upright, after `clap`, `irot` and `imir`; 0: unknown.
  std::int64_t width = 0;
  std::int64_t height = 0;
  // Whether `irot` or `imir` turns the image; an Exif orientation then does not.
  bool turned = false;
  bool monochrome = false;
  FileBytes exif;  // a TIFF block; empty: none
  // The data of the primary image, or of the tiles of its grid in their order.
  std::vector<HeifData> parts;
  std::uint32_t columns = 0;  // of the grid; 0: there is none
  std::int64_t tile_width = 0;
  std::int64_t tile_height = 0;
  unsigned quarter_turns = 0;  // of `irot`, anticlockwise
  bool reshaped = false;       // there is `imir` or `clap`
  std::uint64_t end = 0;       // where the data of the last item end
  // Places of references of type `auxl` to more than one image, see decode_heif.
  std::vector<std::size_t> shared_auxiliaries;
};

// Reads what of the file is there. Never fails: what is damaged is as if it were missing.
HeifHeader read_heif_header(FileBytes file);

}  // namespace classifier::codecs
