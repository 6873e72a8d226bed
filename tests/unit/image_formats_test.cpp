// HEIC, AVIF, TIFF, JPEG XL and raw files, and colour profiles of all formats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/decode.hpp"
#include "adapters/image/heif_boxes.hpp"
#include "adapters/image/image_facts.hpp"
#include "adapters/image/preprocess.hpp"
#include "support/format_files.hpp"

namespace classifier {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::view;

RgbImage upright(const Bytes& file) {
  auto decoded = decode_image(view(file), {});
  EXPECT_TRUE(decoded) << decoded.error().message;
  if (!decoded) return {};
  EXPECT_EQ(decoded->warning, "");
  return orient(std::move(decoded->image), decoded->orientation);
}

// The mean absolute difference of all channels.
double difference(const RgbImage& a, const RgbImage& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  if (a.pixels.size() != b.pixels.size() || a.pixels.empty()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

void expect_facts(const Bytes& file, const char* type, int width, int height) {
  const ImageFacts facts = read_image_facts(view(file));
  EXPECT_EQ(facts.content_type, type);
  EXPECT_EQ(facts.width, width);
  EXPECT_EQ(facts.height, height);
}

const RgbImage kPicture = testing::marked(96, 64);
constexpr double kLossy = 8;  // of the sharp edges of such pictures, with colours at half size

TEST(HeifTest, HeicAndAvifAreDecoded) {
  const Bytes heic = testing::heif(kPicture);
  EXPECT_LT(difference(upright(heic), kPicture), kLossy);
  expect_facts(heic, "image/heic", 96, 64);
  const Bytes avif = testing::heif(kPicture, {.compression = heif_compression_AV1});
  EXPECT_LT(difference(upright(avif), kPicture), kLossy);
  expect_facts(avif, "image/avif", 96, 64);
}

TEST(HeifTest, IrotAndImirWinOverExif) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Bytes file = testing::heif(
        kPicture,
        {.orientation = static_cast<heif_orientation>(orientation), .exif = testing::exif(6)});
    // Without irot and imir Exif holds.
    const int expected = orientation == 1 ? 6 : orientation;
    const RgbImage wanted = orient(kPicture, expected);
    EXPECT_LT(difference(upright(file), wanted), kLossy) << orientation;
    expect_facts(file, "image/heic", wanted.width, wanted.height);
  }
}

TEST(HeifTest, MonochromeImagesHaveAllGreys) {
  RgbImage grey = kPicture;
  for (std::size_t i = 0; i < grey.pixels.size(); i += 3)
    grey.pixels[i + 1] = grey.pixels[i + 2] = grey.pixels[i];
  for (const auto compression : {heif_compression_HEVC, heif_compression_AV1}) {
    const Bytes file = testing::heif(grey, {.compression = compression, .grey = true});
    EXPECT_LT(difference(upright(file), grey), 4) << compression;
  }
}

TEST(HeifTest, AThumbnailThatIsLargeEnoughIsDecodedInstead) {
  const RgbImage large = testing::marked(960, 640);
  const Bytes file = testing::heif(large, {.thumbnail = 384});
  const auto small = decode_image(view(file), {}, 224);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->image.width, 384);
  const auto whole = decode_image(view(file), {}, 300);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->image.width, 960);
}

TEST(HeifTest, AnAuxiliaryImageOfSeveralIsPassedOver) {
  Bytes file = testing::heif(kPicture, {.thumbnail = 32});
  const std::size_t reference = file.find("thmb");
  ASSERT_NE(reference, Bytes::npos);
  file.replace(reference, 4, "auxl");
  file[reference + 7] = 2;  // as many as there would be in an iPhone's file; the second is garbage
  const codecs::HeifHeader header =
      codecs::read_heif_header({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
  ASSERT_EQ(header.shared_auxiliaries.size(), 1U);
  EXPECT_EQ(header.shared_auxiliaries[0], reference - 4);
}

// A grid of 3 × 2 tiles, as phones write larger photos.
Bytes heif_grid(heif_orientation orientation) {
  constexpr std::uint32_t kTile = 64;
  const auto place = [](Bytes& bytes, std::uint64_t value, int size) {
    for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  };
  const auto box = [&](const Bytes& type, const Bytes& body) {
    Bytes bytes;
    place(bytes, body.size() + 8, 4);
    return bytes + type + body;
  };
  const auto full = [&](const Bytes& type, const Bytes& body) {
    return box(type, Bytes(4, '\0') + body);
  };
  // One coded tile and its configuration are taken from a file of libheif.
  const Bytes one = testing::heif(testing::marked(kTile, kTile));
  const std::size_t config_at = one.find("hvcC") - 4;
  const auto size_at = [&](std::size_t at) {
    return std::size_t{static_cast<std::uint8_t>(one[at + 2])} << 8U |
           static_cast<std::uint8_t>(one[at + 3]);
  };
  const Bytes config = one.substr(config_at, size_at(config_at));
  const Bytes data = one.substr(one.find("mdat") + 4);
  const auto side = [&](std::uint32_t width, std::uint32_t height) {
    Bytes bytes;
    place(bytes, width, 4);
    place(bytes, height, 4);
    return full("ispe", bytes);
  };
  const Bytes turn = box("irot", Bytes(1, orientation == heif_orientation_normal ? '\0' : '\1'));
  Bytes items;
  Bytes tiles;
  Bytes associations;
  constexpr int kTiles = 6;
  const auto item = [&](int id, const Bytes& type) {
    Bytes entry;
    place(entry, 0x02000000, 4);
    place(entry, static_cast<std::uint64_t>(id), 2);
    entry += Bytes(2, '\0') + type + Bytes(1, '\0');
    return box("infe", entry);
  };
  const auto build = [&](std::size_t data_at) {
    items.clear();
    tiles.clear();
    associations.clear();
    place(associations, kTiles + 1, 4);
    Bytes places("\x44\0\0\7", 4);
    place(places, kTiles + 1, 2);
    place(places, 1, 4);
    place(places, data_at, 4);
    place(places, 8, 4);
    for (int id = 1; id <= kTiles; ++id) {
      items += item(id, "hvc1");
      place(tiles, static_cast<std::uint64_t>(id), 2);
      place(associations, static_cast<std::uint64_t>(id), 2);
      associations += Bytes("\2\x81\2", 3);
      place(places, static_cast<std::uint64_t>(id), 2);
      place(places, 1, 4);  // no other file, one extent
      place(places, data_at + 8 + static_cast<std::size_t>(id - 1) * data.size(), 4);
      place(places, data.size(), 4);
    }
    items += item(kTiles + 1, "grid");
    place(associations, kTiles + 1, 2);
    associations += Bytes("\2\3\x84", 3);
    Bytes from;
    place(from, kTiles + 1, 2);
    place(from, kTiles, 2);
    Bytes count;
    place(count, kTiles + 1, 2);
    const Bytes meta =
        full("hdlr", Bytes(4, '\0') + "pict" + Bytes(13, '\0')) + full("pitm", Bytes("\0\7", 2)) +
        full("iinf", count + items) + full("iref", box("dimg", from + tiles)) +
        box("iprp", box("ipco", config + side(kTile, kTile) + side(3 * kTile, 2 * kTile) + turn) +
                        full("ipma", associations)) +
        full("iloc", places);
    return box("ftyp", Bytes("heic\0\0\0\0mif1heic", 16)) + full("meta", meta);
  };
  const std::size_t data_at = build(0).size() + 8;
  Bytes content("\0\0\1\2\0\xC0\0\x80", 8);  // two rows of three, 192 × 128
  for (int i = 0; i < kTiles; ++i) content += data;
  return build(data_at) + box("mdat", content);
}

TEST(HeifTest, TilesThatAreMissingAreGrey) {
  for (const auto orientation : {heif_orientation_normal, heif_orientation_rotate_90_cw}) {
    const bool turned = orientation != heif_orientation_normal;
    const Bytes file = heif_grid(orientation);
    const RgbImage whole = upright(file);
    ASSERT_EQ(whole.width, turned ? 128 : 192);
    const auto some = decode_image(view(file.substr(0, file.size() - 20)), {});
    ASSERT_TRUE(some) << some.error().message;
    EXPECT_EQ(some->warning, "the file ends early: the last 17 % of the picture is missing");
    // The last tile, at the bottom right before it is turned anticlockwise, and the first.
    const RgbImage& image = some->image;
    const auto last = turned ? image.offset(127, 0) : image.offset(191, 127);
    const auto first = turned ? image.offset(0, 191) : image.offset(0, 0);
    EXPECT_EQ(image.pixels[last], codecs::kMissing);
    EXPECT_EQ(image.pixels[first], whole.pixels[first]);
    EXPECT_NE(image.pixels[first + 1], codecs::kMissing);
    const std::size_t tiles = file.find("mdat") + 4 + 8;  // behind the description of the grid
    const auto two = tiles + (file.size() - tiles) * 2 / 6;
    const auto few = decode_image(view(file.substr(0, two)), {});
    ASSERT_FALSE(few);
    EXPECT_THAT(few.error().message, HasSubstr("the HEIC is truncated"));
  }
}

TEST(HeifTest, TheTableOfPlacesMayBeCutOff) {
  // The data come first, so that they are there, and all tiles but the first are said to be beyond.
  const Bytes file = heif_grid(heif_orientation_normal);
  const std::size_t meta = file.find("meta") - 4;
  const std::size_t data = file.find("mdat") - 4;
  const std::size_t shift = data - meta;
  Bytes moved = file.substr(0, meta) + file.substr(data) + file.substr(meta, shift);
  const std::size_t entries = moved.find("iloc") + 12;
  for (std::size_t i = 0; i < 7; ++i) {
    const std::size_t at = entries + 14 * i + 6;
    std::uint32_t place = 0;
    for (std::size_t b = 0; b < 4; ++b)
      place = place << 8U | static_cast<std::uint8_t>(moved[at + b]);
    place = i < 2 ? place - static_cast<std::uint32_t>(shift)
                  : static_cast<std::uint32_t>(2 * moved.size() + i);
    for (std::size_t b = 0; b < 4; ++b) moved[at + b] = static_cast<char>(place >> (24 - 8 * b));
  }
  for (std::size_t size = entries; size <= moved.size(); ++size)
    EXPECT_FALSE(decode_image(view(moved.substr(0, size)), {})) << size;
}

TEST(HeifTest, WhatIsBehindThePictureMayBeMissing) {
  const Bytes file = testing::heif(kPicture, {.exif = testing::exif(1) + Bytes(500, 'x')});
  const auto decoded = decode_image(view(file.substr(0, file.size() - 300)), {});
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->warning, "");
}

TEST(HeifTest, APartThatWasOverwrittenIsSaid) {
  RgbImage noise = testing::marked(256, 256);
  for (std::size_t i = 0; i < noise.pixels.size(); ++i)
    noise.pixels[i] = static_cast<std::uint8_t>(i * i % 251);
  Bytes file = testing::heif(noise);
  const std::size_t data = file.find("mdat");
  const std::size_t middle = data + (file.size() - data) * 3 / 4;
  file.replace(middle, 512, Bytes(512, '\0'));
  const auto decoded = decode_image(view(file), {});
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_THAT(decoded->warning, HasSubstr("the file is damaged"));
}

TEST(HeifTest, DamagedAndTooLargeFilesAreRefused) {
  const Bytes file = testing::heif(kPicture);
  for (std::size_t size = 16; size < file.size(); size += 37) {
    const auto decoded = decode_image(view(file.substr(0, size)), {});
    EXPECT_TRUE(decoded || !decoded.error().message.empty());
  }
  const auto refused = decode_image(view(file), {.max_pixels = 100});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_THAT(refused.error().message, HasSubstr("HEIC"));
  EXPECT_FALSE(decode_image(view(file), {.max_memory = 10'000}));
}

TEST(JxlTest, LosslessAndLossyAreDecoded) {
  EXPECT_EQ(difference(upright(testing::jxl(kPicture)), kPicture), 0);
  EXPECT_LT(difference(upright(testing::jxl(kPicture, false)), kPicture), kLossy);
  expect_facts(testing::jxl(kPicture), "image/jxl", 96, 64);
  expect_facts(testing::jxl(testing::marked(451, 300)), "image/jxl", 451, 300);
}

TEST(JxlTest, IsTurned) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Bytes file = testing::jxl(kPicture, true, orientation);
    const RgbImage wanted = orient(kPicture, orientation);
    EXPECT_EQ(difference(upright(file), wanted), 0) << orientation;
    expect_facts(file, "image/jxl", wanted.width, wanted.height);
  }
}

TEST(JxlTest, AFileThatEndsEarlySaysSo) {
  const Bytes lossless = testing::jxl(testing::marked(1'200, 900));
  EXPECT_FALSE(decode_image(view(lossless.substr(0, lossless.size() / 3)), {}));
  const Bytes file = testing::jxl(testing::marked(1'200, 900), false);
  bool warned = false;
  for (std::size_t part = 1; part <= 9; ++part) {
    const auto decoded = decode_image(view(file.substr(0, file.size() * part / 10)), {});
    if (decoded) {
      EXPECT_THAT(decoded->warning, HasSubstr("ends early"));
      warned = true;
    } else {
      EXPECT_THAT(decoded.error().message, HasSubstr("truncated"));
    }
  }
  EXPECT_TRUE(warned);
}

TEST(TiffTest, CompressionsAndLayouts) {
  for (const std::uint16_t compression :
       {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS}) {
    for (const std::uint32_t tile : {0U, 32U}) {
      for (const char* mode : {"wl", "wb", "w8"}) {
        const Bytes file =
            testing::tiff(kPicture, {.compression = compression, .tile = tile, .mode = mode});
        EXPECT_EQ(difference(upright(file), kPicture), 0) << compression << " " << tile << mode;
        expect_facts(file, "image/tiff", 96, 64);
      }
    }
  }
}

TEST(TiffTest, SeparatePlanes) {
  Bytes planes;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = c; i < kPicture.pixels.size(); i += 3)
      planes += static_cast<char>(kPicture.pixels[i]);
  }
  for (const std::uint32_t tile : {0U, 32U}) {
    const Bytes file = testing::tiff(
        {.width = 96, .height = 64, .planar = PLANARCONFIG_SEPARATE, .tile = tile}, planes);
    EXPECT_EQ(difference(upright(file), kPicture), 0) << tile;
  }
}

TEST(TiffTest, IsTurned) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Bytes file =
        testing::tiff(kPicture, {.orientation = static_cast<std::uint16_t>(orientation)});
    const RgbImage wanted = orient(kPicture, orientation);
    EXPECT_EQ(difference(upright(file), wanted), 0) << orientation;
    expect_facts(file, "image/tiff", wanted.width, wanted.height);
  }
}

template <class T>
Bytes samples_of(const RgbImage& image, const std::function<T(std::uint8_t)>& convert) {
  Bytes bytes;
  for (const std::uint8_t value : image.pixels) {
    const T sample = convert(value);
    bytes.append(reinterpret_cast<const char*>(&sample), sizeof sample);
  }
  return bytes;
}

TEST(TiffTest, DeepAndFloatingSamples) {
  const auto file = [](std::uint16_t bits, std::uint16_t format, const Bytes& rows) {
    return testing::tiff({.width = 96, .height = 64, .bits = bits, .format = format}, rows);
  };
  const auto deep = samples_of<std::uint16_t>(
      kPicture, [](std::uint8_t value) { return static_cast<std::uint16_t>(value * 257); });
  EXPECT_LE(difference(upright(file(16, SAMPLEFORMAT_UINT, deep)), kPicture), 0.5);
  const auto deeper =
      samples_of<std::uint32_t>(kPicture, [](std::uint8_t value) { return value * 0x01010101U; });
  EXPECT_EQ(difference(upright(file(32, SAMPLEFORMAT_UINT, deeper)), kPicture), 0);
  const auto is_signed = samples_of<std::int16_t>(
      kPicture, [](std::uint8_t value) { return static_cast<std::int16_t>(value * 257 - 32'768); });
  EXPECT_EQ(difference(upright(file(16, SAMPLEFORMAT_INT, is_signed)), kPicture), 0);
  for (const float white : {1.0F, 255.0F}) {
    const auto floats = samples_of<float>(
        kPicture, [&](std::uint8_t value) { return static_cast<float>(value) / 255 * white; });
    EXPECT_EQ(difference(upright(file(32, SAMPLEFORMAT_IEEEFP, floats)), kPicture), 0) << white;
  }
}

TEST(TiffTest, BilevelBothWaysAndPalettes) {
  // The left half of each row is set.
  const Bytes rows = [] {
    Bytes bytes;
    for (int y = 0; y < 16; ++y) bytes += Bytes("\xFF\x00", 2);
    return bytes;
  }();
  for (const bool white_is_zero : {false, true}) {
    for (const std::uint16_t compression : {COMPRESSION_NONE, COMPRESSION_CCITTFAX4}) {
      const std::uint16_t photometric =
          white_is_zero ? PHOTOMETRIC_MINISWHITE : PHOTOMETRIC_MINISBLACK;
      const RgbImage image = upright(testing::tiff({.width = 16,
                                                    .height = 16,
                                                    .bits = 1,
                                                    .samples = 1,
                                                    .photometric = photometric,
                                                    .compression = compression},
                                                   rows));
      ASSERT_EQ(image.width, 16);
      EXPECT_EQ(image.pixels[image.offset(0, 8)], white_is_zero ? 0 : 255);
      EXPECT_EQ(image.pixels[image.offset(15, 8)], white_is_zero ? 255 : 0);
    }
  }
  testing::TiffPicture palette{
      .width = 4, .height = 1, .samples = 1, .photometric = PHOTOMETRIC_PALETTE};
  palette.set = [](TIFF* file) {
    std::array<std::uint16_t, 256> red{0, 0xFFFF};
    std::array<std::uint16_t, 256> green{0, 0, 0xFFFF};
    std::array<std::uint16_t, 256> blue{0, 0, 0, 0xFFFF};
    TIFFSetField(file, TIFFTAG_COLORMAP, red.data(), green.data(), blue.data());
  };
  const RgbImage colours = upright(testing::tiff(palette, Bytes("\0\1\2\3", 4)));
  EXPECT_THAT(colours.pixels, ::testing::ElementsAre(0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255));
}

TEST(TiffTest, AlphaIsOverWhite) {
  const Bytes rows("\x40\x20\x10\x80", 4);  // half covered
  const RgbImage associated = upright(testing::tiff(
      {.width = 1, .height = 1, .samples = 4, .alpha = EXTRASAMPLE_ASSOCALPHA}, rows));
  EXPECT_THAT(associated.pixels, ::testing::ElementsAre(0x40 + 127, 0x20 + 127, 0x10 + 127));
  const RgbImage unassociated = upright(testing::tiff(
      {.width = 1, .height = 1, .samples = 4, .alpha = EXTRASAMPLE_UNASSALPHA}, rows));
  EXPECT_NEAR(unassociated.pixels[0], 0x40 / 2 + 127, 1);
}

TEST(TiffTest, InksWithoutAProfile) {
  const RgbImage image = upright(
      testing::tiff({.width = 2, .height = 1, .samples = 4, .photometric = PHOTOMETRIC_SEPARATED},
                    Bytes("\xFF\0\0\0\0\0\0\xFF", 8)));
  EXPECT_THAT(image.pixels, ::testing::ElementsAre(0, 255, 255, 0, 0, 0));
}

TEST(TiffTest, MissingStripsAreSaid) {
  const RgbImage picture = testing::marked(96, 80);  // ten strips
  const auto break_strips = [&](std::size_t count) {
    // Each strip begins as zlib's streams do.
    Bytes broken = testing::tiff(picture, {.compression = COMPRESSION_ADOBE_DEFLATE});
    for (std::size_t i = 0, at = 8; i < count; ++i) {
      at = broken.find("\x78\x9C", at);
      broken.replace(at, 4, "\xFF\xFF\xFF\xFF");
      at += 4;
    }
    return broken;
  };
  const auto some = decode_image(view(break_strips(2)), {});
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_THAT(some->warning, HasSubstr("about 20 % of the picture"));
  const auto most = decode_image(view(break_strips(6)), {});
  ASSERT_FALSE(most);
  EXPECT_THAT(most.error().message, HasSubstr("40 %"));
}

// The file with its pixels behind its directory, where other programs write them.
Bytes with_pixels_behind(const Bytes& file) {
  const auto number = [&](const Bytes& bytes, std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, size);
    return value;
  };
  const std::uint32_t directory = number(file, 4, 4);
  const auto shift = static_cast<std::uint32_t>(file.size() - 8);
  Bytes moved = file + file.substr(8, directory - 8);
  for (std::size_t i = 0; i < number(file, directory, 2); ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const std::uint32_t tag = number(file, entry, 2);
    if (tag != TIFFTAG_STRIPOFFSETS && tag != TIFFTAG_TILEOFFSETS) continue;
    const std::uint32_t size = number(file, entry + 2, 2) == TIFF_SHORT ? 2 : 4;
    const std::uint32_t count = number(file, entry + 4, 4);
    const std::size_t values = count * size > 4 ? number(file, entry + 8, 4) : entry + 8;
    for (std::size_t at = values; at < values + count * size; at += size) {
      const std::uint32_t value = number(file, at, size) + shift;
      std::memcpy(moved.data() + at, &value, size);
    }
  }
  return moved;
}

TEST(TiffTest, AFileThatEndsEarlyIsDecodedAsFarAsItIsThere) {
  const RgbImage picture = testing::marked(96, 80);
  const auto one_strip = [&](std::uint16_t compression) {
    testing::TiffPicture tiff{.compression = compression};
    tiff.set = [](TIFF* file) { TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 80); };
    return testing::tiff(picture, tiff);
  };
  const Bytes tiles = testing::tiff(picture, {.tile = 16});
  // Of what is compressed the first half of the bytes may be less of the picture.
  for (const auto& [file, enough] :
       {std::pair{one_strip(COMPRESSION_NONE), 55U}, std::pair{one_strip(COMPRESSION_LZW), 90U},
        std::pair{testing::tiff(picture), 55U},
        std::pair{testing::tiff(picture, {.compression = COMPRESSION_ADOBE_DEFLATE}), 90U},
        std::pair{tiles, 60U}}) {
    const Bytes moved = with_pixels_behind(file);
    EXPECT_EQ(difference(upright(moved), picture), 0);
    for (const std::size_t percent : {95U, 80U, 60U, 20U}) {
      const std::size_t pixels = moved.size() - file.size();
      const auto decoded =
          decode_image(view(moved.substr(0, file.size() + pixels * percent / 100)), {});
      if (percent >= enough) {
        ASSERT_TRUE(decoded) << percent << ": " << decoded.error().message;
        EXPECT_THAT(decoded->warning, HasSubstr("the file ends early"));
        EXPECT_EQ(decoded->image.pixels[0], picture.pixels[0]);
        EXPECT_EQ(decoded->image.pixels.back(), codecs::kMissing);
      } else if (percent == 20) {
        ASSERT_FALSE(decoded);
        EXPECT_THAT(decoded.error().message, HasSubstr("truncated"));
      }
    }
  }
}

TEST(TiffTest, CirclesOfDirectoriesAndHugeCountsEnd) {
  Bytes file = testing::tiff(kPicture);
  Bytes circle = file;
  // The next directory is the first one.
  std::uint32_t first = 0;
  std::memcpy(&first, file.data() + 4, 4);
  std::uint16_t entries = 0;
  std::memcpy(&entries, file.data() + first, 2);
  std::memcpy(circle.data() + first + 2 + 12 * entries, &first, 4);
  EXPECT_EQ(difference(upright(circle), kPicture), 0);
  expect_facts(circle, "image/tiff", 96, 64);
  // A million strips of one row.
  const auto refused = decode_image(
      view(testing::tiff({.width = 1, .height = 8, .samples = 1, .photometric = 1}, Bytes(8, 'x'))),
      {.max_memory = 1});
  EXPECT_FALSE(refused);
}

TEST(RawTest, FactsNameTheMakersType) {
  expect_facts(Bytes("II*\0\x10\0\0\0CR\2\0\0\0\0\0", 16), "image/x-canon-cr2", 0, 0);
  expect_facts(Bytes("\0\0\0\x14"
                     "ftypcrx \0\0\0\0crx ",
                     20),
               "image/x-canon-cr3", 0, 0);
  expect_facts("FUJIFILMCCD-RAW 0201", "image/x-fuji-raf", 0, 0);
  expect_facts(Bytes("IIU\0\x08\0\0\0", 8), "image/x-panasonic-rw2", 0, 0);
  expect_facts(Bytes("MMOR\0\0\0\x08", 8), "image/x-olympus-orf", 0, 0);
  expect_facts(testing::dng(64, 64, std::vector<std::uint16_t>(64 * 64)), "image/x-adobe-dng", 0,
               0);
}

TEST(RawTest, IsDevelopedWhereItHasNoPreview) {
  constexpr std::uint32_t kSide = 128;
  std::vector<std::uint16_t> values(kSide * kSide);
  for (std::uint32_t y = 0; y < kSide; ++y) {
    for (std::uint32_t x = 0; x < kSide; ++x)  // bright on the left
      values[y * kSide + x] = x < kSide / 2 ? 50'000 : 2'000;
  }
  const RgbImage image = upright(testing::dng(kSide, kSide, values));
  ASSERT_NEAR(image.width, kSide / 2, 4);
  EXPECT_GT(image.pixels[image.offset(8, 30)], image.pixels[image.offset(56, 30)] + 60);
  EXPECT_EQ(codecs::sniff(view(testing::dng(kSide, kSide, values))), ImageFormat::kRaw);
  const RgbImage turned =
      upright(testing::dng(kSide, kSide, values, ORIENTATION_RIGHTTOP));  // left is at the top
  EXPECT_GT(turned.pixels[turned.offset(30, 8)], turned.pixels[turned.offset(30, 56)] + 60);
}

RgbImage colours() {
  RgbImage image = make_image(64, 64);
  for (std::size_t i = 0; i < image.pixels.size() / 3; ++i) {
    image.pixels[3 * i] = static_cast<std::uint8_t>(i % 16 * 17);
    image.pixels[3 * i + 1] = static_cast<std::uint8_t>(i / 16 % 16 * 17);
    image.pixels[3 * i + 2] = static_cast<std::uint8_t>(i / 256 * 17);
  }
  return image;
}

Profile span_of(const Bytes& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

TEST(ColourTest, MatrixProfilesAreConvertedAsLittleCmsDoes) {
  const Bytes profile = testing::p3_profile();
  const auto transform = colour_transform(span_of(profile));
  ASSERT_TRUE(transform);
  RgbImage image = colours();
  RgbImage expected = image;
  transform->apply(image.pixels);
  const cmsHPROFILE from =
      cmsOpenProfileFromMem(profile.data(), static_cast<cmsUInt32Number>(profile.size()));
  const cmsHPROFILE to = cmsCreate_sRGBProfile();
  // In floating point, so that only one of them is rounded.
  const cmsHTRANSFORM reference =
      cmsCreateTransform(from, TYPE_RGB_8, to, TYPE_RGB_8, INTENT_PERCEPTUAL, cmsFLAGS_NOOPTIMIZE);
  cmsDoTransform(reference, expected.pixels.data(), expected.pixels.data(), 64 * 64);
  cmsDeleteTransform(reference);
  cmsCloseProfile(from);
  cmsCloseProfile(to);
  int worst = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    worst = std::max(worst, std::abs(image.pixels[i] - expected.pixels[i]));
  EXPECT_LE(worst, 1);
  EXPECT_GT(difference(image, colours()), 3);
}

TEST(ColourTest, NothingIsConvertedWithoutNeed) {
  EXPECT_FALSE(colour_transform({}));
  EXPECT_FALSE(colour_transform(span_of(testing::srgb_profile())));
  const Bytes profile = testing::p3_profile();
  EXPECT_FALSE(colour_transform(span_of(profile.substr(0, 200))));
  Bytes broken = profile;
  std::fill(broken.begin() + 128, broken.end(), '\xFF');
  EXPECT_FALSE(colour_transform(span_of(broken)));
  EXPECT_FALSE(ink_transform(span_of(profile)));
  EXPECT_FALSE(coded_colour_transform(1, 13));
  EXPECT_FALSE(coded_colour_transform(2, 2));
  EXPECT_TRUE(coded_colour_transform(12, 13));
  EXPECT_TRUE(coded_colour_transform(9, 16));
}

TEST(ColourTest, GreyProfiles) {
  const auto transform = colour_transform(span_of(testing::grey_profile(1.0)));
  ASSERT_TRUE(transform);
  std::vector<std::uint8_t> pixels{128, 128, 128};
  transform->apply(pixels);
  EXPECT_THAT(pixels, ::testing::Each(::testing::AllOf(::testing::Ge(186), ::testing::Le(189))));
}

TEST(ColourTest, ProfilesOfAllFormatsAreApplied) {
  const Bytes profile = testing::p3_profile();
  RgbImage red = make_image(64, 64);
  for (std::size_t i = 0; i < red.pixels.size(); i += 3) {
    red.pixels[i] = 200;
    red.pixels[i + 1] = red.pixels[i + 2] = 100;
  }
  RgbImage expected = red;
  colour_transform(span_of(profile))->apply(expected.pixels);
  ASSERT_GT(difference(expected, red), 5);
  constexpr double kRounding = 2;
  const Bytes jpeg = encode_jpeg(red, 98).value();
  EXPECT_LT(difference(upright(testing::jpeg_with_profile(jpeg, profile)), expected), kRounding);
  EXPECT_LT(difference(upright(testing::jpeg_with_profile(jpeg, profile, 100)), expected),
            kRounding);
  EXPECT_LT(difference(upright(testing::tiff(red, {.profile = profile})), expected), kRounding);
  EXPECT_LT(difference(upright(testing::heif(red, {.profile = profile})), expected), kRounding);
  EXPECT_LT(difference(upright(testing::heif(
                           red, {.compression = heif_compression_AV1, .profile = profile})),
                       expected),
            kRounding);
  // Thumbnails and what models see are sRGB too.
  const Bytes with_profile = testing::jpeg_with_profile(jpeg, profile);
  const auto crop =
      prepare_image(view(with_profile), {.shortest_side = 32, .width = 32, .height = 32}, {});
  ASSERT_TRUE(crop);
  EXPECT_NEAR(crop->pixels[0], expected.pixels[0], 2);
  const auto thumbnail = make_thumbnail(view(with_profile), 32, {});
  ASSERT_TRUE(thumbnail);
  EXPECT_NEAR(upright(*thumbnail).pixels[0], expected.pixels[0], 3);
}

}  // namespace
}  // namespace classifier
