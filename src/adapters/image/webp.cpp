// WebP, with libwebp: still images, and the first frame of animations, drawn on its canvas.
#include <webp/decode.h>

#include <algorithm>
#include <utility>

#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/metadata.hpp"

namespace classifier::codecs {
namespace {

ImageInfo webp_info(const WebpMetadata& metadata) {
  return {.format = ImageFormat::kWebp,
          .width = static_cast<int>(metadata.width),
          .height = static_cast<int>(metadata.height),
          .orientation = orientation_of(metadata.exif, metadata.xmp)};
}

std::unexpected<Error> bad_header(ImageBytes bytes) {
  constexpr std::size_t kLongest = 30;
  if (bytes.size() < kLongest) return truncated(ImageFormat::kWebp);
  return damaged(ImageFormat::kWebp, "its header is not valid");
}

constexpr int kLossy = 1;  // WebPBitstreamFeatures::format

// Bytes for each pixel that libwebp has beside the result: the whole image of a lossless file, the
// opacity of a lossy one.
std::uint64_t inner_bytes(const WebPBitstreamFeatures& features) {
  if (features.format != kLossy) return 4;
  return features.has_alpha != 0 ? 2 : 0;
}

constexpr std::size_t kWebpSector = 512;

// Where a lossy frame was overwritten with equal bytes, which libwebp decodes without an error;
// empty where it was not. Flat pictures have such runs, but take few bytes; and so do flat parts at
// the end.
FileBytes overwritten_lossy(FileBytes data, double pixels) {
  constexpr double kFlat = 0.03;  // bytes for a pixel
  constexpr std::size_t kEnd = 100;
  const auto run = find_run(data, kWebpSector);
  const bool is_end = run.data() + run.size() == data.data() + data.size();
  const bool is_flat = static_cast<double>(data.size()) < kFlat * pixels ||
                       (is_end && run.size() < data.size() / kEnd);
  return is_flat ? FileBytes() : run;
}

// The same of a lossless frame, where flat parts have such runs, too. But a frame that is right
// needs all its bytes: one that can be decoded without the last ones is not.
FileBytes overwritten_lossless(FileBytes data, WebPDecoderConfig& config) {
  constexpr std::size_t kLast = 16;
  const auto run = find_run(data, kWebpSector);
  if (run.empty()) return {};
  std::vector<std::uint8_t> shorter(data.begin(), data.end() - kLast);
  const std::size_t size = shorter.size() - 8;  // of the chunk, without its header
  for (unsigned i = 0; i < 4; ++i) shorter[4 + i] = static_cast<std::uint8_t>(size >> (8 * i));
  const bool fits = WebPDecode(shorter.data(), shorter.size(), &config) == VP8_STATUS_OK;
  return fits ? run : FileBytes();
}

// Decodes a frame of which only the first bytes are there, or which is damaged. `rows` becomes the
// number of rows that are right: those that are the same whatever follows these bytes.
VP8StatusCode decode_part(FileBytes there, std::size_t size, WebPDecoderConfig& config,
                          std::size_t row_size, std::vector<std::uint8_t>& pixels, int& rows) {
  std::vector<std::uint8_t> padded(there.begin(), there.end());
  std::vector<std::uint8_t> before;
  for (const std::uint8_t fill : {std::uint8_t{0x55}, std::uint8_t{0}}) {
    before = pixels;
    padded.resize(there.size());
    padded.resize(size, fill);
    std::ranges::fill(pixels, fill);
    const VP8StatusCode status = WebPDecode(padded.data(), padded.size(), &config);
    if (status == VP8_STATUS_OUT_OF_MEMORY) return status;
  }
  const auto first_difference = std::ranges::mismatch(before, pixels).in1 - before.begin();
  rows = static_cast<int>(static_cast<std::size_t>(first_difference) / row_size);
  return VP8_STATUS_OK;
}

// A part of a row of the frame, over white.
void paint_pixels(const std::uint8_t* from, bool alpha, int count, std::uint8_t* to) {
  if (alpha) {
    flatten_row(from, count, to);
  } else {
    std::copy_n(from, 3 * static_cast<std::size_t>(count), to);
  }
}

}  // namespace

Result<ImageInfo> probe_webp(ImageBytes bytes) {
  const WebpMetadata metadata = read_webp_metadata({data_of(bytes), bytes.size()});
  if (metadata.width == 0) return bad_header(bytes);
  return webp_info(metadata);
}

Result<DecodeReport> decode_webp(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  const FileBytes file(data_of(bytes), bytes.size());
  const WebpMetadata metadata = read_webp_metadata(file);
  if (metadata.width == 0) return bad_header(bytes);
  if (auto valid = check_size(ImageFormat::kWebp, metadata.width, metadata.height, limits); !valid)
    return std::unexpected(valid.error());
  ImageInfo canvas = webp_info(metadata);
  canvas.colour = colour_transform(metadata.profile);
  FileBytes frame = metadata.frame;
  bool ends_early = frame.size() < metadata.frame_size;
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0)
    return fail(ErrorCode::kInternal, "libwebp has another version");
  const VP8StatusCode header = WebPGetFeatures(frame.data(), frame.size(), &config.input);
  if (frame.empty() || header == VP8_STATUS_NOT_ENOUGH_DATA) return truncated(ImageFormat::kWebp);
  if (header != VP8_STATUS_OK) return damaged(ImageFormat::kWebp, "its header is not valid");
  const WebPBitstreamFeatures& features = config.input;
  if (auto valid = check_size(ImageFormat::kWebp, features.width, features.height, limits); !valid)
    return std::unexpected(valid.error());

  const bool is_cut = frame.size() < metadata.frame_size;
  const std::size_t whole_size =
      std::max(frame.size(), std::min(metadata.frame_size, limits.max_bytes));
  const bool alpha = features.has_alpha != 0;
  const std::size_t channels = alpha ? 4 : 3;
  const std::uint64_t frame_pixels =
      static_cast<std::uint64_t>(features.width) * static_cast<std::uint64_t>(features.height);
  const std::size_t row_size = static_cast<std::size_t>(features.width) * channels;
  const auto memory = [&](bool part) {
    constexpr std::uint64_t kColumn = 256;  // rows and states of blocks, in libwebp
    return frame_pixels * ((part ? 2 : 1) * channels + inner_bytes(features)) +
           kColumn * static_cast<unsigned>(features.width) + (part ? whole_size : 0);
  };
  if (auto started = start(sink, canvas, memory(is_cut), limits); !started)
    return std::unexpected(started.error());
  std::vector<std::uint8_t> pixels(row_size * static_cast<std::size_t>(features.height));
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels.data(), static_cast<int>(row_size), pixels.size()};
  const bool has_memory_for_part = memory(true) + sink.memory(canvas) <= limits.max_memory;
  if (!is_cut && has_memory_for_part) {
    const FileBytes data = frame.subspan(metadata.pixels_at);
    const auto run = features.format == kLossy
                         ? overwritten_lossy(data, static_cast<double>(frame_pixels))
                         : overwritten_lossless(data, config);
    if (!run.empty()) {
      frame = frame.first(static_cast<std::size_t>(run.data() - frame.data()));
      ends_early = run.data() + run.size() == file.data() + file.size();
    }
  }
  int rows = features.height;
  auto status = VP8_STATUS_NOT_ENOUGH_DATA;
  if (frame.size() == metadata.frame_size) status = WebPDecode(frame.data(), frame.size(), &config);
  if (status != VP8_STATUS_OK && status != VP8_STATUS_OUT_OF_MEMORY) {
    if (!has_memory_for_part) return damaged(ImageFormat::kWebp, "its data are not valid");
    status = decode_part(frame, whole_size, config, row_size, pixels, rows);
  }
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return out_of_memory();

  const auto left = static_cast<int>(std::min<std::int64_t>(metadata.left, canvas.width));
  const int width = std::min(features.width, canvas.width - left);
  for (std::int64_t y = 0; y < canvas.height; ++y) {
    std::uint8_t* const row = sink.next_row();
    std::fill_n(row, 3 * static_cast<std::size_t>(canvas.width), 255);
    const std::int64_t in_frame = y - metadata.top;
    if (in_frame >= 0 && in_frame < features.height) {
      std::uint8_t* const target = row + 3 * static_cast<std::size_t>(left);
      if (in_frame < rows) {
        paint_pixels(&pixels[static_cast<std::size_t>(in_frame) * row_size], alpha, width, target);
      } else {
        std::fill_n(target, 3 * static_cast<std::size_t>(width), kMissing);
      }
    }
    sink.row_done();
  }
  return report(ImageFormat::kWebp, {.there = static_cast<double>(rows) / features.height,
                                     .ended_early = ends_early,
                                     .detail = {}});
}

}  // namespace classifier::codecs
