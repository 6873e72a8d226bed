// The decoders behind decode_image(), one for each format. Each passes the size in the header to
// check_size(), and says in start() what memory it needs, before it allocates pixels.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "adapters/image/decode.hpp"
#include "adapters/image/image.hpp"
#include "adapters/image/row_sink.hpp"
#include "domain/error.hpp"
#include "domain/image_facts.hpp"
#include "domain/time.hpp"

namespace classifier::codecs {

Result<ImageInfo> probe_jpeg(ImageBytes bytes);
Result<DecodeReport> decode_jpeg(ImageBytes bytes, const DecodeLimits& limits,
                                 int min_shortest_side, RowSink& sink);
Result<ImageInfo> probe_png(ImageBytes bytes);
Result<DecodeReport> decode_png(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink);
Result<ImageInfo> probe_gif(ImageBytes bytes);
Result<DecodeReport> decode_gif(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink);
Result<ImageInfo> probe_webp(ImageBytes bytes);
Result<DecodeReport> decode_webp(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink);
Result<ImageInfo> probe_bmp(ImageBytes bytes);
Result<DecodeReport> decode_bmp(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink);

// See load_decoders().
void load_heif_decoders();
// `format` is kHeif or kAvif.
Result<ImageInfo> probe_heif(ImageBytes bytes, ImageFormat format);
Result<DecodeReport> decode_heif(ImageBytes bytes, ImageFormat format, const DecodeLimits& limits,
                                 int min_shortest_side, RowSink& sink);
Result<ImageInfo> probe_tiff(ImageBytes bytes);
Result<DecodeReport> decode_tiff(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink);
Result<ImageInfo> probe_jxl(ImageBytes bytes);
Result<DecodeReport> decode_jxl(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink);
// The size is that of the preview, or of the development.
Result<ImageInfo> probe_raw(ImageBytes bytes);
Result<DecodeReport> decode_raw(ImageBytes bytes, const DecodeLimits& limits, int min_shortest_side,
                                RowSink& sink);

// The format that the first bytes of a file, at least 18, say; nullopt: none of them.
std::optional<ImageFormat> sniff(ImageBytes bytes);

// The orientation (Exif 2.32, tag 0x0112) in a TIFF block, "II*\0…" or "MM\0*…", with or without
// "Exif\0\0" before it: 1 to 8; 1 where there is none or the block is damaged.
int exif_orientation(std::span<const std::uint8_t> tiff);

// The same; where the block has none, that of an XMP packet. Either may be empty.
int orientation_of(std::span<const std::uint8_t> tiff, std::span<const std::uint8_t> xmp);

// When the photo was taken, or else when the file was changed: DateTimeOriginal or DateTime, with
// their fractions of a second and offsets; see ImageFacts. nullopt where neither is a time.
std::optional<TimePoint> exif_time(std::span<const std::uint8_t> tiff);

// The camera, its lens, and how the photo was exposed. What is no number that can be, or no text,
// is as if it were missing.
CameraFacts exif_camera(std::span<const std::uint8_t> tiff);

// kUndecodable where a side is below 1; kTooLarge where there are more pixels than the limit.
Result<void> check_size(ImageFormat format, std::int64_t width, std::int64_t height,
                        const DecodeLimits& limits);

// kTooLarge where the sink and the decoder, `own_memory` bytes, take more memory than the limit.
Result<void> check_memory(const RowSink& sink, const ImageInfo& decoded, std::uint64_t own_memory,
                          const DecodeLimits& limits);
// Starts the sink. kTooLarge where it and the decoder, `own_memory` bytes, take more memory than
// the limit. `decoded` is the image as it will be decoded.
Result<void> start(RowSink& sink, const ImageInfo& decoded, std::uint64_t own_memory,
                   const DecodeLimits& limits);
inline std::uint64_t pixel_count(const ImageInfo& image) {
  return static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
}

// Of the processor time of this thread: a busy machine makes no image too slow.
class Deadline {
 public:
  explicit Deadline(const DecodeLimits& limits);
  bool is_over();

 private:
  std::chrono::nanoseconds end_;
  std::chrono::steady_clock::time_point next_look_;  // before it, that much time cannot have passed
};
std::unexpected<Error> too_slow(ImageFormat format);

std::unexpected<Error> damaged(ImageFormat format, const std::string& what);
std::unexpected<Error> truncated(ImageFormat format);
// kExhausted, so that the image is retried.
std::unexpected<Error> out_of_memory();

// How much of an image is there.
struct Coverage {
  double there = 1;          // the share of its pixels, 0 to 1
  bool ended_early = false;  // the file ends before the image does; otherwise it is damaged inside
  std::string detail;        // what a library says of the damage; may be empty
};
// The rule for images that are not whole: the report where at least half of the pixels are there,
// with a warning unless all are, and else kUndecodable.
Result<DecodeReport> report(ImageFormat format, const Coverage& coverage);
// What pixels become that are not there: a grey that weighs little in a model's input.
constexpr std::uint8_t kMissing = 128;
// Passes on the rows from `from` to the last as missing ones.
void fill_missing(const ImageInfo& image, int from, RowSink& sink);

// The first run of at least `least` equal bytes, such as what a lost part of a file was overwritten
// with; empty: none.
std::span<const std::uint8_t> find_run(std::span<const std::uint8_t> bytes, std::size_t least);

// A colour with opacity `alpha`, 0 to 255, over white.
inline std::uint8_t over_white(std::uint8_t colour, std::uint8_t alpha) {
  const unsigned value = colour * alpha + 255U * (255U - alpha);
  return static_cast<std::uint8_t>((value + 127) / 255);
}

// A row of RGBA pixels over white.
void flatten_row(const std::uint8_t* rgba, int width, std::uint8_t* rgb);
// The same of pixels whose colours are multiplied by their alpha.
void flatten_premultiplied_row(const std::uint8_t* rgba, int width, std::uint8_t* rgb);

// Passes on what was decoded as a whole. `pixels` has 3 or 4 channels.
void pass_on(const std::uint8_t* pixels, std::size_t channels, const ImageInfo& image,
             RowSink& sink);

inline const std::uint8_t* data_of(ImageBytes bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

}  // namespace classifier::codecs
