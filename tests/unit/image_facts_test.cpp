// What the headers of image files say, with generated files, whole and cut.
#include "adapters/image/image_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spng.h>

#include <vector>

#include "support/image_files.hpp"

namespace classifier::testing {
namespace {

constexpr const char* kMorning = "2026:01:31 08:09:10";

ImageFacts facts_of(const Bytes& file) {
  const std::vector<char> exact(file.begin(), file.end());  // so that sanitizers see its end
  return read_image_facts(std::as_bytes(std::span(exact)));
}

// "image/jpeg 64x48"
std::string summary(const Bytes& file) {
  const ImageFacts facts = facts_of(file);
  return facts.content_type + " " + std::to_string(facts.width) + "x" +
         std::to_string(facts.height);
}

// The time in a JPEG with these fields; empty: none.
std::string time_of(const ExifFields& fields, bool big_endian = false) {
  const auto time = facts_of(jpeg_with_exif(exif(fields, big_endian))).taken_at;
  return time ? to_rfc3339(*time) : "";
}

Bytes webp_with_exif(const Bytes& block) {
  const Bytes frame = webp_lossy(marked(16, 12), 80).substr(12);
  return extended_webp(0x08, frame + riff_chunk("EXIF", block));
}

// The picture of png(), with a chunk eXIf behind its pixels.
Bytes png_with_exif(const Bytes& block) {
  Bytes file = png(marked(64, 48));
  const std::size_t size = block.size();
  const Bytes length{0, 0, static_cast<char>(size >> 8U), static_cast<char>(size & 0xFFU)};
  return file.insert(file.size() - 12, length + "eXIf" + block + "crc.");
}

// With a BITMAPCOREHEADER.
Bytes old_bmp() {
  Bytes file = "BM";
  put(file, 0, 8);
  put(file, 26, 4);
  put(file, 12, 4);
  put(file, 20, 2);
  put(file, 10, 2);
  put(file, 1, 2);
  put(file, 24, 2);
  return file;
}

std::vector<Bytes> every_kind() {
  const Bytes block = exif({.orientation = 6,
                            .date_time = kMorning,
                            .date_time_original = kMorning,
                            .sub_sec_original = "25",
                            .offset_original = "+02:00",
                            .make = "a maker",
                            .lens = "a lens",
                            .exposure = {{1, 125}},
                            .sensitivity = 100});
  return {jpeg(),
          progressive_jpeg(marked(64, 48)),
          jpeg_with_exif(block),
          png(marked(64, 48)),
          png_with_exif(block),
          gif(),
          bmp(marked(64, 48)),
          old_bmp(),
          webp_lossy(marked(64, 48), 80),
          webp_lossless(marked(64, 48)),
          webp_with_exif(block)};
}

TEST(ImageFacts, EveryFormatHasATypeAndASize) {
  EXPECT_EQ(summary(jpeg()), "image/jpeg 64x48");
  EXPECT_EQ(summary(progressive_jpeg(marked(30, 40))), "image/jpeg 30x40");
  EXPECT_EQ(summary(png(marked(64, 48))), "image/png 64x48");
  EXPECT_EQ(summary(gif()), "image/gif 8x8");
  EXPECT_EQ(summary(bmp(marked(64, 48))), "image/bmp 64x48");
  EXPECT_EQ(summary(bmp_header(5, -7, 24, 0, 0)), "image/bmp 5x7");
  EXPECT_EQ(summary(old_bmp()), "image/bmp 20x10");
  EXPECT_EQ(summary(webp_lossy(marked(64, 48), 80)), "image/webp 64x48");
  EXPECT_EQ(summary(webp_lossless(marked(33, 21))), "image/webp 33x21");
  EXPECT_EQ(summary(extended_webp(0, webp_lossy(marked(16, 12), 80).substr(12))),
            "image/webp 16x12");
}

TEST(ImageFacts, SizesAreAsDisplayed) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const bool turned = orientation >= 5;
    const Bytes block = exif({.orientation = orientation});
    for (const bool big_endian : {false, true}) {
      const Bytes other = exif({.orientation = orientation}, big_endian);
      EXPECT_EQ(summary(jpeg_with_exif(other)), turned ? "image/jpeg 48x64" : "image/jpeg 64x48");
    }
    EXPECT_EQ(summary(png_with_exif(block)), turned ? "image/png 48x64" : "image/png 64x48");
    EXPECT_EQ(summary(webp_with_exif(block)), turned ? "image/webp 12x16" : "image/webp 16x12");
  }
  EXPECT_EQ(summary(jpeg_with_orientation(9)), "image/jpeg 64x48");
}

// As some programs write them.
TEST(ImageFacts, OrientationsMayBeWrittenWrongly) {
  Bytes block = exif(6);
  EXPECT_EQ(summary(webp_with_exif(Bytes("Exif\0\0", 6) + block)), "image/webp 12x16");
  block[13] = 4;  // LONG instead of SHORT
  std::swap(block[19], block[21]);
  EXPECT_EQ(summary(jpeg_with_exif(block)), "image/jpeg 48x64");
}

TEST(ImageFacts, OtherFilesHaveNone) {
  for (const Bytes& file :
       {Bytes(), Bytes("a"), Bytes("\xFF\xD8", 2), Bytes("%PDF-1.7 and so on"),
        Bytes("BM is how this text of no picture begins"), Bytes("RIFF\x10\0\0\0WAVEfmt ", 16)}) {
    EXPECT_EQ(summary(file), " 0x0");
    EXPECT_FALSE(facts_of(file).taken_at);
  }
}

TEST(ImageFacts, ImpossibleSizesAreUnknown) {
  EXPECT_EQ(summary(bmp_header(0, 7, 24, 0, 0)), "image/bmp 0x0");
  EXPECT_EQ(summary(bmp_header(-5, 7, 24, 0, 0)), "image/bmp 0x0");
  EXPECT_EQ(summary(bmp_header(5, std::numeric_limits<std::int32_t>::min(), 24, 0, 0)),
            "image/bmp 0x0");
  Bytes wide = png(marked(64, 48));
  wide[16] = '\xFF';
  EXPECT_EQ(summary(wide), "image/png 0x0");
}

TEST(ImageFacts, TheTimeIsThatOfThePhoto) {
  EXPECT_EQ(time_of({}), "");
  EXPECT_EQ(time_of({.date_time = kMorning}), "2026-01-31T08:09:10.000Z");
  const ExifFields both{.date_time = "2027:01:01 00:00:00", .date_time_original = kMorning};
  EXPECT_EQ(time_of(both), "2026-01-31T08:09:10.000Z");
  EXPECT_EQ(time_of(both, true), "2026-01-31T08:09:10.000Z");
  for (const auto& file : {png_with_exif(exif(both)), webp_with_exif(exif(both))}) {
    ASSERT_TRUE(facts_of(file).taken_at);
    EXPECT_EQ(to_rfc3339(*facts_of(file).taken_at), "2026-01-31T08:09:10.000Z");
  }
}

TEST(ImageFacts, TheTimeMayHaveAFractionAndAnOffset) {
  EXPECT_EQ(time_of({.date_time_original = kMorning, .sub_sec_original = "25"}),
            "2026-01-31T08:09:10.250Z");
  EXPECT_EQ(time_of({.date_time_original = kMorning, .sub_sec_original = "987654"}),
            "2026-01-31T08:09:10.987Z");
  EXPECT_EQ(time_of({.date_time_original = kMorning, .sub_sec_original = "   "}),
            "2026-01-31T08:09:10.000Z");
  EXPECT_EQ(time_of({.date_time_original = kMorning, .offset_original = "+09:30"}),
            "2026-01-30T22:39:10.000Z");
  EXPECT_EQ(time_of({.date_time_original = kMorning, .offset_original = "-02:00"}),
            "2026-01-31T10:09:10.000Z");
  EXPECT_EQ(time_of({.date_time = kMorning, .sub_sec = "5", .offset = "+01:00"}),
            "2026-01-31T07:09:10.500Z");
  for (const char* nonsense : {"+99:00", "+01:60", "   :  ", "02:00", "+2:00"}) {
    EXPECT_EQ(time_of({.date_time_original = kMorning, .offset_original = nonsense}),
              "2026-01-31T08:09:10.000Z");
  }
}

TEST(ImageFacts, NonsenseIsNoTime) {
  for (const char* nonsense :
       {"0000:00:00 00:00:00", "0000:01:01 00:00:00", "2026:13:01 00:00:00", "2026:02:29 00:00:00",
        "2026:01:31 24:00:00", "2026:01:31 00:60:00", "    :  :     :  :  ", "2026:01:31",
        "2026:01:31 8:09:10", "yesterday", "2026:01:31 08:09:1x", "2026:01:31T08:09:10"}) {
    EXPECT_EQ(time_of({.date_time_original = nonsense}), "") << nonsense;
    EXPECT_EQ(time_of({.date_time = kMorning, .date_time_original = nonsense}),
              "2026-01-31T08:09:10.000Z");
  }
}

// Of a JPEG with these fields.
CameraFacts camera_of(const ExifFields& fields, bool big_endian = false) {
  return facts_of(jpeg_with_exif(exif(fields, big_endian))).camera;
}

const ExifFields kCamera{.make = "FUJIFILM",
                         .model = "X-T3",
                         .lens = "XF35mmF1.4 R",
                         .exposure = {{10, 1'250}},
                         .f_number = {{28, 10}},
                         .focal_length = {{350, 10}},
                         .sensitivity = 160};

TEST(ImageFacts, TheCameraIsRead) {
  CameraFacts wanted;
  wanted.make = "FUJIFILM";
  wanted.model = "X-T3";
  wanted.lens = "XF35mmF1.4 R";
  wanted.exposure_s = 0.008;
  wanted.f_number = 2.8;
  wanted.iso = 160;
  wanted.focal_length_mm = 35;
  EXPECT_EQ(camera_of(kCamera), wanted);
  EXPECT_EQ(camera_of(kCamera, true), wanted);
  EXPECT_EQ(camera_of({}), CameraFacts{});
  const Bytes block = exif(kCamera);
  EXPECT_EQ(facts_of(png_with_exif(block)).camera, wanted);
  EXPECT_EQ(facts_of(webp_with_exif(block)).camera, wanted);
  EXPECT_EQ(facts_of(block).camera, wanted) << "a TIFF file has Exif in its first directory";
}

TEST(ImageFacts, NamesOfCamerasAreShortLinesOfText) {
  const auto model = [](const Bytes& text) { return camera_of({.model = text}).model; };
  EXPECT_EQ(model("  Canon EOS 5D  " + Bytes(20, '\0')), "Canon EOS 5D");
  EXPECT_EQ(model(Bytes("A7\0garbage", 10)), "A7");
  EXPECT_EQ(model(Bytes(12, '\0')), "");
  EXPECT_EQ(model("    "), "");
  EXPECT_EQ(model("----"), "");
  EXPECT_EQ(model("a\nb\x7F"
                  "c\xC2\x85"
                  "d"),
            "a b c d");
  EXPECT_EQ(model("写真機"), "写真機");
  EXPECT_EQ(model("K\xE4mera"), "K\\xe4mera");
  EXPECT_EQ(model("abc"), "abc") << "within the entry";
  EXPECT_EQ(model(Bytes(3'000, 'x')), std::string(200, 'x'));
  Bytes wide;
  std::string cut;
  for (int i = 0; i < 300; ++i) {
    wide += "\U0001F4F7";
    if (i < 200) cut += "\U0001F4F7";
  }
  EXPECT_EQ(model(wide), cut);
  Bytes newer = exif(ExifFields{.model = "X"});
  newer[12] = '\x81';  // the type of UTF-8 in Exif 3.0
  EXPECT_EQ(facts_of(jpeg_with_exif(newer)).camera.model, "X");
}

TEST(ImageFacts, ImpossibleNumbersOfCamerasAreUnknown) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  for (const ExifFields::Ratio nonsense :
       {ExifFields::Ratio{0, 1}, {1, 0}, {0, 0}, {kMost, 1}, {kMost, 0}}) {
    EXPECT_EQ(camera_of({.exposure = nonsense}).exposure_s, std::nullopt);
    EXPECT_EQ(camera_of({.f_number = nonsense}).f_number, std::nullopt);
    EXPECT_EQ(camera_of({.focal_length = nonsense}).focal_length_mm, std::nullopt);
  }
  EXPECT_EQ(camera_of({.exposure = {{30, 1}}}).exposure_s, 30);
  EXPECT_EQ(camera_of({.sensitivity = 65'535}).iso, std::nullopt);
  EXPECT_EQ(camera_of({.sensitivity = 65'535, .recommended_index = 102'400}).iso, 102'400);
  EXPECT_EQ(camera_of({.recommended_index = 400}).iso, 400);
  EXPECT_EQ(camera_of({.recommended_index = kMost}).iso, std::nullopt);
}

TEST(ImageFacts, WhatIsCutOffIsUnknown) {
  for (const Bytes& file : every_kind()) {
    const ImageFacts whole = facts_of(file);
    EXPECT_FALSE(whole.content_type.empty());
    EXPECT_GT(whole.width, 0);
    const bool is_png = whole.content_type == "image/png";
    for (std::size_t size = 0; size < file.size(); ++size) {
      const ImageFacts part = facts_of(file.substr(0, size));
      EXPECT_TRUE(part.content_type.empty() || part.content_type == whole.content_type);
      EXPECT_TRUE(!part.taken_at || part.taken_at == whole.taken_at) << size;
      const bool same = part.width == whole.width && part.height == whole.height;
      const bool as_stored = is_png && part.width == whole.height && part.height == whole.width;
      EXPECT_TRUE(same || as_stored || (part.width == 0 && part.height == 0)) << size;
    }
  }
}

TEST(ImageFacts, DamageDoesNoHarm) {
  for (const Bytes& file : every_kind()) {
    for (std::size_t at = 0; at < std::min<std::size_t>(file.size(), 400); ++at) {
      for (const char value : {'\0', '\x01', '\x7F', '\x80', '\xFF'}) {
        Bytes damaged = file;
        damaged[at] = value;
        const ImageFacts facts = facts_of(damaged);
        EXPECT_EQ(facts.width == 0, facts.height == 0);
      }
    }
  }
}

// Directories that contain each other, and values that are nowhere.
TEST(ImageFacts, ABlockMayPointAnywhere) {
  Bytes block = exif({.date_time = kMorning, .date_time_original = kMorning});
  for (std::size_t at = 4; at + 4 <= block.size(); ++at) {
    for (const char* offset : {"\0\0\0\0", "\x08\0\0\0", "\xFF\xFF\xFF\xFF", "\x30\0\0\0"}) {
      Bytes changed = block;
      changed.replace(at, 4, Bytes(offset, 4));
      EXPECT_EQ(summary(jpeg_with_exif(changed)), "image/jpeg 64x48");
    }
  }
}

}  // namespace
}  // namespace classifier::testing
