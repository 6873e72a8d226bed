// Generates small image files for tests, benchmarks and fuzz targets.
#pragma once

#include <gif_lib.h>
#include <spng.h>
#include <turbojpeg.h>
#include <webp/encode.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapters/image/decode.hpp"
#include "adapters/image/image.hpp"
#include "adapters/image/thumbnail.hpp"

namespace classifier::testing {

using Bytes = std::string;

inline ImageBytes view(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

// Red on the left, green on the right, with blue added in the top quarter, so that all orientations
// differ.
inline RgbImage marked(int width, int height) {
  RgbImage image = make_image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* p = &image.pixels[image.offset(x, y)];
      p[0] = x < width / 2 ? 230 : 20;
      p[1] = x < width / 2 ? 20 : 230;
      p[2] = y < height / 4 ? 250 : 10;
    }
  }
  return image;
}

inline Bytes jpeg() { return encode_jpeg(marked(64, 48), 95).value(); }

inline Bytes progressive_jpeg(const RgbImage& image) {
  const std::unique_ptr<void, decltype(&tjDestroy)> compressor(tjInitCompress(), &tjDestroy);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  tjCompress2(compressor.get(), image.pixels.data(), image.width, 0, image.height, TJPF_RGB, &out,
              &size, TJSAMP_420, 90, TJFLAG_PROGRESSIVE);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(out, &tjFree);
  return {reinterpret_cast<const char*>(out), size};
}

// A progressive JPEG with `count` copies of its first scan; later scans refine earlier ones and
// cannot be repeated.
inline Bytes jpeg_with_scans(int count) {
  const Bytes file = progressive_jpeg(marked(64, 48));
  const std::size_t begin = file.find("\xFF\xDA");
  const std::size_t end = file.find("\xFF\xC4", begin);  // where the tables of the next scan begin
  Bytes more;
  for (int i = 0; i < count; ++i) more += file.substr(begin, end - begin);
  return file.substr(0, end) + more + file.substr(end);
}

// A TIFF block with an orientation as its only entry.
inline Bytes exif(int orientation) {
  Bytes tiff("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0", 26);
  tiff[19] = static_cast<char>(orientation);
  return tiff;
}

// What is empty or 0 is left out.
struct ExifFields {
  using Ratio = std::pair<std::uint32_t, std::uint32_t>;
  int orientation = 0;
  Bytes date_time = {};  // "2026:01:31 12:00:00"
  Bytes date_time_original = {};
  Bytes sub_sec_original = {};  // "25"
  Bytes offset_original = {};   // "+02:00"
  Bytes sub_sec = {};
  Bytes offset = {};
  Bytes make = {};
  Bytes model = {};
  Bytes lens = {};
  std::optional<Ratio> exposure = {};
  std::optional<Ratio> f_number = {};
  std::optional<Ratio> focal_length = {};
  std::uint32_t sensitivity = 0;        // in two bytes
  std::uint32_t recommended_index = 0;  // in four
};

// A TIFF block with these entries, those of DateTimeOriginal and the like in an Exif directory.
inline Bytes exif(const ExifFields& fields, bool big_endian = false) {
  Bytes block = big_endian ? Bytes("MM\0*", 4) : Bytes("II*\0", 4);
  const auto number = [&](std::uint32_t value, std::size_t size) {
    Bytes bytes;
    for (std::size_t i = 0; i < size; ++i, value >>= 8U) bytes += static_cast<char>(value & 0xFFU);
    return big_endian ? Bytes(bytes.rbegin(), bytes.rend()) : bytes;
  };
  struct Entry {
    std::uint32_t tag;
    std::uint32_t type;
    std::uint32_t count;
    Bytes value;  // of more than four bytes: it follows the directory
  };
  using Entries = std::vector<Entry>;
  // What follows a directory at this place begins there.
  const auto end_of = [](std::size_t place, const Entries& entries) {
    return place + 2 + 12 * entries.size() + 4;
  };
  const auto add_directory = [&](const Entries& entries) {
    const std::size_t values = end_of(block.size(), entries);
    Bytes after;
    block += number(static_cast<std::uint32_t>(entries.size()), 2);
    for (const auto& entry : entries) {
      block += number(entry.tag, 2) + number(entry.type, 2) + number(entry.count, 4);
      if (entry.value.size() <= 4) {
        block += entry.value + Bytes(4 - entry.value.size(), '\0');
      } else {
        block += number(static_cast<std::uint32_t>(values + after.size()), 4);
        after += entry.value;
      }
    }
    block += Bytes(4, '\0') + after;
  };
  block += number(8, 4);
  Entries first;
  Entries second;
  const auto add_text = [](Entries& entries, std::uint32_t tag, const Bytes& text) {
    if (text.empty()) return;
    entries.push_back({tag, 2, static_cast<std::uint32_t>(text.size() + 1), text + '\0'});
  };
  const auto add_number = [&](Entries& entries, std::uint32_t tag, std::uint32_t value,
                              std::size_t size) {
    if (value == 0) return;
    entries.push_back({tag, size == 2 ? 3U : 4U, 1, number(value, size)});
  };
  const auto add_ratio = [&](std::uint32_t tag, const std::optional<ExifFields::Ratio>& ratio) {
    if (!ratio) return;
    second.push_back({tag, 5, 1, number(ratio->first, 4) + number(ratio->second, 4)});
  };
  add_number(first, 0x0112, static_cast<std::uint32_t>(fields.orientation), 2);
  add_text(first, 0x010F, fields.make);
  add_text(first, 0x0110, fields.model);
  add_text(first, 0x0132, fields.date_time);
  add_ratio(0x829A, fields.exposure);
  add_ratio(0x829D, fields.f_number);
  add_number(second, 0x8827, fields.sensitivity, 2);
  add_number(second, 0x8832, fields.recommended_index, 4);
  add_text(second, 0x9003, fields.date_time_original);
  add_text(second, 0x9010, fields.offset);
  add_text(second, 0x9011, fields.offset_original);
  add_ratio(0x920A, fields.focal_length);
  add_text(second, 0x9290, fields.sub_sec);
  add_text(second, 0x9291, fields.sub_sec_original);
  add_text(second, 0xA434, fields.lens);
  if (!second.empty()) {
    // It follows this directory and its values.
    first.push_back({0x8769, 4, 1, Bytes(4, '\0')});
    std::size_t place = end_of(block.size(), first);
    for (const auto& entry : first) place += entry.value.size() <= 4 ? 0 : entry.value.size();
    first.back().value = number(static_cast<std::uint32_t>(place), 4);
  }
  add_directory(first);
  if (!second.empty()) add_directory(second);
  return block;
}

inline Bytes jpeg_with_exif(const Bytes& block) {
  const Bytes body = Bytes("Exif\0\0", 6) + block;
  const auto size = body.size() + 2;
  const Bytes marker{'\xFF', '\xE1', static_cast<char>(size >> 8U),
                     static_cast<char>(size & 0xFFU)};
  Bytes file = jpeg();
  return file.insert(2, marker + body);
}

// The JPEG with an Exif block that has the orientation.
inline Bytes jpeg_with_orientation(int orientation) { return jpeg_with_exif(exif(orientation)); }

// A chunk of RIFF: name, size in little-endian, content, and padding to an even size.
inline Bytes riff_chunk(const Bytes& name, const Bytes& body) {
  Bytes bytes = name;
  for (std::size_t i = 0, size = body.size(); i < 4; ++i, size >>= 8U)
    bytes += static_cast<char>(size & 0xFFU);
  bytes += body;
  if (body.size() % 2 != 0) bytes += '\0';
  return bytes;
}

// An extended WebP file of 16 × 12 pixels, with these flags in its VP8X chunk.
inline Bytes extended_webp(char flags, const Bytes& chunks) {
  const Bytes header{flags, 0, 0, 0, 15, 0, 0, 11, 0, 0};
  return riff_chunk("RIFF", "WEBP" + riff_chunk("VP8X", header) + chunks);
}

// `colour_type` and `depth` are those of PNG's IHDR; `pixels` are PNG's rows before filtering.
inline Bytes png(int colour_type, int depth, const std::vector<std::uint8_t>& pixels,
                 std::uint32_t width, std::uint32_t height, bool interlaced = false,
                 int orientation = 1) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(SPNG_CTX_ENCODER),
                                                                    &spng_ctx_free);
  spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{.width = width,
                   .height = height,
                   .bit_depth = static_cast<std::uint8_t>(depth),
                   .color_type = static_cast<std::uint8_t>(colour_type),
                   .compression_method = 0,
                   .filter_method = 0,
                   .interlace_method = interlaced ? std::uint8_t{1} : std::uint8_t{0}};
  spng_set_ihdr(context.get(), &header);
  Bytes tiff = exif(orientation);
  spng_exif block{.length = tiff.size(), .data = tiff.data()};
  if (orientation != 1) spng_set_exif(context.get(), &block);
  if (spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG,
                        SPNG_ENCODE_FINALIZE) != 0) {
    throw std::runtime_error("the PNG could not be encoded");
  }
  std::size_t size = 0;
  int error = 0;
  const std::unique_ptr<void, decltype(&std::free)> buffer(
      spng_get_png_buffer(context.get(), &size, &error), &std::free);
  return {static_cast<const char*>(buffer.get()), size};
}

inline Bytes png(const RgbImage& image) {
  return png(SPNG_COLOR_TYPE_TRUECOLOR, 8, image.pixels, static_cast<std::uint32_t>(image.width),
             static_cast<std::uint32_t>(image.height));
}

inline Bytes webp_lossless(const RgbImage& image) {
  std::uint8_t* out = nullptr;
  const std::size_t size =
      WebPEncodeLosslessRGB(image.pixels.data(), image.width, image.height, image.width * 3, &out);
  const std::unique_ptr<std::uint8_t, decltype(&WebPFree)> owner(out, &WebPFree);
  return {reinterpret_cast<const char*>(out), size};
}

inline Bytes webp_lossy(const RgbImage& image, float quality) {
  std::uint8_t* out = nullptr;
  const std::size_t size =
      WebPEncodeRGB(image.pixels.data(), image.width, image.height, image.width * 3, quality, &out);
  const std::unique_ptr<std::uint8_t, decltype(&WebPFree)> owner(out, &WebPFree);
  return {reinterpret_cast<const char*>(out), size};
}

// A frame on a canvas. The number of `colours` is a power of two from 2 to 256; `indexes` is
// [height, width].
struct GifPicture {
  int canvas_width = 8;
  int canvas_height = 8;
  int left = 0;
  int top = 0;
  int width = 8;
  int height = 8;
  int transparent = NO_TRANSPARENT_COLOR;
  std::vector<GifColorType> colours;
  std::vector<GifPixelType> indexes;
};

inline Bytes gif(GifPicture picture) {
  Bytes bytes;
  const auto write = [](GifFileType* file, const GifByteType* data, int size) {
    static_cast<Bytes*>(file->UserData)
        ->append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    return size;
  };
  int error = 0;
  GifFileType* file = EGifOpen(&bytes, write, &error);
  ColorMapObject* map =
      GifMakeMapObject(static_cast<int>(picture.colours.size()), picture.colours.data());
  EGifPutScreenDesc(file, picture.canvas_width, picture.canvas_height, 8, 0, map);
  const GraphicsControlBlock control{.DisposalMode = 0,
                                     .UserInputFlag = false,
                                     .DelayTime = 0,
                                     .TransparentColor = picture.transparent};
  GifByteType extension[4];
  EGifGCBToExtension(&control, extension);
  EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, 4, extension);
  EGifPutImageDesc(file, picture.left, picture.top, picture.width, picture.height, false, nullptr);
  for (int y = 0; y < picture.height; ++y) {
    EGifPutLine(
        file,
        &picture.indexes[static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width)],
        picture.width);
  }
  EGifCloseFile(file, &error);
  GifFreeMapObject(map);
  return bytes;
}

// A frame smaller than its canvas, transparent in the middle.
inline Bytes gif() {
  return gif({.canvas_width = 8,
              .canvas_height = 8,
              .left = 2,
              .top = 2,
              .width = 4,
              .height = 4,
              .transparent = 3,
              .colours = {{230, 20, 10}, {20, 230, 10}, {0, 0, 250}, {1, 2, 3}},
              .indexes = {0, 0, 1, 1, 0, 3, 3, 1, 0, 3, 3, 1, 0, 0, 1, 1}});
}

// Appends `value` in `size` bytes, little-endian.
inline void put(Bytes& bytes, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i, value >>= 8U) bytes += static_cast<char>(value & 0xFFU);
}

inline Bytes bmp_header(std::int32_t width, std::int32_t height, std::uint32_t bits,
                        std::uint32_t compression, std::uint32_t palette) {
  Bytes bytes = "BM";
  put(bytes, 0, 8);
  put(bytes, 54 + 4 * palette, 4);
  put(bytes, 40, 4);
  put(bytes, static_cast<std::uint32_t>(width), 4);
  put(bytes, static_cast<std::uint32_t>(height), 4);
  put(bytes, 1, 2);
  put(bytes, bits, 2);
  put(bytes, compression, 4);
  put(bytes, 0, 12);
  put(bytes, palette, 4);
  put(bytes, 0, 4);
  return bytes;
}

// 24 bits. The width must be a multiple of 4, so that rows need no padding.
inline Bytes bmp(const RgbImage& image) {
  Bytes bytes = bmp_header(image.width, image.height, 24, 0, 0);
  for (int y = image.height - 1; y >= 0; --y) {
    const std::uint8_t* p = &image.pixels[image.offset(0, y)];
    for (int x = 0; x < image.width; ++x, p += 3) {
      for (int c = 2; c >= 0; --c) bytes += static_cast<char>(p[c]);
    }
  }
  return bytes;
}

// 4 × 2 pixels, 8 bits, run-length encoded: a row of red below a row of green.
inline Bytes bmp_runs() {
  return bmp_header(4, 2, 8, 1, 2) + Bytes("\x00\x00\xFF\x00\x00\xFF\x00\x00", 8) +
         Bytes("\x04\x00\x00\x00\x02\x01\x02\x00\x00\x01", 10);
}

}  // namespace classifier::testing
