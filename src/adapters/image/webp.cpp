// WebP, with libwebp: still images, and the first frame of animations.
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "adapters/image/codecs.hpp"

namespace classifier::codecs {
namespace {

Result<WebPBitstreamFeatures> features_of(ImageBytes bytes) {
  WebPBitstreamFeatures features{};
  switch (WebPGetFeatures(data_of(bytes), bytes.size(), &features)) {
    case VP8_STATUS_OK:
      return features;
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return truncated(ImageFormat::kWebp);
    default:
      return damaged(ImageFormat::kWebp, "its header is not valid");
  }
}

int orientation_of(ImageBytes bytes) {
  const WebPData data{data_of(bytes), bytes.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> demuxer(WebPDemux(&data),
                                                                         &WebPDemuxDelete);
  WebPChunkIterator chunk{};
  if (!demuxer || WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) == 0) return 1;
  const int orientation = exif_orientation({chunk.chunk.bytes, chunk.chunk.size});
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

Result<RgbImage> decode_first_frame(ImageBytes bytes) {
  const WebPData data{data_of(bytes), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&data, nullptr), &WebPAnimDecoderDelete);
  WebPAnimInfo info{};
  std::uint8_t* rgba = nullptr;
  int timestamp = 0;
  if (!decoder || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0 ||
      WebPAnimDecoderGetNext(decoder.get(), &rgba, &timestamp) == 0) {
    return damaged(ImageFormat::kWebp, "its first frame cannot be decoded");
  }
  return flatten(static_cast<int>(info.canvas_width), static_cast<int>(info.canvas_height), rgba);
}

std::unexpected<Error> decode_error(VP8StatusCode status) {
  if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) {
    return truncated(ImageFormat::kWebp);
  }
  if (status == VP8_STATUS_OUT_OF_MEMORY) return out_of_memory();
  return damaged(ImageFormat::kWebp, "its data is not valid");
}

Result<RgbImage> decode_still(ImageBytes bytes, const WebPBitstreamFeatures& features) {
  const bool alpha = features.has_alpha != 0;
  const int channels = alpha ? 4 : 3;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(features.width) *
                                   static_cast<std::size_t>(features.height) *
                                   static_cast<std::size_t>(channels));
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0)
    return fail(ErrorCode::kInternal, "libwebp has another version");
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels.data(), features.width * channels, pixels.size()};
  const VP8StatusCode status = WebPDecode(data_of(bytes), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return decode_error(status);
  if (alpha) return flatten(features.width, features.height, pixels.data());
  return RgbImage{features.width, features.height, std::move(pixels)};
}

}  // namespace

Result<ImageInfo> probe_webp(ImageBytes bytes) {
  const auto features = features_of(bytes);
  if (!features) return std::unexpected(features.error());
  return ImageInfo{.format = ImageFormat::kWebp,
                   .width = features->width,
                   .height = features->height,
                   .orientation = orientation_of(bytes)};
}

Result<RgbImage> decode_webp(ImageBytes bytes, const DecodeLimits& limits, int& orientation) {
  const auto features = features_of(bytes);
  if (!features) return std::unexpected(features.error());
  if (auto valid = check_size(ImageFormat::kWebp, features->width, features->height, limits);
      !valid) {
    return std::unexpected(valid.error());
  }
  orientation = orientation_of(bytes);
  return features->has_animation != 0 ? decode_first_frame(bytes) : decode_still(bytes, *features);
}

}  // namespace classifier::codecs
