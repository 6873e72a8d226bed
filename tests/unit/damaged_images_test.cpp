// Files that are cut off, damaged or written oddly: what can be shown is decoded, and said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <spng.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "adapters/image/codecs.hpp"
#include "adapters/image/decode.hpp"
#include "adapters/image/image_facts.hpp"
#include "adapters/image/metadata.hpp"
#include "support/image_files.hpp"

namespace classifier::testing {
namespace {

using ::testing::HasSubstr;

constexpr int kWidth = 320;
constexpr int kHeight = 240;

// Shapes and noise, so that all parts of a file take about as many bytes.
RgbImage picture(int width = kWidth, int height = kHeight) {
  std::minstd_rand random(7);
  RgbImage image = make_image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* const p = &image.pixels[image.offset(x, y)];
      const int noise = static_cast<int>(random() % 24);
      p[0] = static_cast<std::uint8_t>(40 + x * 150 / width + noise);
      p[1] = static_cast<std::uint8_t>(60 + y * 120 / height + noise);
      p[2] = static_cast<std::uint8_t>((x / 20 + y / 20) % 2 * 120 + 50 + noise);
    }
  }
  return image;
}

struct JpegKind {
  bool progressive = false;
  int restart_interval = 0;  // in MCUs
  bool optimized = false;
  J_COLOR_SPACE colours = JCS_YCbCr;
  bool arithmetic = false;
  bool separate = false;  // a scan for each colour
};

Bytes jpeg_of(const RgbImage& image, const JpegKind& kind) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &out, &size);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, kind.colours);
  jpeg_set_quality(&jpeg, 90, TRUE);
  if (kind.progressive) jpeg_simple_progression(&jpeg);
  jpeg.restart_interval = static_cast<unsigned>(kind.restart_interval);
  jpeg.optimize_coding = kind.optimized ? TRUE : FALSE;
  jpeg.arith_code = kind.arithmetic ? TRUE : FALSE;
  std::array<jpeg_scan_info, 3> scans{};
  for (int i = 0; i < 3; ++i) scans[static_cast<std::size_t>(i)] = {1, {i}, 0, DCTSIZE2 - 1, 0, 0};
  if (kind.separate) {
    jpeg.scan_info = scans.data();
    jpeg.num_scans = jpeg.num_components;
  }
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < image.height; ++y) {
    auto* row = const_cast<JSAMPLE*>(&image.pixels[image.offset(0, y)]);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes bytes(reinterpret_cast<const char*>(out), size);
  std::free(out);
  return bytes;
}

// Where the coded data of the first scan begin.
std::size_t scan_of(const Bytes& jpeg) {
  const std::size_t marker = jpeg.find("\xFF\xDA");
  return marker + 2 +
         (static_cast<std::uint8_t>(jpeg[marker + 2]) << 8U |
          static_cast<std::uint8_t>(jpeg[marker + 3]));
}

Bytes cut(const Bytes& file, int percent) {
  return file.substr(0, file.size() * static_cast<std::size_t>(percent) / 100);
}

// The same with `size` bytes from `at` overwritten, and without them.
Bytes overwritten(Bytes file, std::size_t at, std::size_t size, char with = '\0') {
  return file.replace(at, size, Bytes(size, with));
}
Bytes lacking(Bytes file, std::size_t at, std::size_t size) { return file.erase(at, size); }

// What is said of a file that is decoded: the warning, or "".
std::string said(const Bytes& file) {
  const std::vector<char> exact(file.begin(), file.end());  // so that sanitizers see its end
  const auto decoded = decode_image(std::as_bytes(std::span(exact)), {});
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded ? decoded->warning : "error";
}

// How much of the picture was decoded, in percent of its rows: those that are as in `whole`.
int rows_as_in(const RgbImage& whole, const RgbImage& image) {
  EXPECT_EQ(image.pixels.size(), whole.pixels.size());
  int same = 0;
  for (int y = 0; y < image.height; ++y) {
    double difference = 0;
    for (std::size_t i = image.offset(0, y); i < image.offset(0, y + 1); ++i)
      difference += std::abs(image.pixels[i] - whole.pixels[i]);
    if (difference / (3 * image.width) < 4) ++same;
  }
  return 100 * same / image.height;
}

Error error_of(const Bytes& file) {
  const auto decoded = decode_image(view(file), {});
  return decoded ? Error{} : decoded.error();
}

std::vector<JpegKind> sequential_kinds() {
  return {{},
          {.restart_interval = 20},
          {.restart_interval = 7},
          {.optimized = true},
          {.colours = JCS_GRAYSCALE},
          {.colours = JCS_RGB},
          {.restart_interval = 20, .optimized = true}};
}

// Checks the rule for files that are cut off after each tenth of them.
void check_cuts(const Bytes& file, std::size_t header, int tolerance) {
  const RgbImage whole = decode_image(view(file), {})->image;
  EXPECT_EQ(said(file), "");
  for (int percent = 0; percent < 100; percent += 10) {
    const Bytes part = cut(file, percent);
    const auto decoded = decode_image(view(part), {});
    // The share of what follows the header.
    const int there = part.size() < header
                          ? 0
                          : static_cast<int>(100 * (part.size() - header) / (file.size() - header));
    if (there < 50 - tolerance) {
      ASSERT_FALSE(decoded) << percent;
      if (percent == 0) continue;
      EXPECT_EQ(decoded.error().code, ErrorCode::kUndecodable);
      EXPECT_THAT(decoded.error().message, HasSubstr("truncated")) << percent;
    } else if (there > 50 + tolerance) {
      ASSERT_TRUE(decoded) << percent << ": " << decoded.error().message;
      EXPECT_THAT(decoded->warning, HasSubstr("the file ends early")) << percent;
      EXPECT_NEAR(rows_as_in(whole, decoded->image), there, tolerance + 5) << percent;
    }
  }
}

TEST(DamagedJpeg, AnythingButTheEndMarkerMayBeMissing) {
  for (JpegKind kind : sequential_kinds()) {
    for (const bool progressive : {false, true}) {
      kind.progressive = progressive;
      const Bytes file = jpeg_of(picture(), kind);
      EXPECT_EQ(said(file.substr(0, file.size() - 1)), "");
      EXPECT_EQ(said(file.substr(0, file.size() - 2)), "");
      EXPECT_EQ(said(file + Bytes(3'000, '\0')), "");
      EXPECT_EQ(said(file + Bytes(3'000, 'x')), "");
      EXPECT_EQ(said(file + file), "") << "several images";
      const RgbImage whole = decode_image(view(file), {})->image;
      EXPECT_EQ(decode_image(view(file.substr(0, file.size() - 2)), {})->image.pixels,
                whole.pixels);
    }
  }
}

TEST(DamagedJpeg, CutFilesAreDecodedWhereHalfIsThere) {
  for (const JpegKind& kind : sequential_kinds()) {
    const Bytes file = jpeg_of(picture(), kind);
    check_cuts(file, scan_of(file), 6);
  }
}

TEST(DamagedJpeg, WhatIsMissingIsSaidInPercent) {
  const Bytes file = jpeg_of(picture(), {});
  EXPECT_THAT(said(cut(file, 99)),
              ::testing::MatchesRegex("the file ends early: the last [12] % of the picture is "
                                      "missing"));
  EXPECT_THAT(said(cut(file, 80)), ::testing::ContainsRegex("the last (19|20|21|22) % of"));
  EXPECT_THAT(said(file.substr(0, file.size() - 3)),
              ::testing::ContainsRegex("(less than|the last) 1 % of the picture"));
}

// What is missing is grey.
TEST(DamagedJpeg, MissingRowsAreGrey) {
  const auto decoded = decode_image(view(cut(jpeg_of(picture(), {}), 60)), {});
  ASSERT_TRUE(decoded);
  const RgbImage& image = decoded->image;
  for (std::size_t i = image.offset(0, kHeight - 20); i < image.pixels.size(); ++i)
    ASSERT_EQ(image.pixels[i], 128);
}

TEST(DamagedJpeg, ProgressiveFilesLoseDetail) {
  for (const int restart_interval : {0, 20}) {
    const Bytes file =
        jpeg_of(picture(), {.progressive = true, .restart_interval = restart_interval});
    const std::size_t second = file.find("\xFF\xC4", scan_of(file));  // tables of the second scan
    for (std::size_t size = second; size + 2 < file.size(); size += file.size() / 50)
      EXPECT_EQ(said(file.substr(0, size)), "the file ends early: the picture has less detail");
    // Within the first scan pixels are missing.
    const std::size_t first = scan_of(file);
    EXPECT_THAT(said(file.substr(0, first + (second - first) * 8 / 10)),
                HasSubstr("of the picture is missing"));
    EXPECT_THAT(error_of(file.substr(0, first + (second - first) * 3 / 10)).message,
                HasSubstr("truncated"));
  }
}

TEST(DamagedJpeg, ColoursMayBeMissing) {
  const Bytes file = jpeg_of(picture(), {.separate = true});
  EXPECT_EQ(said(file), "");
  EXPECT_EQ(said(file.substr(0, file.size() - 2)), "");
  const std::size_t first = scan_of(file);
  const std::size_t second = file.find("\xFF\xDA", first);
  const std::size_t third = file.find("\xFF\xDA", second + 2);
  for (const std::size_t size : {second, second + 500, third, third + 500})
    EXPECT_EQ(said(file.substr(0, size)), "the file ends early: the picture has less detail");
  EXPECT_THAT(said(file.substr(0, first + (second - first) * 8 / 10)),
              HasSubstr("of the picture is missing"));
  EXPECT_THAT(error_of(file.substr(0, first + (second - first) * 3 / 10)).message,
              HasSubstr("truncated"));
}

// libjpeg refuses a table or a scan that is not valid. The scans before it are there.
TEST(DamagedJpeg, ScansBeforeInvalidOnesAreShown) {
  Bytes file = jpeg_of(picture(), {.progressive = true});
  const std::size_t scan = file.find("\xFF\xDA", file.find("\xFF\xDA", scan_of(file)) + 2);
  file[scan + 4] = 17;  // components
  EXPECT_EQ(said(file), "the file is damaged: the picture has less detail");
}

TEST(DamagedJpeg, ALostRestartMarkerCostsItsInterval) {
  for (const int interval : {5, 20, 40}) {
    const Bytes file = jpeg_of(picture(), {.restart_interval = interval});
    const RgbImage whole = decode_image(view(file), {})->image;
    const std::size_t marker = file.find("\xFF\xD3", scan_of(file));
    const auto decoded = decode_image(view(lacking(file, marker, 2)), {});
    ASSERT_TRUE(decoded);
    EXPECT_THAT(decoded->warning, HasSubstr("of the picture is missing or wrong"));
    EXPECT_GT(rows_as_in(whole, decoded->image), 70);
    // Another number, and a whole interval that is missing.
    Bytes renumbered = file;
    renumbered[marker + 1] = '\xD4';
    EXPECT_THAT(said(renumbered), HasSubstr("the file is damaged"));
    const std::size_t next = file.find("\xFF\xD4", marker);
    EXPECT_THAT(said(lacking(file, marker, next - marker)), HasSubstr("the file is damaged"));
  }
}

TEST(DamagedJpeg, ALostPartIsNoticed) {
  for (JpegKind kind : sequential_kinds()) {
    for (const bool progressive : {false, true}) {
      kind.progressive = progressive;
      const Bytes file = jpeg_of(picture(), kind);
      const std::size_t begin = scan_of(file);
      for (std::size_t tenth = 1; tenth < 9; ++tenth) {
        const std::size_t at = begin + (file.size() - begin) * tenth / 10;
        // Scans that refine others may have them: there it is noticed where the data do not fit.
        if (progressive && at > file.size() / 3) break;
        EXPECT_THAT(said(overwritten(file, at, 512)), HasSubstr("the file is damaged"))
            << tenth << ' ' << kind.restart_interval << kind.optimized << progressive;
        EXPECT_THAT(said(overwritten(file, at, 1'024, '\x20')), HasSubstr("the file is damaged"))
            << tenth << ' ' << kind.restart_interval << kind.optimized << progressive;
      }
    }
  }
}

TEST(DamagedJpeg, BytesThatAreLeftOutAreNoticed) {
  for (const JpegKind& kind : sequential_kinds()) {
    const Bytes file = jpeg_of(picture(), kind);
    const std::size_t begin = scan_of(file);
    for (std::size_t tenth = 1; tenth < 9; ++tenth) {
      std::size_t at = begin + (file.size() - begin) * tenth / 10;
      while (file[at - 1] == '\xFF' || file[at + 700] == '\0') ++at;  // no new marker
      EXPECT_THAT(said(lacking(file, at, 700)), HasSubstr("the file is damaged")) << tenth;
    }
  }
}

// As a copy that was interrupted leaves it.
TEST(DamagedJpeg, AnEmptyEndIsAsIfItWereMissing) {
  for (const JpegKind& kind : sequential_kinds()) {
    const Bytes file = jpeg_of(picture(), kind);
    for (const char with : {'\0', '\xFF', 'x'}) {
      const std::size_t at = file.size() * 7 / 10;
      EXPECT_EQ(said(overwritten(file, at, file.size() - at, with)), said(file.substr(0, at)));
    }
  }
}

// Flat pictures may be coded in equal bytes.
TEST(DamagedJpeg, FlatPicturesAreWhole) {
  for (const std::uint8_t shade : {0, 128, 200, 255}) {
    for (JpegKind kind : sequential_kinds()) {
      for (const bool progressive : {false, true}) {
        kind.progressive = progressive;
        const Bytes file = jpeg_of(make_image(1'500, 1'500, shade), kind);
        EXPECT_EQ(said(file), "");
        EXPECT_EQ(said(file.substr(0, file.size() - 2)), "") << int{shade} << kind.optimized;
      }
    }
  }
}

TEST(DamagedJpeg, BytesBeforeAMarkerDoNoHarm) {
  Bytes file = jpeg_of(picture(), {});
  file.insert(file.size() - 2, "some bytes that a camera wrote");
  EXPECT_EQ(said(file), "");
  file.insert(file.find("\xFF\xC4"), Bytes(300, '\0'));
  EXPECT_EQ(said(file), "");
}

TEST(DamagedJpeg, ArithmeticCodingIsDecoded) {
  const Bytes file = jpeg_of(picture(), {.arithmetic = true});
  EXPECT_EQ(said(file), "");
  EXPECT_THAT(said(cut(file, 80)), HasSubstr("the file ends early"));
  EXPECT_THAT(error_of(cut(file, 30)).message, HasSubstr("truncated"));
}

TEST(OddJpeg, KindsThatAreNotSupportedAreNamed) {
  Bytes file = jpeg();
  const std::size_t frame = file.find("\xFF\xC0");
  const auto with = [&](char marker, char bits) {
    Bytes other = file;
    other[frame + 1] = marker;
    other[frame + 4] = bits;
    const Error error = error_of(other);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported) << error.message;
    EXPECT_THAT(error.message, HasSubstr("save it as"));
    return error.message;
  };
  EXPECT_THAT(with('\xC1', 12), HasSubstr("12 bits"));
  EXPECT_THAT(with('\xC3', 8), HasSubstr("without loss"));
  EXPECT_THAT(with('\xC5', 8), HasSubstr("hierarchical"));
  EXPECT_THAT(with('\xF7', 8), HasSubstr("JPEG-LS"));
}

// A chunk of PNG, with its checksum.
Bytes png_chunk(const Bytes& type, const Bytes& data) {
  const auto number = [](std::uint32_t value) {
    Bytes bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xFFU);
    return bytes;
  };
  const Bytes body = type + data;
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return number(static_cast<std::uint32_t>(data.size())) + body +
         number(static_cast<std::uint32_t>(sum));
}

Bytes deflated(const Bytes& text) {
  uLongf size = compressBound(text.size());
  Bytes bytes(size, '\0');
  compress2(reinterpret_cast<Bytef*>(bytes.data()), &size,
            reinterpret_cast<const Bytef*>(text.data()), text.size(), 9);
  bytes.resize(size);
  return bytes;
}

constexpr std::size_t kAfterIhdr = 33;
Bytes png_with(const Bytes& chunks, int width = 16, int height = 12) {
  return png(marked(width, height)).insert(kAfterIhdr, chunks);
}

// The file with its pixels in these chunks.
Bytes with_pixels(const Bytes& file, const std::function<Bytes(const Bytes&)>& chunks) {
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(file.data()),
                                            file.size());
  Bytes stream;
  for (std::size_t at = codecs::kFirstPngChunk; at < file.size();) {
    const auto chunk = codecs::png_chunk_at(bytes, at);
    if (chunk.type == codecs::png_type("IDAT")) stream.append(chunk.data.begin(), chunk.data.end());
    at = chunk.next;
  }
  return file.substr(0, kAfterIhdr) + chunks(stream) + png_chunk("IEND", "");
}

std::vector<Bytes> every_png() {
  const RgbImage image = picture();
  std::vector<std::uint8_t> deep;
  for (const std::uint8_t byte : image.pixels) {
    deep.push_back(byte);
    deep.push_back(0);
  }
  std::vector<std::uint8_t> grey;
  std::vector<std::uint8_t> clear;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    grey.push_back(image.pixels[i]);
    clear.insert(clear.end(), {image.pixels[i], image.pixels[i + 1], image.pixels[i + 2], 200});
  }
  return {png(image), png(SPNG_COLOR_TYPE_TRUECOLOR, 16, deep, kWidth, kHeight),
          png(SPNG_COLOR_TYPE_GRAYSCALE, 8, grey, kWidth, kHeight),
          png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, clear, kWidth, kHeight)};
}

TEST(DamagedPng, CutFilesAreDecodedWhereHalfIsThere) {
  for (const Bytes& file : every_png()) {
    check_cuts(file, 50, 12);
    EXPECT_EQ(said(file.substr(0, file.size() - 12)), "") << "without IEND";
    EXPECT_EQ(said(file.substr(0, file.size() - 18)), "") << "without most of the sum, too";
    EXPECT_EQ(said(file + Bytes(1'000, 'x')), "");
  }
}

TEST(DamagedPng, InterlacedFilesLoseDetail) {
  for (const auto& [width, height] : {std::pair{kWidth, kHeight}, {37, 53}, {3, 200}, {200, 3}}) {
    const RgbImage image = picture(width, height);
    const Bytes file =
        png(SPNG_COLOR_TYPE_TRUECOLOR, 8, image.pixels, static_cast<std::uint32_t>(width),
            static_cast<std::uint32_t>(height), true);
    EXPECT_EQ(decode_image(view(file), {})->image.pixels, image.pixels);
    for (const int percent : {70, 80, 90})
      EXPECT_EQ(said(cut(file, percent)), "the file ends early: the picture has less detail");
    EXPECT_THAT(error_of(cut(file, 25)).message, HasSubstr("truncated"));
  }
  const auto part = decode_image(
      view(cut(png(SPNG_COLOR_TYPE_TRUECOLOR, 8, picture(100, 100).pixels, 100, 100, true), 75)),
      {});
  ASSERT_TRUE(part);
  EXPECT_GT(rows_as_in(picture(100, 100), part->image), 50);
}

TEST(DamagedPng, WrongSumsOfPixelsThatAreRightAreNotMentioned) {
  const Bytes file = png(picture());
  const auto with_sums = [&](bool right_stream, bool right_chunk) {
    return with_pixels(file, [&](Bytes stream) {
      if (!right_stream) stream.back() ^= 1;
      Bytes chunk = png_chunk("IDAT", stream);
      if (!right_chunk) chunk.back() ^= 1;
      return chunk;
    });
  };
  EXPECT_EQ(said(with_sums(true, false)), "");
  EXPECT_EQ(said(with_sums(false, true)), "");
  EXPECT_EQ(said(with_sums(false, false)),
            "the file is damaged: a part of the picture may be wrong");
}

TEST(DamagedPng, ALostPartIsNoticed) {
  for (const Bytes& file : every_png()) {
    const RgbImage whole = decode_image(view(file), {})->image;
    for (const int percent : {70, 80, 90}) {
      const std::size_t at = cut(file, percent).size();
      for (const Bytes& damaged :
           {overwritten(file, at, 512), overwritten(file, at, file.size() - at),
            lacking(file, at, 512)}) {
        const auto decoded = decode_image(view(damaged), {});
        ASSERT_TRUE(decoded) << decoded.error().message;
        EXPECT_NE(decoded->warning, "");
        EXPECT_NEAR(rows_as_in(whole, decoded->image), percent, 12);
      }
    }
  }
}

TEST(OddPng, WhatIsNotPixelsIsPassedOver) {
  Bytes texts;
  for (int i = 0; i < 1'100; ++i) texts += png_chunk("tEXt", "Comment" + Bytes(1, '\0') + "text");
  const Bytes bomb = deflated(Bytes(20 << 20, 'x'));
  const Bytes zero(1, '\0');
  Bytes wrong = png_chunk("tEXt", "Comment");
  wrong.back() ^= 1;
  for (const Bytes& chunks :
       {texts, png_chunk("zTXt", "Comment" + zero + zero + bomb),
        png_chunk("zTXt", "Raw profile type exif" + zero + zero + bomb),
        png_chunk("iTXt", "XML:com.adobe.xmp" + zero + "\1" + zero + zero + zero + bomb),
        png_chunk("iCCP", "profile" + zero + zero + bomb), png_chunk("eXIf", ""), wrong,
        png_chunk("juNk", Bytes(5 << 20, 'x')), png_chunk("acTL", Bytes(8, '\0')),
        png_chunk("PLTE", Bytes(3, '\0')), png_chunk("tRNS", Bytes(5, '\0')),
        png_chunk("gAMA", "x"), png_chunk("iTXt", ""), png_chunk("zTXt", "x")}) {
    const auto decoded = decode_image(view(png_with(chunks)), {});
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->warning, "");
    EXPECT_EQ(decoded->image.pixels, marked(16, 12).pixels);
  }
  EXPECT_EQ(said(with_pixels(png(picture()),
                             [&](const Bytes& stream) {
                               return png_chunk("IDAT", stream.substr(0, 5'000)) + texts +
                                      png_chunk("IDAT", "") +
                                      png_chunk("IDAT", stream.substr(5'000));
                             })),
            "");
}

TEST(OddPng, PalettesMayBeWrittenWrongly) {
  const std::vector<std::uint8_t> indexes{0, 1, 2, 3};
  const auto with = [&](const Bytes& chunks) {
    Bytes file = png(SPNG_COLOR_TYPE_GRAYSCALE, 8, indexes, 4, 1);
    file[25] = SPNG_COLOR_TYPE_INDEXED;
    const auto decoded = decode_image(view(file.insert(kAfterIhdr, chunks)), {});
    EXPECT_TRUE(decoded) << decoded.error().message;
    return decoded->image.pixels;
  };
  const Bytes red_green("\xFF\0\0\0\xFF\0", 6);
  EXPECT_THAT(with(png_chunk("PLTE", red_green + Bytes(6, '\x11'))),
              ::testing::ElementsAre(255, 0, 0, 0, 255, 0, 17, 17, 17, 17, 17, 17));
  EXPECT_THAT(with(png_chunk("PLTE", red_green)),
              ::testing::ElementsAre(255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0))
      << "indexes behind its end are black";
  EXPECT_THAT(with(png_chunk("PLTE", red_green + Bytes(6, '\x11')) +
                   png_chunk("tRNS", Bytes("\xFF\0", 2) + Bytes(300, '\xFF'))),
              ::testing::ElementsAre(255, 0, 0, 255, 255, 255, 17, 17, 17, 17, 17, 17));
  EXPECT_EQ(with(png_chunk("PLTE", Bytes(3 * 300, '\x22'))), std::vector<std::uint8_t>(12, 0x22));
}

TEST(OddPng, ApplesVariantIsNamed) {
  const Bytes file = png(marked(16, 12)).insert(8, png_chunk("CgBI", Bytes(4, '\0')));
  const Error error = error_of(file);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("CgBI"));
}

Bytes gif_of(const RgbImage& image, bool interlaced = false) {
  GifPicture picture{.canvas_width = image.width,
                     .canvas_height = image.height,
                     .width = image.width,
                     .height = image.height,
                     .colours = std::vector<GifColorType>(256),
                     .indexes = {}};
  for (int i = 0; i < 256; ++i) {
    const auto shade = static_cast<GifByteType>(i);
    picture.colours[static_cast<std::size_t>(i)] = {shade, shade, shade};
  }
  const auto add_row = [&](int y) {
    for (int x = 0; x < image.width; ++x)
      picture.indexes.push_back(image.pixels[image.offset(x, y)]);
  };
  if (!interlaced) {
    for (int y = 0; y < image.height; ++y) add_row(y);
    return gif(std::move(picture));
  }
  for (const auto& [first, step] : {std::pair{0, 8}, {4, 8}, {2, 4}, {1, 2}}) {
    for (int y = first; y < image.height; y += step) add_row(y);
  }
  Bytes file = gif(std::move(picture));
  file[file.find(',', 13 + 3 * 256) + 9] |= 0x40;
  return file;
}

TEST(DamagedGif, CutFilesAreDecodedWhereHalfIsThere) {
  const Bytes file = gif_of(picture());
  check_cuts(file, 800, 6);
  EXPECT_EQ(said(file.substr(0, file.size() - 1)), "");
  EXPECT_EQ(said(file + Bytes(1'000, 'x')), "");
}

TEST(DamagedGif, InterlacedFilesLoseDetail) {
  const Bytes file = gif_of(picture(), true);
  const RgbImage whole = decode_image(view(gif_of(picture())), {})->image;
  EXPECT_EQ(decode_image(view(file), {})->image.pixels, whole.pixels);
  EXPECT_EQ(said(cut(file, 80)), "the file ends early: the picture has less detail");
  EXPECT_THAT(error_of(cut(file, 30)).message, HasSubstr("truncated"));
}

TEST(DamagedGif, ALostPartIsNoticed) {
  const Bytes file = gif_of(picture());
  const RgbImage whole = decode_image(view(file), {})->image;
  for (const int percent : {60, 75, 90}) {
    const std::size_t at = cut(file, percent).size();
    const auto decoded = decode_image(view(overwritten(file, at, 512)), {});
    ASSERT_TRUE(decoded);
    EXPECT_THAT(decoded->warning, HasSubstr("the file is damaged"));
    EXPECT_NEAR(rows_as_in(whole, decoded->image), percent, 6);
  }
}

// As browsers do.
TEST(OddGif, TheScreenIsAtLeastAsLargeAsTheFrame) {
  const Bytes file = gif_of(picture());
  for (const Bytes& screen : {Bytes(4, '\0'), Bytes("\1\0\1\0", 4), Bytes("\0\0\xF0\0", 4)}) {
    Bytes small = file;
    small.replace(6, 4, screen);
    const auto decoded = decode_image(view(small), {});
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->image.pixels, decode_image(view(file), {})->image.pixels);
    const auto facts = read_image_facts(view(small));
    EXPECT_EQ(facts.width, kWidth);
    EXPECT_EQ(facts.height, kHeight);
  }
}

// Codes of 12 bits, of which none is a string: the table stays empty.
Bytes gif_of_literals(unsigned literal_bits) {
  Bytes file("GIF89a\x08\0\x04\0\x80\0\0", 13);
  file += Bytes("\0\0\0\xFF\xFF\xFF", 6) + Bytes(",\0\0\0\0\x08\0\x04\0\0", 10);
  file += static_cast<char>(literal_bits);
  std::uint64_t bits = 0;
  unsigned count = 0;
  Bytes data;
  const auto put_code = [&](unsigned code) {
    bits |= std::uint64_t{code} << count;
    for (count += literal_bits + 1; count >= 8; count -= 8, bits >>= 8U)
      data += static_cast<char>(bits & 0xFFU);
  };
  for (unsigned i = 0; i < 32; ++i) {
    put_code(1U << literal_bits);
    put_code(i % 2);
  }
  put_code((1U << literal_bits) + 1);
  if (count > 0) data += static_cast<char>(bits & 0xFFU);
  return file + static_cast<char>(data.size()) + data + Bytes("\0;", 2);
}

TEST(OddGif, CodesMayBeginWithUpTo11Bits) {
  for (unsigned bits = 1; bits <= 11; ++bits) {
    const auto decoded = decode_image(view(gif_of_literals(bits)), {});
    ASSERT_TRUE(decoded) << bits << decoded.error().message;
    EXPECT_EQ(decoded->warning, "");
    for (std::size_t i = 0; i < 32; ++i)
      EXPECT_EQ(decoded->image.pixels[3 * i], i % 2 == 0 ? 0 : 255) << bits;
  }
  EXPECT_EQ(error_of(gif_of_literals(12)).code, ErrorCode::kUndecodable);
}

TEST(OddGif, WithoutColoursThereIsNothingToShow) {
  Bytes file = gif_of_literals(2);
  file[10] = '\0';
  file.erase(13, 6);
  EXPECT_THAT(error_of(file).message, HasSubstr("colour table"));
}

Bytes webp_of(const RgbImage& image, bool lossless) {
  return lossless ? webp_lossless(image) : webp_lossy(image, 90);
}

TEST(DamagedWebp, CutFilesAreDecodedWhereHalfIsThere) {
  for (const bool lossless : {false, true}) {
    const Bytes file = webp_of(picture(), lossless);
    check_cuts(file, 100, 22);
    EXPECT_EQ(said(file + Bytes(1'000, 'x')), "");
  }
}

TEST(DamagedWebp, ALostPartIsNoticed) {
  for (const bool lossless : {false, true}) {
    const Bytes file = webp_of(picture(), lossless);
    const std::size_t at = file.size() * 85 / 100;
    EXPECT_THAT(said(overwritten(file, at, 512)), HasSubstr("the file is damaged"));
    EXPECT_THAT(said(overwritten(file, at, file.size() - at)), HasSubstr("the file ends early"));
  }
}

// Stripes, with noise between them: their data have long runs of equal bytes.
RgbImage stripes_and_noise(int width, int height) {
  std::minstd_rand random(5);
  RgbImage image = make_image(width, height);
  for (int y = 0; y < height; ++y) {
    const bool noisy = y >= height / 3 && y < height / 2;
    for (std::size_t i = image.offset(0, y); i < image.offset(0, y + 1); ++i)
      image.pixels[i] = static_cast<std::uint8_t>(noisy ? random() % 256 : y % 2 * 255U);
  }
  return image;
}

TEST(Damage, IsNotSeenInFlatPictures) {
  for (const int height : {300, 1'200}) {
    for (const RgbImage& image : {stripes_and_noise(1'600, height), make_image(1'600, height, 9)}) {
      EXPECT_EQ(said(webp_lossless(image)), "");
      EXPECT_EQ(said(webp_lossy(image, 90)), "");
      EXPECT_EQ(said(png(image)), "");
      EXPECT_EQ(said(gif_of(image)), "");
      for (JpegKind kind : sequential_kinds()) {
        for (const bool progressive : {false, true}) {
          kind.progressive = progressive;
          const Bytes file = jpeg_of(image, kind);
          EXPECT_EQ(said(file), "");
          EXPECT_EQ(said(file.substr(0, file.size() - 2)), "");
        }
      }
    }
  }
}

TEST(OddWebp, TheSizeInItsHeaderIsNotBelieved) {
  for (const bool lossless : {false, true}) {
    const Bytes file = webp_of(picture(), lossless);
    const RgbImage whole = decode_image(view(file), {})->image;
    for (const Bytes& size : {Bytes(4, '\0'), Bytes("\x20\0\0\0", 4), Bytes(4, '\xFF')}) {
      Bytes other = file;
      other.replace(4, 4, size);
      const auto decoded = decode_image(view(other), {});
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_EQ(decoded->warning, "");
      EXPECT_EQ(decoded->image.pixels, whole.pixels);
      EXPECT_EQ(read_image_facts(view(other)).width, kWidth);
    }
  }
}

TEST(OddWebp, OfAnAnimationOnlyTheFirstFrameMustBeThere) {
  const Bytes frame = webp_lossless(marked(8, 6)).substr(12);
  const Bytes place{1, 0, 0, 2, 0, 0, 7, 0, 0, 5, 0, 0, 100, 0, 0, 0};  // at 2, 4
  const Bytes file =
      extended_webp(0x02, riff_chunk("ANIM", Bytes(6, '\0')) + riff_chunk("ANMF", place + frame) +
                              riff_chunk("ANMF", place + frame));
  const std::size_t second = file.rfind("ANMF");
  const RgbImage whole = decode_image(view(file), {})->image;
  EXPECT_EQ(whole.width, 16);
  EXPECT_EQ(whole.pixels[whole.offset(1, 4)], 255) << "the canvas is white";
  EXPECT_EQ(whole.pixels[whole.offset(2, 4)], 230);
  for (std::size_t size = second; size < file.size(); size += 5) {
    const auto decoded = decode_image(view(file.substr(0, size)), {});
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->warning, "");
    EXPECT_EQ(decoded->image.pixels, whole.pixels);
  }
}

TEST(DamagedBmp, CutFilesAreDecodedWhereHalfIsThere) {
  const Bytes file = bmp(picture());
  check_cuts(file, 54, 3);
}

TEST(DamagedBmp, RunLengthsMayBeCutOff) {
  Bytes file = bmp_header(8, 10, 8, 1, 2) + Bytes("\0\0\xFF\0\0\xFF\0\0", 8);
  for (int y = 0; y < 10; ++y) file += Bytes("\x08\1\0\0", 4);
  EXPECT_EQ(said(file), "");
  EXPECT_EQ(said(file.substr(0, file.size() - 12)),
            "the file ends early: the last 30 % of the picture is missing");
  EXPECT_THAT(error_of(file.substr(0, file.size() - 24)).message, HasSubstr("truncated"));
}

// A BMP with a header of this size, and 8 bits.
Bytes indexed_bmp(std::uint32_t header_size, std::uint32_t colours, std::uint32_t stated_colours) {
  Bytes file = "BM";
  put(file, 0, 8);
  const std::uint32_t entry = header_size == 12 ? 3 : 4;
  put(file, 14 + header_size + entry * colours, 4);
  put(file, header_size, 4);
  const int side = header_size == 12 ? 2 : 4;
  put(file, 4, side);
  put(file, 2, side);
  put(file, 1, 2);
  put(file, 8, 2);
  file.resize(14 + header_size, '\0');
  if (header_size >= 36) {
    Bytes number;
    put(number, stated_colours, 4);
    file.replace(46, 4, number);
  }
  for (std::uint32_t i = 0; i < colours; ++i) put(file, i * 0x010101U, static_cast<int>(entry));
  for (std::uint32_t i = 0; i < 8; ++i) put(file, i, 1);
  return file;
}

TEST(OddBmp, HeadersOfAllVersions) {
  for (const std::uint32_t size : {12U, 16U, 24U, 40U, 52U, 56U, 64U, 108U, 124U}) {
    const auto decoded = decode_image(view(indexed_bmp(size, 256, 0)), {});
    ASSERT_TRUE(decoded) << size << ": " << decoded.error().message;
    EXPECT_EQ(decoded->image.width, 4);
    EXPECT_EQ(decoded->image.pixels[0], 4) << size;
    EXPECT_EQ(decoded->image.pixels[12], 0) << size;
    EXPECT_EQ(read_image_facts(view(indexed_bmp(size, 256, 0))).height, 2) << size;
  }
}

TEST(OddBmp, PixelsAreFoundWhereTheHeaderIsWrong) {
  const auto first = [](const Bytes& file) {
    const auto decoded = decode_image(view(file), {});
    EXPECT_TRUE(decoded) << decoded.error().message;
    return decoded ? int{decoded->image.pixels[0]} : -1;
  };
  for (const std::uint32_t offset : {0U, 14U, 54U, 100'000U, 0xFFFFFFFFU}) {
    Bytes file = indexed_bmp(40, 256, 0);
    Bytes number;
    put(number, offset, 4);
    file.replace(10, 4, number);
    EXPECT_EQ(first(file), 4) << offset;
  }
  EXPECT_EQ(first(indexed_bmp(40, 20, 0)), 4) << "fewer colours than the header says";
  EXPECT_EQ(first(indexed_bmp(40, 256, 9'999)), 4);
  Bytes masks = bmp_header(1, 1, 32, 3, 0);
  put(masks, 0x000000FF, 4);
  put(masks, 0x0000FF00, 4);
  put(masks, 0x00FF0000, 4);
  put(masks, 0x00332211, 4);
  EXPECT_EQ(first(masks), 0x11) << "the offset forgets the masks";
}

TEST(OddBmp, OpacityThatIsZeroEverywhereIsNone) {
  const auto with_alpha = [](std::uint32_t alpha) {
    Bytes file = "BM";
    put(file, 0, 8);
    put(file, 14 + 124, 4);
    put(file, 124, 4);
    put(file, 2, 4);
    put(file, 1, 4);
    put(file, 1, 2);
    put(file, 32, 2);
    put(file, 3, 4);
    file.resize(54, '\0');
    for (const std::uint32_t mask : {0xFF0000U, 0xFF00U, 0xFFU, 0xFF000000U}) put(file, mask, 4);
    file.resize(14 + 124, '\0');
    put(file, 0x00102030, 4);
    put(file, 0x00102030 | alpha << 24U, 4);
    return decode_image(view(file), {})->image.pixels;
  };
  EXPECT_THAT(with_alpha(0), ::testing::ElementsAre(16, 32, 48, 16, 32, 48));
  EXPECT_THAT(with_alpha(255), ::testing::ElementsAre(255, 255, 255, 16, 32, 48));
}

TEST(OddBmp, WhatIsNotSupportedIsNamed) {
  const auto message = [](std::uint32_t bits, std::uint32_t compression) {
    const Error error = error_of(bmp_header(8, 8, bits, compression, 2) + Bytes(300, '\0'));
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_THAT(error.message, HasSubstr("save it as PNG"));
    return error.message;
  };
  EXPECT_THAT(message(1, 3), HasSubstr("Huffman"));
  EXPECT_THAT(message(24, 4), HasSubstr("run lengths of 24 bits"));
  EXPECT_THAT(message(0, 4), HasSubstr("a JPEG inside"));
  EXPECT_THAT(message(0, 5), HasSubstr("a PNG inside"));
}

// Big-endian, with the orientation as a number of another type.
Bytes exif_of_type(std::uint32_t type, int orientation, bool big_endian) {
  const auto number = [&](std::uint32_t value, int size) {
    Bytes bytes;
    put(bytes, value, size);
    return big_endian ? Bytes(bytes.rbegin(), bytes.rend()) : bytes;
  };
  const int size = type == 1 || type == 6 ? 1 : type == 3 || type == 8 ? 2 : 4;
  Bytes value = number(static_cast<std::uint32_t>(orientation), size);
  value.resize(4, '\0');
  return (big_endian ? Bytes("MM\0*", 4) : Bytes("II*\0", 4)) + number(8, 4) + number(1, 2) +
         number(0x0112, 2) + number(type, 2) + number(1, 4) + value + number(0, 4);
}

Bytes jpeg_with_app1(const Bytes& body) {
  const auto size = body.size() + 2;
  return jpeg().insert(
      2,
      Bytes{'\xFF', '\xE1', static_cast<char>(size >> 8U), static_cast<char>(size & 0xFFU)} + body);
}

Bytes webp_with(const Bytes& chunks) {
  return extended_webp(0x08, webp_lossy(marked(16, 12), 80).substr(12) + chunks);
}

// Decoding, probing and facts agree on it.
int orientation_of(const Bytes& file) {
  const auto decoded = decode_image(view(file), {});
  EXPECT_TRUE(decoded) << decoded.error().message;
  if (!decoded) return -1;
  const auto probed = probe_image(view(file), {});
  EXPECT_EQ(probed->orientation, decoded->orientation);
  const auto facts = read_image_facts(view(file));
  const bool turned = decoded->orientation >= 5;
  EXPECT_EQ(facts.width, turned ? probed->height : probed->width);
  EXPECT_EQ(facts.height, turned ? probed->width : probed->height);
  return decoded->orientation;
}

TEST(Orientation, MayBeAnyIntegerInEveryFormat) {
  const Bytes prefix("Exif\0\0", 6);
  for (const bool big_endian : {false, true}) {
    for (const std::uint32_t type : {1U, 3U, 4U, 6U, 8U, 9U}) {
      for (const int wanted : {0, 1, 3, 6, 8, 9, 100}) {
        const Bytes block = exif_of_type(type, wanted, big_endian);
        const int expected = wanted >= 1 && wanted <= 8 ? wanted : 1;
        for (const Bytes& before : {Bytes(), prefix, prefix + prefix}) {
          EXPECT_EQ(orientation_of(jpeg_with_app1(before + block)), expected) << type;
          EXPECT_EQ(orientation_of(png_with(png_chunk("eXIf", before + block))), expected);
          EXPECT_EQ(orientation_of(webp_with(riff_chunk("EXIF", before + block))), expected);
        }
      }
    }
  }
}

// As ImageMagick writes it.
Bytes raw_profile(const Bytes& name, const Bytes& profile) {
  Bytes text = "\n" + name + "\n      " + std::to_string(profile.size()) + "\n";
  constexpr const char* kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < profile.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(profile[i]);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
    if (i % 36 == 35) text += '\n';
  }
  return text + "\n";
}

TEST(Orientation, InTextChunksOfPng) {
  const Bytes zero(1, '\0');
  const Bytes block = Bytes("Exif\0\0", 6) + exif(6);
  for (const char* name : {"exif", "APP1"}) {
    const Bytes keyword = Bytes("Raw profile type ") + name + zero;
    const Bytes text = raw_profile(name, block);
    for (const Bytes& chunk :
         {png_chunk("tEXt", keyword + text), png_chunk("zTXt", keyword + zero + deflated(text)),
          png_chunk("iTXt", keyword + zero + zero + zero + zero + text),
          png_chunk("iTXt", keyword + "\1" + zero + zero + zero + deflated(text))}) {
      EXPECT_EQ(orientation_of(png_with(chunk)), 6);
      EXPECT_EQ(orientation_of(png_with(png_chunk("eXIf", exif(3)) + chunk)), 3)
          << "eXIf comes first";
    }
  }
}

TEST(Orientation, InXmpWhereExifHasNone) {
  const Bytes zero(1, '\0');
  const Bytes nothing = exif({.date_time = "2026:01:31 08:09:10"});
  for (const char* how : {"<x:xmpmeta><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>",
                          "<x:xmpmeta><rdf:Description tiff:Orientation = '6'/></x:xmpmeta>",
                          "<x:xmpmeta><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>",
                          "<x:xmpmeta><tiff:Orientation>\n 6\n</tiff:Orientation></x:xmpmeta>"}) {
    const Bytes xmp = how;
    const Bytes app1 = Bytes("http://ns.adobe.com/xap/1.0/") + zero + xmp;
    const Bytes in_png = png_chunk("iTXt", "XML:com.adobe.xmp" + Bytes(5, '\0') + xmp);
    EXPECT_EQ(orientation_of(jpeg_with_app1(app1)), 6);
    EXPECT_EQ(orientation_of(png_with(in_png)), 6);
    EXPECT_EQ(orientation_of(png_with(png_chunk("eXIf", nothing) + in_png)), 6);
    EXPECT_EQ(orientation_of(png_with(png_chunk("eXIf", exif(1)) + in_png)), 1);
    EXPECT_EQ(orientation_of(webp_with(riff_chunk("XMP ", xmp) + riff_chunk("EXIF", nothing))), 6);
    EXPECT_EQ(orientation_of(webp_with(riff_chunk("EXIF", exif(8)) + riff_chunk("XMP ", xmp))), 8);
  }
  for (const char* nonsense : {"tiff:Orientation=\"9\"", "tiff:Orientation=\"66\"",
                               "tiff:Orientation", "tiff:Orientation=\"", "tiff:Orientation>"}) {
    EXPECT_EQ(
        orientation_of(jpeg_with_app1(Bytes("http://ns.adobe.com/xap/1.0/") + zero + nonsense)), 1);
  }
}

TEST(OtherFiles, AreNamed) {
  const auto message = [](const Bytes& head) {
    const Error error = error_of(head + Bytes(40, '\0'));
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    return error.message;
  };
  for (const Bytes& jpeg2000 : {Bytes("\0\0\0\x0CjP  \r\n\x87\n", 12), Bytes("\xFF\x4F\xFF\x51")})
    EXPECT_THAT(message(jpeg2000), HasSubstr("a JPEG 2000 image"));
  EXPECT_THAT(message(Bytes("II\xBC\1", 4)), HasSubstr("a JPEG XR image"));
  EXPECT_THAT(message(Bytes("\0\0\0\x18", 4) + "ftypisom"), HasSubstr("a video"));
  EXPECT_THAT(message(Bytes("\0\0\0\x18", 4) + "ftyphevc"), HasSubstr("a HEIC sequence"));
}

// Whatever is damaged where: an image or an error, and facts of the same size.
TEST(Damage, NeverCrashes) {
  std::minstd_rand random(3);
  const RgbImage image = picture(64, 48);
  for (const Bytes& original :
       {jpeg_of(image, {}), jpeg_of(image, {.progressive = true}),
        jpeg_of(image, {.restart_interval = 2}), jpeg_of(image, {.arithmetic = true}), png(image),
        png(SPNG_COLOR_TYPE_TRUECOLOR, 8, image.pixels, 64, 48, true), gif_of(image),
        gif_of(image, true), webp_lossless(image), webp_lossy(image, 90), bmp(image), bmp_runs(),
        indexed_bmp(40, 20, 0)}) {
    for (int i = 0; i < 300; ++i) {
      Bytes file = original;
      for (int flips = 0; flips < 1 + i % 6; ++flips)
        file[random() % file.size()] = static_cast<char>(random());
      if (i % 3 == 0) file.resize(random() % file.size());
      if (i % 5 == 0 && file.size() > 600) {
        const std::size_t at = random() % (file.size() - 512);
        file = overwritten(file, at, 300 + random() % 212);
      }
      const std::vector<char> exact(file.begin(), file.end());
      const auto bytes = std::as_bytes(std::span(exact));
      read_image_facts(bytes);
      const auto decoded = decode_image(bytes, {.max_pixels = 1'000'000});
      EXPECT_TRUE(decoded || !decoded.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace classifier::testing
