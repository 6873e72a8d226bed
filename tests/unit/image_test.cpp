// The image pipeline on files that the tests make themselves, and on real photos where they are
// there.
#include <gif_lib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spng.h>
#include <webp/encode.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "adapters/image/decode.hpp"
#include "adapters/image/preprocess.hpp"
#include "adapters/image/thumbnail.hpp"

namespace classifier {
namespace {

using Bytes = std::string;

ImageBytes view(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

// Left red, right green, top row blue: no two orientations look alike.
RgbImage marked(int width, int height) {
  RgbImage image{width, height,
                 std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3)};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* p = &image.pixels[static_cast<std::size_t>(y * width + x) * 3];
      p[0] = x < width / 2 ? 230 : 20;
      p[1] = x < width / 2 ? 20 : 230;
      p[2] = y < height / 4 ? 250 : 10;
    }
  }
  return image;
}

double mean_difference(const RgbImage& a, const RgbImage& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  if (a.pixels.size() != b.pixels.size()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

Bytes jpeg() { return encode_jpeg(marked(64, 48), 95).value(); }

// The JPEG with an Exif block that says how it lies.
Bytes jpeg_with_orientation(int orientation) {
  Bytes tiff("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0", 26);
  tiff[19] = static_cast<char>(orientation);
  const Bytes body = Bytes("Exif\0\0", 6) + tiff;
  const auto size = body.size() + 2;
  const Bytes marker{'\xFF', '\xE1', static_cast<char>(size >> 8U),
                     static_cast<char>(size & 0xFFU)};
  Bytes file = jpeg();
  return file.insert(2, marker + body);
}

Bytes png(int colour_type, int depth, const std::vector<std::uint8_t>& pixels, std::uint32_t width,
          std::uint32_t height) {
  spng_ctx* context = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{.width = width,
                   .height = height,
                   .bit_depth = static_cast<std::uint8_t>(depth),
                   .color_type = static_cast<std::uint8_t>(colour_type),
                   .compression_method = 0,
                   .filter_method = 0,
                   .interlace_method = 0};
  spng_set_ihdr(context, &header);
  EXPECT_EQ(
      spng_encode_image(context, pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE),
      0);
  std::size_t size = 0;
  int error = 0;
  void* buffer = spng_get_png_buffer(context, &size, &error);
  Bytes bytes(static_cast<const char*>(buffer), size);
  std::free(buffer);
  spng_ctx_free(context);
  return bytes;
}

Bytes plain_png() { return png(SPNG_COLOR_TYPE_TRUECOLOR, 8, marked(64, 48).pixels, 64, 48); }

Bytes webp() {
  const RgbImage image = marked(64, 48);
  std::uint8_t* out = nullptr;
  const std::size_t size = WebPEncodeLosslessRGB(image.pixels.data(), 64, 48, 64 * 3, &out);
  Bytes bytes(reinterpret_cast<const char*>(out), size);
  WebPFree(out);
  return bytes;
}

Bytes gif() {
  Bytes bytes;
  const auto write = [](GifFileType* file, const GifByteType* data, int size) {
    static_cast<Bytes*>(file->UserData)
        ->append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    return size;
  };
  int error = 0;
  GifFileType* file = EGifOpen(&bytes, write, &error);
  GifColorType colours[4] = {{230, 20, 10}, {20, 230, 10}, {0, 0, 250}, {1, 2, 3}};
  ColorMapObject* map = GifMakeMapObject(4, colours);
  EGifPutScreenDesc(file, 8, 8, 2, 0, map);
  // Colour 3 is transparent, and the frame is smaller than the canvas.
  const GraphicsControlBlock control{
      .DisposalMode = 0, .UserInputFlag = false, .DelayTime = 0, .TransparentColor = 3};
  GifByteType extension[4];
  EGifGCBToExtension(&control, extension);
  EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, 4, extension);
  EGifPutImageDesc(file, 2, 2, 4, 4, false, nullptr);
  GifPixelType rows[16] = {0, 0, 1, 1, 0, 3, 3, 1, 0, 3, 3, 1, 0, 0, 1, 1};
  EGifPutLine(file, rows, 16);
  EGifCloseFile(file, &error);
  GifFreeMapObject(map);
  return bytes;
}

void put(Bytes& bytes, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i, value >>= 8U) bytes += static_cast<char>(value);
}

Bytes bmp_header(std::int32_t width, std::int32_t height, std::uint32_t bits,
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

Bytes bmp() {
  const RgbImage image = marked(64, 48);
  Bytes bytes = bmp_header(64, 48, 24, 0, 0);
  for (int y = 47; y >= 0; --y) {
    for (int x = 0; x < 64; ++x) {
      for (int c = 2; c >= 0; --c)
        bytes += static_cast<char>(
            image.pixels[static_cast<std::size_t>(y * 64 + x) * 3 + static_cast<std::size_t>(c)]);
    }
  }
  return bytes;
}

RgbImage decode(const Bytes& bytes) {
  auto decoded = decode_image(view(bytes), {});
  EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
  return decoded ? orient(std::move(decoded->image), decoded->orientation) : RgbImage{};
}

TEST(Decode, EveryFormatGivesThePixels) {
  EXPECT_LT(mean_difference(decode(jpeg()), marked(64, 48)), 6);
  EXPECT_EQ(mean_difference(decode(plain_png()), marked(64, 48)), 0);
  EXPECT_EQ(mean_difference(decode(webp()), marked(64, 48)), 0);
  EXPECT_EQ(mean_difference(decode(bmp()), marked(64, 48)), 0);
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

TEST(Decode, TransparencyIsLaidOnWhite) {
  const Bytes file =
      png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, {255, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 128}, 3, 1);
  EXPECT_THAT(decode(file).pixels, ::testing::ElementsAre(255, 255, 255, 0, 0, 255, 127, 127, 127));
}

TEST(Decode, SixteenBitsAndGrayBecomeEight) {
  EXPECT_THAT(decode(png(SPNG_COLOR_TYPE_GRAYSCALE, 16, {0xFF, 0xFF, 0x00, 0x80}, 2, 1)).pixels,
              ::testing::ElementsAre(255, 255, 255, 128, 128, 128));
}

TEST(Decode, BmpRunLengths) {
  Bytes file = bmp_header(4, 2, 8, 1, 2);
  file += Bytes("\x00\x00\xFF\x00\x00\xFF\x00\x00", 8);           // red, green
  file += Bytes("\x04\x00\x00\x00\x02\x01\x02\x00\x00\x01", 10);  // rows from below
  EXPECT_THAT(decode(file).pixels,
              ::testing::ElementsAre(0, 255, 0, 0, 255, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0,
                                     0, 255, 0, 0, 255, 0, 0));
}

TEST(Decode, EveryOrientationStandsUpright) {
  const auto upright = decode(jpeg());
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto decoded = decode_image(view(jpeg_with_orientation(orientation)), {});
    ASSERT_TRUE(decoded);
    ASSERT_EQ(decoded->orientation, orientation);
  }
  // What the camera stores for each orientation is the inverse of what undoes it; 6 and 8 undo each
  // other.
  constexpr int kInverse[] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const RgbImage stored = orient(upright, kInverse[orientation]);
    EXPECT_EQ(mean_difference(orient(stored, orientation), upright), 0)
        << "orientation " << orientation;
  }
  // Orientation 6: row 0 is on the right, column 0 on top (Exif 2.32).
  const RgbImage turned = orient(RgbImage{2, 1, {1, 1, 1, 2, 2, 2}}, 6);
  EXPECT_EQ(turned.width, 1);
  EXPECT_THAT(turned.pixels, ::testing::ElementsAre(1, 1, 1, 2, 2, 2));
}

TEST(Decode, SaysWhatIsWrong) {
  const auto error = [](const Bytes& bytes) {
    const auto decoded = decode_image(view(bytes), {});
    return decoded ? Error{} : decoded.error();
  };
  EXPECT_EQ(error("").message, "the file is empty (0 bytes)");
  EXPECT_EQ(error("hello").code, ErrorCode::kUnsupported);
  EXPECT_THAT(error("%PDF-1.7 ...").message, ::testing::HasSubstr("a PDF document"));
  EXPECT_THAT(error(jpeg().substr(0, jpeg().size() / 2)).message,
              ::testing::HasSubstr("truncated"));
  EXPECT_THAT(error(plain_png().substr(0, 100)).message, ::testing::HasSubstr("truncated"));
  DecodeLimits limits;
  limits.max_bytes = 10;
  EXPECT_EQ(decode_image(view(jpeg()), limits).error().code, ErrorCode::kTooLarge);
}

TEST(Decode, HugeSizesAreRefusedByTheirHeader) {
  Bytes jpeg_file = jpeg();
  const std::size_t frame = jpeg_file.find("\xFF\xC0");
  ASSERT_NE(frame, Bytes::npos) << "the encoder wrote no baseline frame";
  jpeg_file.replace(frame + 5, 4, "\xC3\x50\xC3\x50");  // 50,000 × 50,000
  EXPECT_EQ(decode_image(view(jpeg_file), {}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(decode_image(view(bmp_header(50'000, 50'000, 24, 0, 0) + "x"), {}).error().code,
            ErrorCode::kTooLarge);
  Bytes gif_file = gif();
  gif_file.replace(6, 4, "\x50\xC3\x50\xC3");
  EXPECT_EQ(decode_image(view(gif_file), {}).error().code, ErrorCode::kTooLarge);
}

TEST(Decode, DamagedFilesNeverCrash) {
  std::minstd_rand random(1);
  for (const Bytes& original :
       {jpeg(), plain_png(), webp(), gif(), bmp(), jpeg_with_orientation(6)}) {
    for (int i = 0; i < 400; ++i) {
      Bytes file = original;
      for (int flips = 0; flips < 1 + i % 8; ++flips)
        file[random() % file.size()] = static_cast<char>(random());
      if (i % 3 == 0) file.resize(random() % file.size());
      const auto decoded = decode_image(view(file), {.max_pixels = 1'000'000});
      if (!decoded) continue;
      EXPECT_EQ(decoded->image.pixels.size(),
                static_cast<std::size_t>(decoded->image.width * decoded->image.height) * 3);
    }
  }
}

TEST(Resize, KeepsAFlatColourAndItsSize) {
  const RgbImage flat{7, 5, std::vector<std::uint8_t>(7 * 5 * 3, 77)};
  for (const auto interpolation : {Interpolation::kBilinear, Interpolation::kBicubic}) {
    for (const int side : {1, 3, 5, 40}) {
      const RgbImage out = resize(flat, side, side, interpolation, {0, 0, side, side});
      EXPECT_THAT(out.pixels, ::testing::Each(77)) << side;
    }
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

TEST(Thumbnail, IsSmallUprightAndNeverLarger) {
  const auto small = make_thumbnail(view(jpeg_with_orientation(6)), 32, {});
  ASSERT_TRUE(small);
  const auto info = probe_image(view(*small), {}).value();
  EXPECT_EQ(info.width, 24);
  EXPECT_EQ(info.height, 32);
  EXPECT_EQ(probe_image(view(make_thumbnail(view(jpeg()), 1'000, {}).value()), {})->width, 64);
}

}  // namespace
}  // namespace classifier
