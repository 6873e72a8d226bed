// JPEG XL, with libjxl: still images, and the first frame of animations.
#include <jxl/decode.h>
#include <jxl/encode.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"

namespace classifier::codecs {
namespace {

using JxlHandle = std::unique_ptr<JxlDecoder, decltype(&JxlDecoderDestroy)>;

struct Opened {
  JxlHandle decoder{nullptr, &JxlDecoderDestroy};
  JxlBasicInfo basic;  // NOLINT(*-member-init): libjxl fills it
};

ImageInfo jxl_info(const JxlBasicInfo& basic) {
  return {.format = ImageFormat::kJxl,
          .width = static_cast<int>(basic.xsize),
          .height = static_cast<int>(basic.ysize),
          .orientation = static_cast<int>(basic.orientation)};
}

// Up to the size. What libjxl needs to go on is only asked for after it.
Result<Opened> open_jxl(ImageBytes bytes, int events) {
  Opened opened;
  opened.decoder.reset(JxlDecoderCreate(nullptr));
  JxlDecoder* const decoder = opened.decoder.get();
  if (decoder == nullptr) return out_of_memory();
  JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | events);
  JxlDecoderSetKeepOrientation(decoder, JXL_TRUE);
  JxlDecoderSetUnpremultiplyAlpha(decoder, JXL_TRUE);
  JxlDecoderSetInput(decoder, data_of(bytes), bytes.size());
  switch (JxlDecoderProcessInput(decoder)) {
    case JXL_DEC_BASIC_INFO:
      break;
    case JXL_DEC_NEED_MORE_INPUT:
      return truncated(ImageFormat::kJxl);
    default:
      return damaged(ImageFormat::kJxl, "its header is not valid");
  }
  if (JxlDecoderGetBasicInfo(decoder, &opened.basic) != JXL_DEC_SUCCESS)
    return damaged(ImageFormat::kJxl, "its header is not valid");
  if (opened.basic.xsize > INT32_MAX || opened.basic.ysize > INT32_MAX)
    return damaged(ImageFormat::kJxl, "its size is not valid");
  return opened;
}

// What the colours of the pixels mean, after asking for sRGB, which libjxl can give of most files.
std::shared_ptr<const ColourTransform> colour_of(JxlDecoder* decoder, const JxlPixelFormat& format,
                                                 bool grey) {
  JxlColorEncoding srgb;  // NOLINT(*-member-init): libjxl fills it
  JxlColorEncodingSetToSRGB(&srgb, grey ? JXL_TRUE : JXL_FALSE);
  JxlDecoderSetPreferredColorProfile(decoder, &srgb);
  std::size_t size = 0;
  if (JxlDecoderGetICCProfileSize(decoder, &format, JXL_COLOR_PROFILE_TARGET_DATA, &size) !=
      JXL_DEC_SUCCESS)
    return nullptr;
  std::vector<std::uint8_t> profile(size);
  if (JxlDecoderGetColorAsICCProfile(decoder, &format, JXL_COLOR_PROFILE_TARGET_DATA,
                                     profile.data(), size) != JXL_DEC_SUCCESS)
    return nullptr;
  return colour_transform(profile);
}

// Of a file that ends early: the share of groups of pixels that libjxl has put something in. Of the
// others it has a coarser form, or nothing, and then all of their pixels are the same.
double share_there(const std::vector<std::uint8_t>& pixels, const ImageInfo& image,
                   const JxlPixelFormat& format) {
  constexpr int kGroup = 256;  // ISO/IEC 18181-1; other sizes are multiples
  const std::size_t channels = format.num_channels;
  std::int64_t empty = 0;
  for (int top = 0; top < image.height; top += kGroup) {
    for (int left = 0; left < image.width; left += kGroup) {
      const int bottom = std::min(top + kGroup, image.height);
      const int right = std::min(left + kGroup, image.width);
      const auto at = [&](int x, int y) {
        return pixels.data() +
               (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                static_cast<std::size_t>(x)) *
                   channels;
      };
      bool same = true;
      for (int y = top; y < bottom && same; ++y) {
        for (int x = left; x < right && same; ++x)
          same = std::equal(at(x, y), at(x, y) + 3, at(left, top));
      }
      if (same) empty += static_cast<std::int64_t>(bottom - top) * (right - left);
    }
  }
  return 1 - static_cast<double>(empty) / static_cast<double>(pixel_count(image));
}

// libjxl works on planes of floats, of which it has several at a time.
constexpr std::uint64_t kPlanes = 24;

}  // namespace

Result<ImageInfo> probe_jxl(ImageBytes bytes) {
  const auto opened = open_jxl(bytes, 0);
  if (!opened) return std::unexpected(opened.error());
  return jxl_info(opened->basic);
}

Result<DecodeReport> decode_jxl(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  const auto opened = open_jxl(bytes, JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE);
  if (!opened) return std::unexpected(opened.error());
  JxlDecoder* const decoder = opened->decoder.get();
  ImageInfo image = jxl_info(opened->basic);
  if (auto valid = check_size(image.format, image.width, image.height, limits); !valid)
    return std::unexpected(valid.error());
  const bool alpha = opened->basic.alpha_bits > 0;
  const JxlPixelFormat format{alpha ? 4U : 3U, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  std::vector<std::uint8_t> pixels;
  while (true) {
    switch (JxlDecoderProcessInput(decoder)) {
      case JXL_DEC_COLOR_ENCODING:
        image.colour = colour_of(decoder, format, opened->basic.num_color_channels == 1);
        break;
      case JXL_DEC_NEED_IMAGE_OUT_BUFFER: {
        std::size_t size = 0;
        if (JxlDecoderImageOutBufferSize(decoder, &format, &size) != JXL_DEC_SUCCESS ||
            size != pixel_count(image) * format.num_channels)
          return damaged(image.format, "its size is not the one in its header");
        if (auto started = start(sink, image, size + pixel_count(image) * kPlanes, limits);
            !started)
          return std::unexpected(started.error());
        pixels.resize(size);
        JxlDecoderSetImageOutBuffer(decoder, &format, pixels.data(), size);
        break;
      }
      case JXL_DEC_FULL_IMAGE:
      case JXL_DEC_SUCCESS:
        if (pixels.empty()) return damaged(image.format, "it has no image");
        pass_on(pixels.data(), format.num_channels, image, sink);
        return {};
      case JXL_DEC_NEED_MORE_INPUT:
        // What has not arrived is there in a coarser form.
        if (pixels.empty() || JxlDecoderFlushImage(decoder) != JXL_DEC_SUCCESS)
          return truncated(image.format);
        {
          auto reported = report(
              image.format,
              {.there = share_there(pixels, image, format), .ended_early = true, .detail = {}});
          if (!reported) return reported;
          if (reported->warning.empty())
            reported->warning = "the file ends early: a part of the picture has less detail";
          pass_on(pixels.data(), format.num_channels, image, sink);
          return reported;
        }
      default:
        return damaged(image.format, "its data is not valid");
    }
  }
}

}  // namespace classifier::codecs
