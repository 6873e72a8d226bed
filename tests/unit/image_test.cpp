// Decoding, resizing and preparing images, with generated files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spng.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>
#include <thread>

#include "adapters/image/decode.hpp"
#include "adapters/image/image_sinks.hpp"
#include "adapters/image/preprocess.hpp"
#include "adapters/image/thumbnail.hpp"
#include "support/image_files.hpp"

namespace classifier::testing {
namespace {

double mean_difference(const RgbImage& a, const RgbImage& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  if (a.pixels.size() != b.pixels.size()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

RgbImage decode(const Bytes& bytes) {
  auto decoded = decode_image(view(bytes), {});
  EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
  return decoded ? orient(std::move(decoded->image), decoded->orientation) : RgbImage{};
}

TEST(Decode, DecodesEveryFormat) {
  EXPECT_LT(mean_difference(decode(jpeg()), marked(64, 48)), 6);
  EXPECT_EQ(mean_difference(decode(png(marked(64, 48))), marked(64, 48)), 0);
  EXPECT_EQ(mean_difference(decode(webp_lossless(marked(64, 48))), marked(64, 48)), 0);
  EXPECT_EQ(mean_difference(decode(bmp(marked(64, 48))), marked(64, 48)), 0);
}

TEST(Decode, GifIsTheFirstFrameOnWhite) {
  const RgbImage image = decode(gif());
  const auto pixel = [&](int x, int y) {
    const std::uint8_t* p = &image.pixels[static_cast<std::size_t>(y * image.width + x) * 3];
    return std::vector<int>{p[0], p[1], p[2]};
  };
  EXPECT_EQ(image.width, 8);
  EXPECT_THAT(pixel(0, 0), ::testing::ElementsAre(255, 255, 255));
  EXPECT_THAT(pixel(2, 2), ::testing::ElementsAre(230, 20, 10));
  EXPECT_THAT(pixel(5, 5), ::testing::ElementsAre(20, 230, 10));
  EXPECT_THAT(pixel(3, 3), ::testing::ElementsAre(255, 255, 255));
}

TEST(Decode, TransparentPixelsAreWhite) {
  const Bytes file =
      png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, {255, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 128}, 3, 1);
  EXPECT_THAT(decode(file).pixels, ::testing::ElementsAre(255, 255, 255, 0, 0, 255, 127, 127, 127));
}

TEST(Decode, SixteenBitsAndGrayBecomeEightBitRgb) {
  EXPECT_THAT(decode(png(SPNG_COLOR_TYPE_GRAYSCALE, 16, {0xFF, 0xFF, 0x00, 0x80}, 2, 1)).pixels,
              ::testing::ElementsAre(255, 255, 255, 128, 128, 128));
}

TEST(Decode, BmpRunLengths) {
  EXPECT_THAT(decode(bmp_runs()).pixels,
              ::testing::ElementsAre(0, 255, 0, 0, 255, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0,
                                     0, 255, 0, 0, 255, 0, 0));
}

TEST(Decode, AllOrientationsBecomeUpright) {
  const auto upright = decode(jpeg());
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto decoded = decode_image(view(jpeg_with_orientation(orientation)), {});
    ASSERT_TRUE(decoded);
    ASSERT_EQ(decoded->orientation, orientation);
  }
  // The stored image for an orientation results from the inverse operation. Orientations 6 and 8
  // are each other's inverse, the others their own.
  constexpr int kInverse[] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const RgbImage stored = orient(upright, kInverse[orientation]);
    EXPECT_EQ(mean_difference(orient(stored, orientation), upright), 0)
        << "orientation " << orientation;
  }
  // Orientation 6: the stored row 0 is on the right, column 0 on top (Exif 2.32).
  const RgbImage turned = orient(RgbImage{2, 1, {1, 1, 1, 2, 2, 2}}, 6);
  EXPECT_EQ(turned.width, 1);
  EXPECT_THAT(turned.pixels, ::testing::ElementsAre(1, 1, 1, 2, 2, 2));
}

TEST(Decode, ErrorsAreExplained) {
  const auto error = [](const Bytes& bytes) {
    const auto decoded = decode_image(view(bytes), {});
    return decoded ? Error{} : decoded.error();
  };
  EXPECT_EQ(error("").message, "the file is empty (0 bytes)");
  EXPECT_EQ(error("hello").code, ErrorCode::kUnsupported);
  EXPECT_THAT(error("%PDF-1.7 ...").message, ::testing::HasSubstr("a PDF document"));
  EXPECT_THAT(error(jpeg().substr(0, jpeg().size() / 2)).message,
              ::testing::HasSubstr("truncated"));
  EXPECT_THAT(error(png(marked(64, 48)).substr(0, 100)).message, ::testing::HasSubstr("truncated"));
  DecodeLimits limits;
  limits.max_bytes = 10;
  EXPECT_EQ(decode_image(view(jpeg()), limits).error().code, ErrorCode::kTooLarge);
}

// What decoding the file into a thumbnail is refused for, where `megabytes` are allowed.
Error refusal(const Bytes& file, std::uint64_t megabytes) {
  const auto made = make_thumbnail(view(file), 64, {.max_memory = megabytes << 20});
  return made ? Error{} : made.error();
}

TEST(Decode, HugeSizesAreRefusedByTheirHeader) {
  EXPECT_EQ(decode_image(view(bmp_header(20'000, 20'000, 24, 0, 0) + "x"), {}).error().code,
            ErrorCode::kUndecodable)
      << "the file is too short for it";
  EXPECT_EQ(refusal(bmp_header(20'000, 20'000, 8, 1, 2) + Bytes(9, '\0'), 700).code,
            ErrorCode::kTooLarge);
  Bytes webp = webp_lossless(marked(8, 8));
  const std::size_t size_at = webp.find("VP8L") + 9;  // two numbers of 14 bits
  webp.replace(size_at, 4, Bytes("\xFF\xFF\xFF\x0F", 4));
  EXPECT_EQ(refusal(webp, 700).code, ErrorCode::kTooLarge);
  Bytes gif_file = gif();
  gif_file.replace(6, 4, "\x20\x4E\x20\x4E");  // 20,000 × 20,000
  const auto error = decode_image(view(gif_file), {}).error();
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_EQ(
      error.message,
      "decoding the GIF takes 1145 MB of memory; at most 700 MB are allowed: make it smaller, "
      "or raise DECODE_MEMORY");
}

TEST(Decode, PixelsAreLimitedWhereThatIsAskedFor) {
  const auto error = decode_image(view(jpeg()), {.max_pixels = 3'000}).error();
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_THAT(error.message, ::testing::HasSubstr("MAX_IMAGE_PIXELS"));
  EXPECT_TRUE(decode_image(view(jpeg()), {.max_pixels = 64L * 48}));
}

// 100 megapixels.
TEST(Decode, ByRowsALargePngTakesLittleMemory) {
  constexpr std::uint32_t kSide = 10'000;
  const std::vector<std::uint8_t> black(kSide / 8 * kSide);
  EXPECT_TRUE(make_thumbnail(view(png(SPNG_COLOR_TYPE_GRAYSCALE, 1, black, kSide, kSide)), 64,
                             {.max_memory = 30UL << 20}));
  EXPECT_THAT(refusal(png(SPNG_COLOR_TYPE_GRAYSCALE, 1, black, kSide, kSide, true), 200).message,
              ::testing::HasSubstr("DECODE_MEMORY"));
}

TEST(Decode, TheTimeOfEveryFormatThatIsDecodedByRowsIsLimited) {
  const std::vector<Bytes> files{jpeg(), png(marked(64, 48)), gif(), bmp(marked(64, 48))};
  for (const Bytes& file : files) {
    const auto decoded = decode_image(view(file), {.max_time = std::chrono::milliseconds(-1)});
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::kTooLarge);
    EXPECT_THAT(decoded.error().message, ::testing::HasSubstr("too long to decode"));
  }
}

// Takes the rows late, as on a machine that is busy with other things.
class LateSink final : public RowSink {
 public:
  std::uint64_t memory(const ImageInfo& image) const override { return whole_.memory(image); }
  void start(const ImageInfo& image) override {
    whole_.start(image);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
  }
  std::uint8_t* next_row() override { return whole_.next_row(); }
  void row_done() override { whole_.row_done(); }

 private:
  WholeImage whole_;
};

TEST(Decode, ABusyMachineMakesNoImageTooSlow) {
  const std::vector<Bytes> files{jpeg(), png(marked(64, 48)), gif(), bmp(marked(64, 48))};
  for (const Bytes& file : files) {
    LateSink sink;
    EXPECT_TRUE(decode_rows(view(file), {.max_time = std::chrono::milliseconds(500)}, 0, sink));
  }
}

TEST(Decode, TooManyScansAreRefused) {
  EXPECT_TRUE(decode_image(view(jpeg_with_scans(20)), {}));
  const Bytes bomb = jpeg_with_scans(1'000);
  const auto refused = decode_image(view(bomb), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(refused.error().message, "the JPEG has more than 100 scans");
  EXPECT_FALSE(make_thumbnail(view(bomb), 16, {}));
}

TEST(Decode, DamagedFilesNeverCrash) {
  std::minstd_rand random(1);
  for (const Bytes& original : {jpeg(), png(marked(64, 48)), webp_lossless(marked(64, 48)), gif(),
                                bmp(marked(64, 48)), jpeg_with_orientation(6)}) {
    for (int i = 0; i < 400; ++i) {
      Bytes file = original;
      for (int flips = 0; flips < 1 + i % 8; ++flips)
        file[random() % file.size()] = static_cast<char>(random());
      if (i % 3 == 0) file.resize(random() % file.size());
      const auto decoded = decode_image(view(file), {.max_pixels = 1'000'000});
      if (!decoded) continue;
      EXPECT_EQ(decoded->image.pixels.size(), 3U * static_cast<std::size_t>(decoded->image.width) *
                                                  static_cast<std::size_t>(decoded->image.height));
    }
  }
}

TEST(Resize, KeepsAUniformColour) {
  const RgbImage flat{7, 5, std::vector<std::uint8_t>(7UL * 5 * 3, 77)};
  for (const auto interpolation : {Interpolation::kBilinear, Interpolation::kBicubic}) {
    for (const int side : {1, 3, 5, 40}) {
      const RgbImage out = resize(flat, side, side, interpolation, {0, 0, side, side});
      EXPECT_THAT(out.pixels, ::testing::Each(77)) << side;
    }
  }
}

TEST(Resize, IsTheSameWithAndWithoutSimd) {
  std::minstd_rand random(1);
  for (int round = 0; round < 200; ++round) {
    const auto side = [&](int most) { return 1 + static_cast<int>(random() % most); };
    RgbImage image{side(90), side(90), {}};
    image.pixels.resize(static_cast<std::size_t>(image.width * image.height) * 3);
    for (auto& byte : image.pixels) byte = static_cast<std::uint8_t>(random());
    const int width = side(120);
    const int height = side(120);
    const int left = static_cast<int>(random() % width);
    const int top = static_cast<int>(random() % height);
    const CropWindow window{left, top, width - left, height - top};
    const auto rule = round % 2 == 0 ? Interpolation::kBilinear : Interpolation::kBicubic;
    EXPECT_EQ(resize(image, width, height, rule, window, true).pixels,
              resize(image, width, height, rule, window, false).pixels)
        << image.width << " × " << image.height << " to " << width << " × " << height;
  }
}

// Files of every way to be decoded, with random pixels.
std::vector<Bytes> files_of_every_kind(std::minstd_rand& random, int width, int height) {
  RgbImage image = make_image(width, height);
  for (auto& byte : image.pixels) byte = static_cast<std::uint8_t>(random());
  RgbImage padded = make_image((width + 3) / 4 * 4, height);
  for (auto& byte : padded.pixels) byte = static_cast<std::uint8_t>(random());
  std::vector<std::uint8_t> deep(image.pixels.size() / 3 * 8);
  for (auto& byte : deep) byte = static_cast<std::uint8_t>(random());
  GifPicture picture{.canvas_width = width,
                     .canvas_height = height,
                     .left = width / 3,
                     .top = height / 3,
                     .width = width,
                     .height = height,
                     .colours = {{230, 20, 10}, {20, 230, 10}, {0, 0, 250}, {1, 2, 3}},
                     .indexes = {}};
  for (std::size_t i = 0; i < image.pixels.size() / 3; ++i)
    picture.indexes.push_back(static_cast<GifPixelType>(random() % 4));
  const auto w = static_cast<std::uint32_t>(width);
  const auto h = static_cast<std::uint32_t>(height);
  const int orientation = 1 + static_cast<int>(random() % 8);
  std::vector<Bytes> files{encode_jpeg(image, 90).value(), webp_lossless(image), bmp(padded),
                           gif(std::move(picture))};
  for (const bool interlaced : {false, true}) {
    files.push_back(png(SPNG_COLOR_TYPE_TRUECOLOR, 8, image.pixels, w, h, interlaced, orientation));
    files.push_back(png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 16, deep, w, h, interlaced, orientation));
  }
  return files;
}

TEST(Prepare, RowByRowIsTheSameAsOfTheWholeImage) {
  std::minstd_rand random(1);
  for (int round = 0; round < 60; ++round) {
    const int width = 1 + static_cast<int>(random() % 300);
    const int height = 1 + static_cast<int>(random() % 300);
    const ResizeRule rule{
        .shortest_side = 20 + static_cast<int>(random() % 100),
        .interpolation = round % 2 == 0 ? Interpolation::kBilinear : Interpolation::kBicubic,
        .width = 1 + static_cast<int>(random() % 20),
        .height = 1 + static_cast<int>(random() % 20)};
    for (const Bytes& file : files_of_every_kind(random, width, height)) {
      const auto whole = decode_image(view(file), {}).value();
      const RgbImage& image = whole.image;
      const bool swapped = whole.orientation >= 5;
      const int crop_width = swapped ? rule.height : rule.width;
      const int crop_height = swapped ? rule.width : rule.height;
      const int shorter = std::min(image.width, image.height);
      const int to_width = rule.shortest_side * image.width / shorter;
      const int to_height = rule.shortest_side * image.height / shorter;
      const auto middle = [](int size, int part) {
        return static_cast<int>(std::nearbyint((size - part) / 2.0));
      };
      const RgbImage crop =
          orient(resize(image, to_width, to_height, rule.interpolation,
                        {middle(to_width, crop_width), middle(to_height, crop_height), crop_width,
                         crop_height}),
                 whole.orientation);
      const auto prepared = prepare_image(view(file), rule, {}, false).value();
      ASSERT_EQ(prepared.width, crop.width);
      ASSERT_EQ(prepared.pixels, crop.pixels)
          << to_string(probe_image(view(file), {})->format) << ", " << width << " × " << height;
    }
  }
}

// Exif may be behind the pixels of a PNG.
TEST(Decode, OrientationOfPng) {
  const Bytes before = png(SPNG_COLOR_TYPE_TRUECOLOR, 8, marked(4, 3).pixels, 4, 3, false, 6);
  const std::size_t begin = before.find("eXIf") - 4;
  const std::size_t size = 12 + exif(6).size();
  Bytes behind = before;
  behind.erase(begin, size);
  behind.insert(behind.find("IEND") - 4, before.substr(begin, size));
  for (const Bytes& file : {before, behind}) {
    EXPECT_EQ(decode_image(view(file), {})->orientation, 6);
    EXPECT_EQ(probe_image(view(file), {})->orientation, 6);
  }
}

TEST(Prepare, ExtremeShapesWork) {
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 3'000}, {3'000, 1}, {5, 5}}) {
    const Bytes file = encode_jpeg(marked(width, height), 90).value();
    const auto prepared =
        prepare_image(view(file), {.shortest_side = 232, .width = 224, .height = 224}, {});
    ASSERT_TRUE(prepared) << prepared.error().message;
    EXPECT_EQ(prepared->pixels.size(), 224U * 224 * 3);
  }
}

// 16,777,216 × 256 does not fit into int.
TEST(Prepare, VeryLongLineKeepsItsColour) {
  constexpr std::uint32_t kWidth = 1U << 24U;
  const std::vector<std::uint8_t> white(kWidth / 8, 0xFF);
  const Bytes file = png(SPNG_COLOR_TYPE_GRAYSCALE, 1, white, kWidth, 1);
  const auto prepared =
      prepare_image(view(file), {.shortest_side = 256, .width = 224, .height = 224}, {});
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_THAT(prepared->pixels, ::testing::Each(255));
}

TEST(Thumbnail, IsUprightAndNeverEnlarged) {
  const auto small = make_thumbnail(view(jpeg_with_orientation(6)), 32, {});
  ASSERT_TRUE(small);
  const auto info = probe_image(view(*small), {}).value();
  EXPECT_EQ(info.width, 24);
  EXPECT_EQ(info.height, 32);
  EXPECT_EQ(probe_image(view(make_thumbnail(view(jpeg()), 1'000, {}).value()), {})->width, 64);
}

}  // namespace
}  // namespace classifier::testing
