// What files say about an image beside its pixels. Decoders and facts read it here, so that they
// agree. Nothing here fails: what is damaged or cut off is as if it were not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {

// ITU T.81, annex B: what is before the first scan.
struct JpegMetadata {
  std::int64_t width = 0;  // as stored; 0: unknown
  std::int64_t height = 0;
  std::uint32_t frame = 0;  // the marker of the frame, 0xC0 for baseline; 0: none
  std::uint32_t bits = 0;   // for each channel
  FileBytes exif;           // a TIFF block
  FileBytes xmp;
  // Of a colour profile, by their numbers, and how many there should be.
  std::map<std::uint32_t, FileBytes> profile_parts;
  std::uint32_t profile_part_count = 0;
};
JpegMetadata read_jpeg_metadata(FileBytes file);

// Portable Network Graphics (third edition), and how ImageMagick stores Exif in text chunks.
struct PngMetadata {
  PngMetadata() = default;
  PngMetadata(PngMetadata&&) = default;
  PngMetadata& operator=(PngMetadata&&) = default;
  PngMetadata(const PngMetadata&) = delete;
  PngMetadata& operator=(const PngMetadata&) = delete;

  std::int64_t width = 0;  // as stored; 0: unknown
  std::int64_t height = 0;
  FileBytes exif;  // a TIFF block, in the file or in `unpacked_exif`
  FileBytes xmp;
  FileBytes packed_profile;  // the chunk iCCP
  std::vector<std::uint8_t> unpacked_exif;
  std::vector<std::uint8_t> unpacked_xmp;
};
PngMetadata read_png_metadata(FileBytes file);

// A chunk of PNG that is read from `at`: as much of it as the file has.
struct PngChunk {
  std::uint32_t type = 0;
  FileBytes data;
  std::size_t next = 0;   // where the next chunk begins
  bool is_whole = false;  // with its checksum
};
constexpr std::size_t kFirstPngChunk = 8;
constexpr std::uint32_t png_type(const char (&name)[5]) {
  std::uint32_t type = 0;
  for (int i = 0; i < 4; ++i) type = type << 8U | static_cast<std::uint8_t>(name[i]);
  return type;
}
PngChunk png_chunk_at(FileBytes file, std::size_t at);

// RFC 9649. The size in the header of the whole file is not believed.
struct WebpMetadata {
  std::int64_t width = 0;  // of the canvas; 0: unknown
  std::int64_t height = 0;
  // The image, or the first frame: the chunk of its opacity, if any, and that of its pixels, as
  // much as the file has of `frame_size` bytes. Its place on the canvas.
  FileBytes frame;
  std::size_t frame_size = 0;
  std::size_t pixels_at = 0;  // in the frame: where the chunk of its pixels begins
  std::int64_t left = 0;
  std::int64_t top = 0;
  bool lacks_exif = false;  // the header says there is Exif, and it is not there
  FileBytes exif;
  FileBytes xmp;
  FileBytes profile;
};
WebpMetadata read_webp_metadata(FileBytes file);

// A GIF's size is that of its screen, or larger where the first frame does not fit on it.
struct GifFrame {
  int canvas_width = 0;  // 0: the file ends before its first frame
  int canvas_height = 0;
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  bool interlaced = false;
  int transparent = -1;  // an index; -1: none
  FileBytes colours;     // 3 bytes each; empty: none
  std::size_t data = 0;  // where the compressed indexes begin; 0: there is no frame
};
GifFrame read_gif_frame(FileBytes file);

// Width and height of a BMP; nullopt where it is none: other files too may begin with "BM".
std::optional<std::pair<std::int64_t, std::int64_t>> bmp_size(FileBytes file);

}  // namespace classifier::codecs
