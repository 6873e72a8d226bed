// Raw files of cameras, with LibRaw: the preview that the camera put inside, or else a development
// at half the size.
#include <libraw/libraw.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "adapters/image/codecs.hpp"

namespace classifier::codecs {
namespace {

// A preview whose shorter side is smaller than this is for the camera's screen, not for people who
// look at the whole image.
constexpr int kSmallestPreview = 400;

int exif_orientation_of(int flip) {
  switch (flip) {
    case 3:
      return 3;
    case 5:
      return 8;
    case 6:
      return 6;
    default:
      return 1;
  }
}

struct FreeImage {
  void operator()(libraw_processed_image_t* image) const { LibRaw::dcraw_clear_mem(image); }
};
using Developed = std::unique_ptr<libraw_processed_image_t, FreeImage>;

// The preview lies as the sensor does, so it is turned as the raw file says. Where the preview's
// own header says that it is turned, that holds.
class TurnedSink final : public RowSink {
 public:
  TurnedSink(RowSink& sink, int orientation) : sink_(sink), orientation_(orientation) {}
  std::uint64_t memory(const ImageInfo& image) const override {
    return sink_.memory(turned(image));
  }
  void start(const ImageInfo& image) override { sink_.start(turned(image)); }
  std::uint8_t* next_row() override { return sink_.next_row(); }
  void row_done() override { sink_.row_done(); }

 private:
  ImageInfo turned(ImageInfo image) const {
    image.format = ImageFormat::kRaw;
    if (image.orientation == 1) image.orientation = orientation_;
    return image;
  }
  RowSink& sink_;
  int orientation_;
};

class RawFile {
 public:
  RawFile(ImageBytes bytes, const DecodeLimits& limits) : deadline_(limits) {
    auto& params = raw_.imgdata.params;
    params.half_size = 1;
    params.use_camera_wb = 1;
    params.output_bps = 8;
    const auto megabytes = static_cast<unsigned>(limits.max_memory >> 20U);
#if LIBRAW_COMPILE_CHECK_VERSION_NOTLESS(0, 21)
    raw_.imgdata.rawparams.max_raw_memory_mb = megabytes;
#else
    params.max_raw_memory_mb = megabytes;
#endif
    raw_.set_progress_handler(
        [](void* deadline, LibRaw_progress, int, int) -> int {
          return static_cast<Deadline*>(deadline)->is_over() ? 1 : 0;
        },
        &deadline_);
    raw_.set_dataerror_handler(
        // Its last parameter has another type in later versions.
        [](void* damaged, const char*, auto) { *static_cast<bool*>(damaged) = true; }, &damaged_);
    // LibRaw reads from what it takes as not constant.
    code_ = raw_.open_buffer(const_cast<std::byte*>(bytes.data()), bytes.size());
    flip_ = raw_.imgdata.sizes.flip;
    raw_.imgdata.sizes.flip = params.user_flip = 0;
  }

  bool is_open() const { return code_ == LIBRAW_SUCCESS; }
  int orientation() const { return exif_orientation_of(flip_); }

  std::unexpected<Error> error() const {
    switch (code_) {
      case LIBRAW_UNSUFFICIENT_MEMORY:
      case LIBRAW_MEMPOOL_OVERFLOW:
        return out_of_memory();
      case LIBRAW_TOO_BIG:
        return fail(ErrorCode::kTooLarge,
                    "developing the raw file takes more memory than is allowed: raise "
                    "DECODE_MEMORY, or save it as JPEG");
      case LIBRAW_CANCELLED_BY_CALLBACK:
        return too_slow(ImageFormat::kRaw);
      case LIBRAW_FILE_UNSUPPORTED:
      case LIBRAW_NOT_IMPLEMENTED:
        return fail(ErrorCode::kUnsupported,
                    "the raw file is of a camera or kind that is not supported, and has no preview "
                    "that could be used: save it as JPEG or DNG");
      default:
        return damaged(ImageFormat::kRaw, libraw_strerror(code_));
    }
  }

  // The JPEG inside; empty where there is none, or only one that is smaller than this.
  ImageBytes preview(int shortest_side) {
    const auto& thumbnail = raw_.imgdata.thumbnail;
    if (raw_.unpack_thumb() != LIBRAW_SUCCESS || thumbnail.tformat != LIBRAW_THUMBNAIL_JPEG)
      return {};
    const ImageBytes bytes{reinterpret_cast<const std::byte*>(thumbnail.thumb), thumbnail.tlength};
    const auto info = probe_jpeg(bytes);
    if (!info || std::min(info->width, info->height) < shortest_side) return {};
    return bytes;
  }

  // Whether data of the sensor are missing or damaged, as far as LibRaw notices.
  bool has_damage() const { return damaged_; }

  std::int64_t width() const { return raw_.imgdata.sizes.raw_width; }
  std::int64_t height() const { return raw_.imgdata.sizes.raw_height; }

  // RGB; null after an error.
  Developed develop() {
    code_ = raw_.unpack();
    if (code_ == LIBRAW_SUCCESS) code_ = raw_.dcraw_process();
    if (code_ != LIBRAW_SUCCESS) return nullptr;
    return Developed(raw_.dcraw_make_mem_image(&code_));
  }

 private:
  Deadline deadline_;
  LibRaw raw_;
  int code_ = LIBRAW_SUCCESS;
  bool damaged_ = false;
  int flip_ = 0;  // as LibRaw counts; taken from it, so that it does not turn what it develops
};

int smallest_preview(int min_shortest_side) {
  return min_shortest_side > 0 ? min_shortest_side : kSmallestPreview;
}

}  // namespace

Result<ImageInfo> probe_raw(ImageBytes bytes) {
  RawFile file(bytes, DecodeLimits{});
  if (!file.is_open()) return file.error();
  if (const ImageBytes preview = file.preview(kSmallestPreview); !preview.empty()) {
    auto info = probe_jpeg(preview);
    info->format = ImageFormat::kRaw;
    if (info->orientation == 1) info->orientation = file.orientation();
    return info;
  }
  return ImageInfo{.format = ImageFormat::kRaw,
                   .width = static_cast<int>(std::max<std::int64_t>(file.width() / 2, 1)),
                   .height = static_cast<int>(std::max<std::int64_t>(file.height() / 2, 1)),
                   .orientation = file.orientation()};
}

Result<DecodeReport> decode_raw(ImageBytes bytes, const DecodeLimits& limits, int min_shortest_side,
                                RowSink& sink) {
  RawFile file(bytes, limits);
  if (!file.is_open()) return file.error();
  TurnedSink turned(sink, file.orientation());
  if (const ImageBytes preview = file.preview(smallest_preview(min_shortest_side));
      !preview.empty()) {
    return decode_jpeg(preview, limits, min_shortest_side, turned);
  }
  if (auto valid = check_size(ImageFormat::kRaw, file.width(), file.height(), limits); !valid)
    return std::unexpected(valid.error());
  const Developed developed = file.develop();
  if (!developed) {
    const auto failure = file.error();
    const ImageBytes any = file.preview(1);
    if (any.empty()) return failure;
    auto decoded = decode_jpeg(any, limits, min_shortest_side, turned);
    if (decoded && decoded->warning.empty()) {
      decoded->warning =
          "only a small preview of the raw file can be read: " + failure.error().message;
    }
    return decoded;
  }
  if (developed->type != LIBRAW_IMAGE_BITMAP || developed->bits != 8 ||
      (developed->colors != 3 && developed->colors != 1))
    return damaged(ImageFormat::kRaw, "it has no colours");
  const ImageInfo image{.format = ImageFormat::kRaw,
                        .width = developed->width,
                        .height = developed->height,
                        .orientation = file.orientation()};
  // Four samples of 16 bits for each pixel, and the sensor's own.
  constexpr std::uint64_t kPixelMemory = 20;
  if (auto started = start(sink, image, pixel_count(image) * kPixelMemory, limits); !started)
    return std::unexpected(started.error());
  const std::uint8_t* row = developed->data;
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* const target = sink.next_row();
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < 3; ++c) target[3 * x + c] = row[developed->colors == 3 ? 3 * x + c : x];
    }
    row += static_cast<std::ptrdiff_t>(image.width) * developed->colors;
    sink.row_done();
  }
  if (!file.has_damage()) return {};
  return DecodeReport{"the raw file is damaged or ends early: a part of the picture may be wrong"};
}

}  // namespace classifier::codecs
