#include "adapters/image/decode.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "adapters/image/image_sinks.hpp"
#include "adapters/image/tiff_header.hpp"

namespace classifier {
namespace {

// "48.8" for 48,812,345 pixels.
std::string megapixels(std::int64_t pixels) {
  const std::int64_t tenths = (pixels + 50'000) / 100'000;
  return tenths % 10 == 0 ? std::to_string(tenths / 10)
                          : fmt::format("{}.{}", tenths / 10, tenths % 10);
}

std::string_view head(ImageBytes bytes, std::size_t from, std::size_t size) {
  if (bytes.size() < from + size) return {};
  return {reinterpret_cast<const char*>(bytes.data()) + from, size};
}

// The type of a file that is not supported, for the error message; empty where it is unknown.
struct KnownOther {
  std::string_view name;
  bool is_picture = false;  // that a program can save as JPEG or PNG
};
KnownOther known_other(ImageBytes bytes) {
  struct Magic {
    std::size_t from;
    std::string_view bytes;
    std::string_view name;
    bool is_picture = false;
  };
  using namespace std::string_view_literals;
  static constexpr std::array kOthers = {
      Magic{0, "%PDF"sv, "a PDF document"},
      Magic{4, "ftypjp2 "sv, "a JPEG 2000 image", true},
      Magic{4, "ftyphevc"sv, "a HEIC sequence", true},
      Magic{4, "ftyphevx"sv, "a HEIC sequence", true},
      Magic{4, "ftypmsf1"sv, "a HEIF sequence", true},
      Magic{4, "ftypavis"sv, "an AVIF sequence", true},
      Magic{4, "ftyp"sv, "a video"},
      Magic{4, "jP  "sv, "a JPEG 2000 image", true},
      Magic{4, "jP\x1A\x1A"sv, "a JPEG 2000 image", true},
      Magic{0, "\xFF\x4F\xFF\x51"sv, "a JPEG 2000 image", true},
      Magic{0, "II\xBC"sv, "a JPEG XR image", true},
      Magic{0, "\x1A\x45\xDF\xA3"sv, "a video"},
      Magic{8, "AVI "sv, "a video"},
      Magic{0, "\0\0\1\0"sv, "an icon"},
      Magic{0, "PK\3\4"sv, "a ZIP archive or office document"},
      Magic{0, "8BPS"sv, "a Photoshop document", true},
      Magic{0, "<svg"sv, "an SVG drawing"},
      Magic{0, "<?xml"sv, "an XML or SVG file"},
      Magic{0, "<!DOCTYPE"sv, "a web page"},
      Magic{0, "<html"sv, "a web page"},
  };
  for (const auto& other : kOthers) {
    if (head(bytes, other.from, other.bytes.size()) == other.bytes)
      return {other.name, other.is_picture};
  }
  return {};
}

Result<ImageFormat> identify(ImageBytes bytes, const DecodeLimits& limits) {
  if (auto fits = check_file_size(bytes, limits); !fits) return std::unexpected(fits.error());
  if (const auto format = codecs::sniff(bytes)) return *format;
  const auto [name, is_picture] = known_other(bytes);
  return fail(
      ErrorCode::kUnsupported,
      fmt::format("the file is {} image of a supported type (JPEG, PNG, GIF, WebP, BMP, "
                  "HEIC, AVIF, TIFF, JPEG XL or a camera's raw file){}",
                  name.empty() ? "not an" : fmt::format("{}, not an", name),
                  is_picture ? ": save it as JPEG or PNG, for example with XnConvert" : ""));
}

template <class Codec>
Result<ImageInfo> checked(Codec probe, ImageBytes bytes, const DecodeLimits& limits) {
  auto info = probe(bytes);
  if (!info) return info;
  if (auto valid = codecs::check_size(info->format, info->width, info->height, limits); !valid) {
    return std::unexpected(valid.error());
  }
  return info;
}

std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

std::string_view to_string(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kGif:
      return "GIF";
    case ImageFormat::kWebp:
      return "WebP";
    case ImageFormat::kBmp:
      return "BMP";
    case ImageFormat::kHeif:
      return "HEIC";
    case ImageFormat::kAvif:
      return "AVIF";
    case ImageFormat::kTiff:
      return "TIFF";
    case ImageFormat::kJxl:
      return "JPEG XL";
    case ImageFormat::kRaw:
      return "raw file";
  }
  return "image";
}

namespace codecs {

using namespace std::string_view_literals;

namespace {

// Files in the ISO base media format (ISO/IEC 14496-12): the brands say what they are for.
std::optional<ImageFormat> sniff_base_media(ImageBytes bytes) {
  if (head(bytes, 4, 4) != "ftyp") return std::nullopt;
  const auto format_of = [](std::string_view brand) -> std::optional<ImageFormat> {
    // Not the brands of sequences alone: in such a file there is no image that libheif reads.
    if (brand == "avif") return ImageFormat::kAvif;
    for (const auto heif : {"heic", "heix", "heim", "heis"}) {
      if (brand == heif) return ImageFormat::kHeif;
    }
    if (brand == "crx ") return ImageFormat::kRaw;
    return std::nullopt;
  };
  if (const auto format = format_of(head(bytes, 8, 4))) return format;
  const auto is_general = [](std::string_view brand) {
    return brand == "mif1" || brand == "miaf" || brand == "mif2";
  };
  bool general = is_general(head(bytes, 8, 4));
  const ByteReader reader{{data_of(bytes), bytes.size()}, ByteOrder::kBig};
  const std::size_t end = std::min<std::size_t>({reader.u32(0), bytes.size(), 256});
  for (std::size_t at = 16; at + 4 <= end; at += 4) {
    if (const auto format = format_of(head(bytes, at, 4))) return format;
    general = general || is_general(head(bytes, at, 4));
  }
  if (general) return ImageFormat::kHeif;
  return std::nullopt;
}

}  // namespace

std::optional<ImageFormat> sniff(ImageBytes bytes) {
  if (head(bytes, 0, 3) == "\xFF\xD8\xFF") return ImageFormat::kJpeg;
  if (head(bytes, 0, 8) == "\x89PNG\r\n\x1A\n") return ImageFormat::kPng;
  if (head(bytes, 0, 6) == "GIF87a" || head(bytes, 0, 6) == "GIF89a") return ImageFormat::kGif;
  if (head(bytes, 0, 4) == "RIFF" && head(bytes, 8, 4) == "WEBP") return ImageFormat::kWebp;
  if (head(bytes, 0, 2) == "BM" && bytes.size() >= 18) return ImageFormat::kBmp;
  if (const auto format = sniff_base_media(bytes)) return format;
  if (head(bytes, 0, 2) == "\xFF\x0A" || head(bytes, 0, 12) == "\0\0\0\x0CJXL \r\n\x87\n"sv)
    return ImageFormat::kJxl;
  for (const auto start : {"IIRO"sv, "IIRS"sv, "MMOR"sv, "IIU\0"sv, "FUJIFILMCCD-RAW"sv}) {
    if (head(bytes, 0, start.size()) == start) return ImageFormat::kRaw;
  }
  const std::span<const std::uint8_t> file(data_of(bytes), bytes.size());
  if (is_tiff(file)) return read_tiff_header(file).is_raw ? ImageFormat::kRaw : ImageFormat::kTiff;
  return std::nullopt;
}

Result<void> check_size(ImageFormat format, std::int64_t width, std::int64_t height,
                        const DecodeLimits& limits) {
  const std::string size = fmt::format("{} × {} pixels", width, height);
  if (width < 1 || height < 1) return damaged(format, "its header says " + size);
  if (width > limits.max_pixels / height) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format("the {} has {} ({} megapixels); at most {} megapixels are allowed: make "
                    "it smaller, or raise MAX_IMAGE_PIXELS",
                    to_string(format), size, megapixels(width * height),
                    megapixels(limits.max_pixels)));
  }
  return {};
}

std::unexpected<Error> damaged(ImageFormat format, const std::string& what) {
  return fail(ErrorCode::kUndecodable,
              fmt::format("the {} is damaged: {}", to_string(format), what));
}

std::unexpected<Error> truncated(ImageFormat format) {
  return fail(
      ErrorCode::kUndecodable,
      fmt::format("the {} is truncated: the file ends before the image does; get the file again "
                  "from where it came from",
                  to_string(format)));
}

std::unexpected<Error> out_of_memory() {
  return fail(ErrorCode::kExhausted, "out of memory while the image was decoded");
}

Deadline::Deadline(const DecodeLimits& limits)
    : end_(processor_time() + limits.max_time),
      next_look_(std::chrono::steady_clock::now() + limits.max_time) {}

bool Deadline::is_over() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return false;
  const auto left = end_ - processor_time();
  next_look_ = now + left;
  return left.count() < 0;
}

std::unexpected<Error> too_slow(ImageFormat format) {
  return fail(ErrorCode::kTooLarge,
              fmt::format("the {} takes too long to decode", to_string(format)));
}

Result<void> check_memory(const RowSink& sink, const ImageInfo& decoded, std::uint64_t own_memory,
                          const DecodeLimits& limits) {
  constexpr std::uint64_t kMegabyte = 1 << 20;
  const std::uint64_t needed = own_memory + sink.memory(decoded);
  if (needed > limits.max_memory) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format("decoding the {} takes {} MB of memory; at most {} MB are allowed: make "
                    "it smaller, or raise DECODE_MEMORY",
                    to_string(decoded.format), (needed + kMegabyte - 1) / kMegabyte,
                    limits.max_memory / kMegabyte));
  }
  return {};
}

Result<void> start(RowSink& sink, const ImageInfo& decoded, std::uint64_t own_memory,
                   const DecodeLimits& limits) {
  if (auto fits = check_memory(sink, decoded, own_memory, limits); !fits) return fits;
  sink.start(decoded);
  return {};
}

Result<DecodeReport> report(ImageFormat format, const Coverage& coverage) {
  constexpr double kEnough = 0.5;
  if (coverage.there >= 1) return {};
  const std::string detail = coverage.detail.empty() ? "" : " (" + coverage.detail + ")";
  if (coverage.there < kEnough) {
    const auto there = std::max(static_cast<int>(coverage.there * 100), 0);
    const std::string what =
        coverage.ended_early
            ? fmt::format("truncated: the file ends after {} % of the picture", there)
            : fmt::format("damaged: about {} % of the picture can be decoded", there);
    return fail(ErrorCode::kUndecodable,
                fmt::format("the {} is {}{}; get the file again from where it came from",
                            to_string(format), what, detail));
  }
  const int percent = static_cast<int>(std::lround((1 - coverage.there) * 100));
  const std::string share = percent < 1            ? "less than 1 %"
                            : coverage.ended_early ? fmt::format("the last {} %", percent)
                                                   : fmt::format("about {} %", percent);
  return DecodeReport{
      coverage.ended_early
          ? fmt::format("the file ends early: {} of the picture is missing{}", share, detail)
          : fmt::format("the file is damaged: {} of the picture is missing or "
                        "wrong{}",
                        share, detail)};
}

void fill_missing(const ImageInfo& image, int from, RowSink& sink) {
  for (int y = from; y < image.height; ++y) {
    std::fill_n(sink.next_row(), 3 * static_cast<std::size_t>(image.width), kMissing);
    sink.row_done();
  }
}

std::span<const std::uint8_t> find_run(std::span<const std::uint8_t> bytes, std::size_t least) {
  // A run of that length has one of these positions in it, and the byte before.
  const std::size_t step = least / 2;
  for (std::size_t at = step; at < bytes.size(); at += step) {
    if (bytes[at] != bytes[at - 1]) continue;
    std::size_t begin = at;
    while (begin > 0 && bytes[begin - 1] == bytes[at]) --begin;
    std::size_t end = at;
    while (end < bytes.size() && bytes[end] == bytes[at]) ++end;
    if (end - begin >= least) return bytes.subspan(begin, end - begin);
  }
  return {};
}

void flatten_row(const std::uint8_t* rgba, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, rgba += 4, rgb += 3) {
    const std::uint8_t alpha = rgba[3];
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = over_white(rgba[c], alpha);
  }
}

void flatten_premultiplied_row(const std::uint8_t* rgba, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, rgba += 4, rgb += 3) {
    for (std::size_t c = 0; c < 3; ++c)
      rgb[c] = static_cast<std::uint8_t>(std::min(rgba[c] + 255 - rgba[3], 255));
  }
}

void pass_on(const std::uint8_t* pixels, std::size_t channels, const ImageInfo& image,
             RowSink& sink) {
  const std::size_t stride = static_cast<std::size_t>(image.width) * channels;
  for (int y = 0; y < image.height; ++y, pixels += stride) {
    if (channels == 4) {
      flatten_row(pixels, image.width, sink.next_row());
    } else {
      std::copy_n(pixels, stride, sink.next_row());
    }
    sink.row_done();
  }
}

}  // namespace codecs

void load_decoders() { codecs::load_heif_decoders(); }

Result<void> check_file_size(ImageBytes bytes, const DecodeLimits& limits) {
  if (bytes.empty()) return fail(ErrorCode::kUndecodable, "the file is empty (0 bytes)");
  if (bytes.size() > limits.max_bytes) {
    return fail(ErrorCode::kTooLarge, fmt::format("the file has {} bytes; at most {} are allowed",
                                                  bytes.size(), limits.max_bytes));
  }
  return {};
}

Result<ImageInfo> probe_image(ImageBytes bytes, const DecodeLimits& limits) {
  const auto format = identify(bytes, limits);
  if (!format) return std::unexpected(format.error());
  switch (*format) {
    case ImageFormat::kJpeg:
      return checked(codecs::probe_jpeg, bytes, limits);
    case ImageFormat::kPng:
      return checked(codecs::probe_png, bytes, limits);
    case ImageFormat::kGif:
      return checked(codecs::probe_gif, bytes, limits);
    case ImageFormat::kWebp:
      return checked(codecs::probe_webp, bytes, limits);
    case ImageFormat::kBmp:
      return checked(codecs::probe_bmp, bytes, limits);
    case ImageFormat::kHeif:
    case ImageFormat::kAvif:
      return checked([&](ImageBytes file) { return codecs::probe_heif(file, *format); }, bytes,
                     limits);
    case ImageFormat::kTiff:
      return checked(codecs::probe_tiff, bytes, limits);
    case ImageFormat::kJxl:
      return checked(codecs::probe_jxl, bytes, limits);
    case ImageFormat::kRaw:
      return checked(codecs::probe_raw, bytes, limits);
  }
  std::unreachable();
}

Result<DecodeReport> decode_rows(ImageBytes bytes, const DecodeLimits& limits,
                                 int min_shortest_side, RowSink& sink) {
  const auto format = identify(bytes, limits);
  if (!format) return std::unexpected(format.error());
  switch (*format) {
    case ImageFormat::kJpeg:
      return codecs::decode_jpeg(bytes, limits, min_shortest_side, sink);
    case ImageFormat::kPng:
      return codecs::decode_png(bytes, limits, sink);
    case ImageFormat::kGif:
      return codecs::decode_gif(bytes, limits, sink);
    case ImageFormat::kWebp:
      return codecs::decode_webp(bytes, limits, sink);
    case ImageFormat::kBmp:
      return codecs::decode_bmp(bytes, limits, sink);
    case ImageFormat::kHeif:
    case ImageFormat::kAvif:
      return codecs::decode_heif(bytes, *format, limits, min_shortest_side, sink);
    case ImageFormat::kTiff:
      return codecs::decode_tiff(bytes, limits, sink);
    case ImageFormat::kJxl:
      return codecs::decode_jxl(bytes, limits, sink);
    case ImageFormat::kRaw:
      return codecs::decode_raw(bytes, limits, min_shortest_side, sink);
  }
  std::unreachable();
}

Result<DecodedImage> decode_image(ImageBytes bytes, const DecodeLimits& limits,
                                  int min_shortest_side) {
  WholeImage whole;
  auto decoded = decode_rows(bytes, limits, min_shortest_side, whole);
  if (!decoded) return std::unexpected(std::move(decoded.error()));
  return DecodedImage{whole.take(), whole.orientation(), std::move(decoded->warning)};
}

RgbImage orient(RgbImage image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transpose = orientation >= 5;
  const int w = image.width;
  const int h = image.height;
  RgbImage upright = make_image(transpose ? h : w, transpose ? w : h);
  // Exif 2.32, 4.6.4 gives the sides of the stored row 0 and column 0. Mirroring and flipping come
  // before the transposition.
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  std::uint8_t* out = upright.pixels.data();
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x, out += 3) {
      int from_x = transpose ? y : x;
      int from_y = transpose ? x : y;
      if (mirror_x) from_x = w - 1 - from_x;
      if (mirror_y) from_y = h - 1 - from_y;
      std::copy_n(&image.pixels[image.offset(from_x, from_y)], 3, out);
    }
  }
  return upright;
}

}  // namespace classifier
