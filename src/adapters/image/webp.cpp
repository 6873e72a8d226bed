// WebP, with libwebp: still images, and the first frame of animations.
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <utility>

#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/icc.hpp"

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

// Two canvases of the animation, and a frame.
constexpr std::uint64_t kAnimationPixel = 16;

Result<DecodeReport> decode_first_frame(ImageBytes bytes, const ImageInfo& image,
                                        const DecodeLimits& limits, RowSink& sink) {
  if (auto started = start(sink, image, pixel_count(image) * kAnimationPixel, limits); !started)
    return std::unexpected(started.error());
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
  pass_on(rgba, 4, image, sink);
  return {};
}

std::unexpected<Error> decode_error(VP8StatusCode status) {
  if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) {
    return truncated(ImageFormat::kWebp);
  }
  if (status == VP8_STATUS_OUT_OF_MEMORY) return out_of_memory();
  return damaged(ImageFormat::kWebp, "its data is not valid");
}

// Bytes for each pixel that libwebp has beside the result: the whole image of a lossless file, the
// opacity of a lossy one.
std::uint64_t inner_bytes(const WebPBitstreamFeatures& features) {
  constexpr int kLossy = 1;
  if (features.format != kLossy) return 4;
  return features.has_alpha != 0 ? 2 : 0;
}

Result<DecodeReport> decode_still(ImageBytes bytes, const WebPBitstreamFeatures& features,
                                  const ImageInfo& image, const DecodeLimits& limits,
                                  RowSink& sink) {
  const bool alpha = features.has_alpha != 0;
  const int channels = alpha ? 4 : 3;
  const std::uint64_t size = pixel_count(image) * static_cast<unsigned>(channels);
  if (auto started = start(sink, image, size + pixel_count(image) * inner_bytes(features), limits);
      !started) {
    return std::unexpected(started.error());
  }
  std::vector<std::uint8_t> pixels(size);
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0)
    return fail(ErrorCode::kInternal, "libwebp has another version");
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels.data(), features.width * channels, pixels.size()};
  const VP8StatusCode status = WebPDecode(data_of(bytes), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return decode_error(status);
  pass_on(pixels.data(), static_cast<std::size_t>(channels), image, sink);
  return {};
}

ImageInfo webp_info(ImageBytes bytes, const WebPBitstreamFeatures& features) {
  return {.format = ImageFormat::kWebp,
          .width = features.width,
          .height = features.height,
          .orientation = orientation_of(bytes)};
}

}  // namespace

Result<ImageInfo> probe_webp(ImageBytes bytes) {
  const auto features = features_of(bytes);
  if (!features) return std::unexpected(features.error());
  return webp_info(bytes, *features);
}

Result<DecodeReport> decode_webp(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  const auto features = features_of(bytes);
  if (!features) return std::unexpected(features.error());
  if (auto valid = check_size(ImageFormat::kWebp, features->width, features->height, limits);
      !valid) {
    return std::unexpected(valid.error());
  }
  ImageInfo image = webp_info(bytes, *features);
  image.colour = colour_transform(webp_profile({data_of(bytes), bytes.size()}));
  if (features->has_animation != 0) return decode_first_frame(bytes, image, limits, sink);
  return decode_still(bytes, *features, image, limits, sink);
}

}  // namespace classifier::codecs
