// Generates small HEIC, AVIF, TIFF, JPEG XL and raw files, and colour profiles, for tests and fuzz
// targets.
#pragma once

#include <jxl/encode.h>
#include <lcms2.h>
#include <libheif/heif.h>
#include <tiffio.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapters/image/image.hpp"
#include "support/image_files.hpp"

// The encoder of HEVC, which only tests use, does not free all.
extern "C" [[gnu::used]] inline const char* __lsan_default_suppressions() { return "leak:libx265"; }

namespace classifier::testing {

struct HeifPicture {
  heif_compression_format compression = heif_compression_HEVC;
  heif_orientation orientation = heif_orientation_normal;  // as irot and imir
  Bytes exif = {};
  Bytes profile = {};
  int thumbnail = 0;  // the longer side of one, 0: none
  bool grey = false;  // the red channel alone, in the range of video, 16 to 235
};

inline void demand(const heif_error& error) {
  if (error.code != heif_error_Ok) throw std::runtime_error(error.message);
}

inline Bytes heif(const RgbImage& image, const HeifPicture& picture = {}) {
  const std::unique_ptr<heif_context, decltype(&heif_context_free)> context(heif_context_alloc(),
                                                                            &heif_context_free);
  heif_encoder* encoder = nullptr;
  demand(heif_context_get_encoder_for_format(context.get(), picture.compression, &encoder));
  const std::unique_ptr<heif_encoder, decltype(&heif_encoder_release)> owner(encoder,
                                                                             &heif_encoder_release);
  heif_encoder_set_lossy_quality(encoder, 95);
  heif_image* pixels = nullptr;
  demand(picture.grey ? heif_image_create(image.width, image.height, heif_colorspace_monochrome,
                                          heif_chroma_monochrome, &pixels)
                      : heif_image_create(image.width, image.height, heif_colorspace_RGB,
                                          heif_chroma_interleaved_RGB, &pixels));
  const std::unique_ptr<heif_image, decltype(&heif_image_release)> release(pixels,
                                                                           &heif_image_release);
  const heif_channel channel = picture.grey ? heif_channel_Y : heif_channel_interleaved;
  demand(heif_image_add_plane(pixels, channel, image.width, image.height, 8));
  int stride = 0;
  std::uint8_t* const plane = heif_image_get_plane(pixels, channel, &stride);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; picture.grey && x < image.width; ++x) {
      plane[y * stride + x] =
          static_cast<std::uint8_t>(16 + image.pixels[image.offset(x, y)] * 219 / 255);
    }
    if (picture.grey) continue;
    std::memcpy(plane + static_cast<std::ptrdiff_t>(y) * stride, &image.pixels[image.offset(0, y)],
                3 * static_cast<std::size_t>(image.width));
  }
  if (!picture.profile.empty()) {
    demand(heif_image_set_raw_color_profile(pixels, "prof", picture.profile.data(),
                                            picture.profile.size()));
  }
  const std::unique_ptr<heif_encoding_options, decltype(&heif_encoding_options_free)> options(
      heif_encoding_options_alloc(), &heif_encoding_options_free);
  options->image_orientation = picture.orientation;
  const std::unique_ptr<heif_color_profile_nclx, decltype(&heif_nclx_color_profile_free)> range(
      heif_nclx_color_profile_alloc(), &heif_nclx_color_profile_free);
  range->full_range_flag = 0;
  if (picture.grey) {
    heif_image_set_nclx_color_profile(pixels, range.get());
    options->output_nclx_profile = range.get();
  }
  heif_image_handle* handle = nullptr;
  demand(heif_context_encode_image(context.get(), pixels, encoder, options.get(), &handle));
  const std::unique_ptr<heif_image_handle, decltype(&heif_image_handle_release)> image_owner(
      handle, &heif_image_handle_release);
  if (!picture.exif.empty()) {
    demand(heif_context_add_exif_metadata(context.get(), handle, picture.exif.data(),
                                          static_cast<int>(picture.exif.size())));
  }
  if (picture.thumbnail > 0) {
    heif_image_handle* small = nullptr;
    demand(heif_context_encode_thumbnail(context.get(), pixels, handle, encoder, options.get(),
                                         picture.thumbnail, &small));
    heif_image_handle_release(small);
  }
  Bytes file;
  heif_writer writer{1, [](heif_context*, const void* data, std::size_t size, void* user) {
                       static_cast<Bytes*>(user)->append(static_cast<const char*>(data), size);
                       return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
                     }};
  demand(heif_context_write(context.get(), &writer, &file));
  return file;
}

inline Bytes jxl(const RgbImage& image, bool lossless = true, int orientation = 1) {
  const std::unique_ptr<JxlEncoder, decltype(&JxlEncoderDestroy)> encoder(JxlEncoderCreate(nullptr),
                                                                          &JxlEncoderDestroy);
  JxlBasicInfo info;
  JxlEncoderInitBasicInfo(&info);
  info.xsize = static_cast<std::uint32_t>(image.width);
  info.ysize = static_cast<std::uint32_t>(image.height);
  info.bits_per_sample = 8;
  info.orientation = static_cast<JxlOrientation>(orientation);
  info.uses_original_profile = lossless ? JXL_TRUE : JXL_FALSE;
  JxlEncoderSetBasicInfo(encoder.get(), &info);
  JxlColorEncoding colours{};
  JxlColorEncodingSetToSRGB(&colours, JXL_FALSE);
  JxlEncoderSetColorEncoding(encoder.get(), &colours);
  JxlEncoderFrameSettings* const settings = JxlEncoderFrameSettingsCreate(encoder.get(), nullptr);
  JxlEncoderSetFrameLossless(settings, lossless ? JXL_TRUE : JXL_FALSE);
  const JxlPixelFormat format{3, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  JxlEncoderAddImageFrame(settings, &format, image.pixels.data(), image.pixels.size());
  JxlEncoderCloseInput(encoder.get());
  Bytes file(1 << 20, '\0');
  auto* next = reinterpret_cast<std::uint8_t*>(file.data());
  std::size_t left = file.size();
  if (JxlEncoderProcessOutput(encoder.get(), &next, &left) != JXL_ENC_SUCCESS)
    throw std::runtime_error("the JPEG XL could not be encoded");
  file.resize(file.size() - left);
  return file;
}

struct TiffPicture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint16_t bits = 8;
  std::uint16_t samples = 3;
  std::uint16_t photometric = PHOTOMETRIC_RGB;
  std::uint16_t format = SAMPLEFORMAT_UINT;
  std::uint16_t compression = COMPRESSION_NONE;
  std::uint16_t planar = PLANARCONFIG_CONTIG;
  std::uint16_t orientation = ORIENTATION_TOPLEFT;
  std::uint32_t tile = 0;  // the side of tiles; 0: strips of 8 rows
  int alpha = -1;          // EXTRASAMPLE_ASSOCALPHA or EXTRASAMPLE_UNASSALPHA of the last sample
  Bytes profile = {};
  const char* mode = "w";
  // Sets what else is to be set before pixels are written.
  std::function<void(TIFF*)> set = [](TIFF*) {};
};

// `rows` are those of the image, or with separate planes of one after another, in the machine's
// byte order.
inline Bytes tiff(const TiffPicture& picture, const Bytes& rows) {
  struct Target {
    Bytes bytes;
    std::size_t at = 0;
  } target;
  TIFF* const file = TIFFClientOpen(
      "made", picture.mode, &target,
      [](thandle_t handle, void* data, tmsize_t size) -> tmsize_t {
        auto& it = *static_cast<Target*>(handle);
        const std::size_t count = std::min(static_cast<std::size_t>(size), it.bytes.size() - it.at);
        std::memcpy(data, it.bytes.data() + it.at, count);
        it.at += count;
        return static_cast<tmsize_t>(count);
      },
      [](thandle_t handle, void* data, tmsize_t size) -> tmsize_t {
        auto& it = *static_cast<Target*>(handle);
        const auto count = static_cast<std::size_t>(size);
        if (it.bytes.size() < it.at + count) it.bytes.resize(it.at + count);
        std::memcpy(it.bytes.data() + it.at, data, count);
        it.at += count;
        return size;
      },
      [](thandle_t handle, toff_t offset, int from) -> toff_t {
        auto& it = *static_cast<Target*>(handle);
        it.at = offset + (from == SEEK_CUR ? it.at : from == SEEK_END ? it.bytes.size() : 0);
        if (it.bytes.size() < it.at) it.bytes.resize(it.at);
        return it.at;
      },
      [](thandle_t) { return 0; },
      [](thandle_t handle) -> toff_t { return static_cast<Target*>(handle)->bytes.size(); },
      [](thandle_t, void**, toff_t*) { return 0; }, [](thandle_t, void*, toff_t) {});
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, picture.width);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, picture.height);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, picture.bits);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, picture.samples);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, picture.photometric);
  TIFFSetField(file, TIFFTAG_SAMPLEFORMAT, picture.format);
  TIFFSetField(file, TIFFTAG_COMPRESSION, picture.compression);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, picture.planar);
  TIFFSetField(file, TIFFTAG_ORIENTATION, picture.orientation);
  if (picture.alpha >= 0) {
    const auto kind = static_cast<std::uint16_t>(picture.alpha);
    TIFFSetField(file, TIFFTAG_EXTRASAMPLES, 1, &kind);
  }
  if (!picture.profile.empty()) {
    TIFFSetField(file, TIFFTAG_ICCPROFILE, static_cast<std::uint32_t>(picture.profile.size()),
                 picture.profile.data());
  }
  if (picture.tile > 0) {
    TIFFSetField(file, TIFFTAG_TILEWIDTH, picture.tile);
    TIFFSetField(file, TIFFTAG_TILELENGTH, picture.tile);
  } else {
    TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 8);
  }
  picture.set(file);
  const bool separate = picture.planar == PLANARCONFIG_SEPARATE;
  const std::size_t in_row = separate ? 1 : picture.samples;
  const std::size_t stride = (picture.width * in_row * picture.bits + 7) / 8;
  for (std::uint16_t plane = 0; plane < (separate ? picture.samples : 1); ++plane) {
    const char* const first = rows.data() + plane * stride * picture.height;
    if (picture.tile == 0) {
      for (std::uint32_t y = 0; y < picture.height; ++y)
        TIFFWriteScanline(file, const_cast<char*>(first + y * stride), y, plane);
      continue;
    }
    const std::size_t pixel = in_row * picture.bits / 8;
    for (std::uint32_t y = 0; y < picture.height; y += picture.tile) {
      for (std::uint32_t x = 0; x < picture.width; x += picture.tile) {
        Bytes tile(picture.tile * picture.tile * pixel, '\0');
        for (std::uint32_t row = y; row < std::min(y + picture.tile, picture.height); ++row) {
          const std::size_t count = std::min(picture.tile, picture.width - x) * pixel;
          std::memcpy(tile.data() + (row - y) * picture.tile * pixel,
                      first + row * stride + x * pixel, count);
        }
        TIFFWriteTile(file, tile.data(), x, y, 0, plane);
      }
    }
  }
  TIFFClose(file);
  return target.bytes;
}

inline Bytes tiff(const RgbImage& image, TiffPicture picture = {}) {
  picture.width = static_cast<std::uint32_t>(image.width);
  picture.height = static_cast<std::uint32_t>(image.height);
  return tiff(picture, Bytes(image.pixels.begin(), image.pixels.end()));
}

// A raw file as DNG: `values` of 16 bits, of red, green, green and blue sensors in squares.
inline Bytes dng(std::uint32_t width, std::uint32_t height,
                 const std::vector<std::uint16_t>& values,
                 std::uint16_t orientation = ORIENTATION_TOPLEFT) {
  constexpr std::uint16_t kSensor = 32803;
  TiffPicture picture{.width = width,
                      .height = height,
                      .bits = 16,
                      .samples = 1,
                      .photometric = kSensor,
                      .orientation = orientation};
  picture.set = [](TIFF* file) {
    TIFFSetField(file, TIFFTAG_MAKE, "Maker");
    TIFFSetField(file, TIFFTAG_MODEL, "Camera");
    TIFFSetField(file, TIFFTAG_SUBFILETYPE, 0);
    TIFFSetField(file, TIFFTAG_DNGVERSION, "\1\4\0\0");
    TIFFSetField(file, TIFFTAG_UNIQUECAMERAMODEL, "Maker Camera");
    constexpr std::array<std::uint16_t, 2> kSquare{2, 2};
    TIFFSetField(file, TIFFTAG_CFAREPEATPATTERNDIM, kSquare.data());
    TIFFSetField(file, TIFFTAG_CFAPATTERN, 4, "\0\1\1\2");
    constexpr std::array<float, 9> kSrgbOfXyz{3.2406F, -1.5372F, -0.4986F, -0.9689F, 1.8758F,
                                              0.0415F, 0.0557F,  -0.2040F, 1.0570F};
    TIFFSetField(file, TIFFTAG_COLORMATRIX1, 9, kSrgbOfXyz.data());
    constexpr std::array<float, 3> kNeutral{1, 1, 1};
    TIFFSetField(file, TIFFTAG_ASSHOTNEUTRAL, 3, kNeutral.data());
    TIFFSetField(file, TIFFTAG_CALIBRATIONILLUMINANT1, 21);
  };
  return tiff(picture, Bytes(reinterpret_cast<const char*>(values.data()), 2 * values.size()));
}

inline Bytes profile_bytes(cmsHPROFILE profile) {
  cmsUInt32Number size = 0;
  cmsSaveProfileToMem(profile, nullptr, &size);
  Bytes bytes(size, '\0');
  cmsSaveProfileToMem(profile, bytes.data(), &size);
  cmsCloseProfile(profile);
  return bytes;
}

inline Bytes srgb_profile() { return profile_bytes(cmsCreate_sRGBProfile()); }

// Display P3, which phones write.
inline Bytes p3_profile() {
  const cmsCIExyY white{0.3127, 0.3290, 1};
  const cmsCIExyYTRIPLE primaries{{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
  constexpr std::array kCurve{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  cmsToneCurve* const curve = cmsBuildParametricToneCurve(nullptr, 4, kCurve.data());
  const std::array curves{curve, curve, curve};
  const Bytes bytes = profile_bytes(cmsCreateRGBProfile(&white, &primaries, curves.data()));
  cmsFreeToneCurve(curve);
  return bytes;
}

inline Bytes grey_profile(double gamma) {
  cmsToneCurve* const curve = cmsBuildGamma(nullptr, gamma);
  const Bytes bytes = profile_bytes(cmsCreateGrayProfile(cmsD50_xyY(), curve));
  cmsFreeToneCurve(curve);
  return bytes;
}

// The JPEG with a profile in as many markers as it needs.
inline Bytes jpeg_with_profile(const Bytes& jpeg, const Bytes& profile, std::size_t part = 65'000) {
  const std::size_t count = (profile.size() + part - 1) / part;
  Bytes file = jpeg.substr(0, 2);
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes body = Bytes("ICC_PROFILE\0", 12) + static_cast<char>(i + 1) +
                       static_cast<char>(count) + profile.substr(i * part, part);
    const std::size_t size = body.size() + 2;
    file += Bytes("\xFF\xE2", 2) + static_cast<char>(size >> 8U) + static_cast<char>(size & 0xFFU);
    file += body;
  }
  return file + jpeg.substr(2);
}

}  // namespace classifier::testing
