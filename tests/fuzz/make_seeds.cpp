// Writes small images of all formats and variants into folders, as seeds for the targets of the
// same names.
#include <spng.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "support/format_files.hpp"

namespace classifier::testing {
namespace {

using Seeds = std::map<std::string, Bytes>;

Bytes frame_chunk(const Bytes& webp) { return webp.substr(12); }  // after "RIFF", size and "WEBP"

Bytes animated_webp() {
  const Bytes frame = frame_chunk(webp_lossless(marked(16, 12)));
  const Bytes place{0, 0, 0, 0, 0, 0, 15, 0, 0, 11, 0, 0, 100, 0, 0, 0};
  const Bytes animation(6, '\0');
  return extended_webp(0x02, riff_chunk("ANIM", animation) + riff_chunk("ANMF", place + frame) +
                                 riff_chunk("ANMF", place + frame));
}

Bytes turned_webp() {
  return extended_webp(0x08,
                       frame_chunk(webp_lossy(marked(16, 12), 80)) + riff_chunk("EXIF", exif(6)));
}

Bytes small_screen() {
  Bytes file = gif();
  return file.replace(6, 4, Bytes("\1\0\1\0", 4));
}

// An orientation in a text chunk, whose checksum nobody looks at.
Bytes png_with_profile() {
  Bytes text = "Raw profile type exif" + Bytes(1, '\0') + "\nexif\n 26\n";
  constexpr const char* kDigits = "0123456789abcdef";
  for (const char c : exif(6)) {
    text += kDigits[static_cast<std::uint8_t>(c) >> 4U];
    text += kDigits[static_cast<std::uint8_t>(c) & 15U];
  }
  Bytes file = png(marked(16, 12));
  const Bytes length{0, 0, 0, static_cast<char>(text.size())};
  return file.insert(33, length + "tEXt" + text + "crc.");
}

// Colour types and depths of PNG, except palettes, which need a PLTE chunk.
void add_pngs(Seeds& seeds) {
  struct Kind {
    const char* name;
    int colour_type;
    int depth;
    std::size_t row_bytes;  // of 4 pixels
  };
  const std::array kinds{Kind{"gray1", SPNG_COLOR_TYPE_GRAYSCALE, 1, 1},
                         Kind{"gray8", SPNG_COLOR_TYPE_GRAYSCALE, 8, 4},
                         Kind{"gray16", SPNG_COLOR_TYPE_GRAYSCALE, 16, 8},
                         Kind{"grayalpha8", SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8, 8},
                         Kind{"rgba8", SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, 16},
                         Kind{"rgb16", SPNG_COLOR_TYPE_TRUECOLOR, 16, 24}};
  for (const auto& kind : kinds) {
    std::vector<std::uint8_t> pixels(kind.row_bytes * 3);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37U);
    seeds[std::string(kind.name) + ".png"] = png(kind.colour_type, kind.depth, pixels, 4, 3);
  }
}

void add_bmps(Seeds& seeds) {
  for (const std::uint32_t bits : {1U, 2U, 4U, 8U, 16U, 32U}) {
    const std::uint32_t palette = bits <= 8 ? 1U << bits : 0;
    Bytes file = bmp_header(5, -3, bits, 0, palette);
    for (std::uint32_t i = 0; i < palette; ++i) put(file, i * 0x010203U, 4);
    for (std::uint32_t i = 0; i < (5 * bits + 31) / 32 * 3; ++i) put(file, i * 0x12345678U, 4);
    seeds["bits" + std::to_string(bits) + ".bmp"] = file;
  }
  seeds["runs8.bmp"] = bmp_runs();
  Bytes masks = bmp_header(2, 2, 32, 3, 0);
  for (const std::uint32_t mask : {0xFF0000U, 0xFF00U, 0xFFU}) put(masks, mask, 4);
  seeds["masks.bmp"] = masks + Bytes(16, '\x55');
  seeds["bits24.bmp"] = bmp(marked(8, 6));
}

Seeds common_seeds() {
  Seeds seeds{
      {"whole.jpg", jpeg()},
      {"turned.jpg", jpeg_with_orientation(6)},
      {"dated.jpg", jpeg_with_exif(exif({.orientation = 6,
                                         .date_time = "2026:01:31 08:09:10",
                                         .date_time_original = "2026:01:30 12:00:00",
                                         .sub_sec_original = "25",
                                         .offset_original = "+02:00"}))},
      {"camera.jpg", jpeg_with_exif(exif({.make = "FUJIFILM",
                                          .model = "X-T3",
                                          .lens = "XF35mmF1.4 R",
                                          .exposure = {{10, 1'250}},
                                          .f_number = {{28, 10}},
                                          .focal_length = {{350, 10}},
                                          .sensitivity = 65'535,
                                          .recommended_index = 102'400}))},
      {"dated_big_endian.jpg", jpeg_with_exif(exif({.date_time = "2026:01:31 08:09:10"}, true))},
      {"scans.jpg", jpeg_with_scans(2)},
      {"low.jpg", encode_jpeg(marked(33, 17), 20).value()},
      {"rgb8.png", png(marked(16, 12))},
      {"turned.png", png(SPNG_COLOR_TYPE_TRUECOLOR, 8, marked(4, 3).pixels, 4, 3, false, 6)},
      {"interlaced.png", png(SPNG_COLOR_TYPE_TRUECOLOR, 8, marked(9, 7).pixels, 9, 7, true)},
      {"lossless.webp", webp_lossless(marked(16, 12))},
      {"lossy.webp", webp_lossy(marked(16, 12), 80)},
      {"animated.webp", animated_webp()},
      {"turned.webp", turned_webp()},
      {"hole.gif", gif()},
      {"small_screen.gif", small_screen()},
      {"profile.png", png_with_profile()},
  };
  add_pngs(seeds);
  add_bmps(seeds);
  return seeds;
}

Seeds heif_seeds() {
  const RgbImage picture = marked(32, 24);
  return {{"plain.heic", heif(picture)},
          {"turned.heic", heif(picture, {.orientation = heif_orientation_rotate_90_cw})},
          {"exif.heic", heif(picture, {.exif = exif(6), .profile = p3_profile()})},
          {"thumbnail.heic", heif(marked(96, 64), {.thumbnail = 32})},
          {"plain.avif", heif(picture, {.compression = heif_compression_AV1})}};
}

Seeds jxl_seeds() {
  return {{"lossless.jxl", jxl(marked(16, 12))},
          {"lossy.jxl", jxl(marked(64, 48), false)},
          {"turned.jxl", jxl(marked(16, 12), true, 6)}};
}

Seeds tiff_seeds() {
  const RgbImage picture = marked(32, 16);
  Seeds seeds{{"plain.tif", tiff(picture)},
              {"turned.tif", tiff(picture, {.orientation = ORIENTATION_RIGHTTOP})},
              {"big_endian.tif", tiff(picture, {.mode = "wb"})},
              {"bigtiff.tif", tiff(picture, {.mode = "w8"})},
              {"tiles.tif", tiff(picture, {.compression = COMPRESSION_LZW, .tile = 16})},
              {"profile.tif", tiff(picture, {.profile = p3_profile()})}};
  for (const int compression :
       {COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS, COMPRESSION_JPEG}) {
    seeds["compression" + std::to_string(compression) + ".tif"] =
        tiff(picture, {.compression = static_cast<std::uint16_t>(compression)});
  }
  for (const int compression :
       {COMPRESSION_CCITTRLE, COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4}) {
    seeds["bilevel" + std::to_string(compression) + ".tif"] =
        tiff({.width = 32,
              .height = 4,
              .bits = 1,
              .samples = 1,
              .photometric = PHOTOMETRIC_MINISWHITE,
              .compression = static_cast<std::uint16_t>(compression)},
             Bytes("\xF0\x0F\0\xFF\xAA\x55\0\0\xF0\x0F\0\xFF\xAA\x55\0\0", 16));
  }
  seeds["floats.tif"] = tiff({.width = 2,
                              .height = 2,
                              .bits = 32,
                              .samples = 1,
                              .photometric = PHOTOMETRIC_MINISBLACK,
                              .format = SAMPLEFORMAT_IEEEFP},
                             Bytes("\0\0\x80\x3F\0\0\0\0\0\0\0\x3F\0\0\0\x40", 16));
  seeds["inks.tif"] =
      tiff({.width = 2, .height = 1, .samples = 4, .photometric = PHOTOMETRIC_SEPARATED},
           Bytes("\xFF\0\0\0\0\0\0\xFF", 8));
  return seeds;
}

Seeds raw_seeds() {
  std::vector<std::uint16_t> values(64 * 64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint16_t>(i * 16);
  return {{"plain.dng", dng(64, 64, values)}, {"turned.dng", dng(64, 64, values, 6)}};
}

Seeds colour_seeds() {
  return {{"srgb.icc", srgb_profile()}, {"p3.icc", p3_profile()}, {"grey.icc", grey_profile(2.2)}};
}

bool write(const std::filesystem::path& folder, const Seeds& seeds, bool images = true) {
  std::filesystem::create_directories(folder);
  for (const auto& [name, bytes] : seeds) {
    if (const auto decoded = decode_image(view(bytes), {}); images && !decoded) {
      std::cerr << name << " cannot be decoded: " << decoded.error().message << '\n';
      return false;
    }
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
  return true;
}

}  // namespace
}  // namespace classifier::testing

int main(int argc, char** argv) {
  using namespace classifier::testing;
  if (argc != 2) {
    std::cerr << "usage: make_seeds FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  Seeds all = common_seeds();
  bool written = write(folder / "image", all);
  const std::map<std::string, Seeds> formats{{"image_heif", heif_seeds()},
                                             {"image_jxl", jxl_seeds()},
                                             {"image_tiff", tiff_seeds()},
                                             {"image_raw", raw_seeds()}};
  for (const auto& [name, seeds] : formats) {
    written = written && write(folder / name, seeds);
    all.insert(seeds.begin(), seeds.end());
  }
  return written && write(folder / "image_facts", all) &&
                 write(folder / "colour", colour_seeds(), false)
             ? 0
             : 1;
}
