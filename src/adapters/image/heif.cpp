// HEIF images coded with HEVC or AV1 (HEIC, AVIF), with libheif. Of sequences the primary image.
#include <libheif/heif.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/heif_boxes.hpp"
#include "domain/text.hpp"

namespace classifier::codecs {
namespace {

using HeifContext = std::unique_ptr<heif_context, decltype(&heif_context_free)>;
using HeifHandle = std::unique_ptr<heif_image_handle, decltype(&heif_image_handle_release)>;
using HeifPixels = std::unique_ptr<heif_image, decltype(&heif_image_release)>;
using HeifOptions = std::unique_ptr<heif_decoding_options, decltype(&heif_decoding_options_free)>;

using Nclx = std::unique_ptr<heif_color_profile_nclx, decltype(&heif_nclx_color_profile_free)>;
// What `get` gives; null after an error, with which libheif may give something to free.
template <class Get>
Nclx nclx_of(const Get& get) {
  heif_color_profile_nclx* profile = nullptr;
  const heif_error error = get(&profile);
  Nclx nclx(profile, &heif_nclx_color_profile_free);
  if (error.code != heif_error_Ok) nclx.reset();
  return nclx;
}

std::unexpected<Error> heif_error_of(ImageFormat format, const heif_error& error) {
  const std::string text = one_line(error.message != nullptr ? error.message : "");
  switch (error.code) {
    case heif_error_Memory_allocation_error:
      if (error.subcode == heif_suberror_Security_limit_exceeded) {
        return fail(ErrorCode::kTooLarge, fmt::format("the {} exceeds a limit of its decoder: {}",
                                                      to_string(format), text));
      }
      return out_of_memory();
    case heif_error_Unsupported_feature:
    case heif_error_Unsupported_filetype:
      return fail(ErrorCode::kUnsupported,
                  fmt::format("the {} is coded in a way that is not supported ({}): save it as "
                              "JPEG or PNG",
                              to_string(format), text));
    default:
      break;
  }
  if (error.subcode == heif_suberror_End_of_data) return truncated(format);
  return damaged(format, text);
}

// What of a file is not there, or was overwritten.
struct Missing {
  double share = 0;                // of the image's data
  std::vector<std::size_t> tiles;  // of the grid
  bool inside = false;             // by what was overwritten
};

// The share of the data behind long runs of equal bytes, which coded pictures do not have: those of
// HEVC have no three zeros in a row. Decoders go on without a word.
double share_overwritten(FileBytes file, const HeifHeader& header) {
  constexpr std::size_t kWritten = 128;
  const ByteReader reader{file};
  double lost = 0;
  double all = 0;
  for (const HeifData& part : header.parts) {
    const FileBytes data = part.in_file ? reader.part(part.offset, part.first_size) : FileBytes();
    all += static_cast<double>(part.size);
    if (const FileBytes run = find_run(data, kWritten); !run.empty())
      lost += static_cast<double>(data.data() + data.size() - run.data());
  }
  return all > 0 ? lost / all : 0;
}

void put_number(std::byte* at, std::size_t size, std::uint64_t value) {
  for (; size > 0; --size, value >>= 8U) at[size - 1] = static_cast<std::byte>(value);
}

// libheif refuses a file in which anything is missing. So it gets one that is filled up with zeros,
// and for tiles that are missing the first one that is there, which is painted over afterwards.
Missing fill_up(std::vector<std::byte>& file, std::size_t real_size, const HeifHeader& header) {
  Missing missing;
  const HeifData* whole = nullptr;
  double there = 0;
  double all = 0;
  for (const HeifData& part : header.parts) {
    const std::uint64_t end = part.offset + part.first_size;
    all += static_cast<double>(part.size);
    if (end <= real_size) {
      there += static_cast<double>(part.size);
      if (whole == nullptr && part.in_file) whole = &part;
    } else if (part.offset < real_size) {
      there += static_cast<double>(real_size - part.offset);
    }
  }
  if (all > 0) missing.share = 1 - there / all;
  for (std::size_t i = 0; i < header.parts.size() && header.columns > 0; ++i) {
    const HeifData& part = header.parts[i];
    if (part.offset + part.first_size <= real_size) continue;
    missing.tiles.push_back(i);
    if (whole == nullptr || !part.in_file || part.offset_at == 0) continue;
    // The table itself may be cut off.
    if (std::max(part.offset_at + part.offset_bytes, part.size_at + part.size_bytes) > real_size)
      continue;
    put_number(file.data() + part.offset_at, part.offset_bytes, whole->offset);
    put_number(file.data() + part.size_at, part.size_bytes, whole->size);
  }
  if (header.columns > 0) {
    missing.share =
        static_cast<double>(missing.tiles.size()) / static_cast<double>(header.parts.size());
  }
  file.resize(header.end);
  return missing;
}

// libheif refuses files in which an auxiliary image belongs to several others, as the gain maps of
// newer iPhones do. A reference of another type is passed over, and nobody needs those images here.
void skip_shared_auxiliaries(std::vector<std::byte>& copy, const HeifHeader& header) {
  for (const std::size_t place : header.shared_auxiliaries)
    std::memcpy(copy.data() + place + 4, "skip", 4);
}

class HeifFile {
 public:
  HeifFile(ImageBytes bytes, ImageFormat format)
      : format_(format), header_(read_heif_header({data_of(bytes), bytes.size()})), bytes_(bytes) {
    missing_.share = share_overwritten({data_of(bytes), bytes.size()}, header_);
    missing_.inside = missing_.share > 0;
    // Where a file of that size is to end is damage of another kind.
    const bool ends_early = header_.end > bytes.size() && header_.end <= 4 * bytes.size();
    if (!ends_early && header_.shared_auxiliaries.empty()) return;
    copy_.assign(bytes.begin(), bytes.end());
    skip_shared_auxiliaries(copy_, header_);
    if (ends_early) missing_ = fill_up(copy_, bytes.size(), header_);
    bytes_ = copy_;
  }
  const Missing& missing() const { return missing_; }
  const HeifHeader& header() const { return header_; }

  Result<void> open() {
    if (!context_) return out_of_memory();
    heif_context_set_max_decoding_threads(context_.get(), 0);
    const heif_error read = heif_context_read_from_memory_without_copy(
        context_.get(), bytes_.data(), bytes_.size(), nullptr);
    if (read.code != heif_error_Ok) return heif_error_of(format_, read);
    heif_image_handle* handle = nullptr;
    const heif_error found = heif_context_get_primary_image_handle(context_.get(), &handle);
    if (found.code != heif_error_Ok) return heif_error_of(format_, found);
    image_.reset(handle);
    return {};
  }

  // The primary image, or the smallest of its thumbnails whose shorter side has at least
  // `min_shortest_side` pixels; with 0 never a thumbnail.
  const heif_image_handle* choose(int min_shortest_side) {
    const int count = heif_image_handle_get_number_of_thumbnails(image_.get());
    if (min_shortest_side <= 0 || count <= 0) return image_.get();
    std::vector<heif_item_id> ids(static_cast<std::size_t>(std::min(count, 16)));
    ids.resize(static_cast<std::size_t>(heif_image_handle_get_list_of_thumbnail_IDs(
        image_.get(), ids.data(), static_cast<int>(ids.size()))));
    for (const heif_item_id id : ids) {
      heif_image_handle* handle = nullptr;
      if (heif_image_handle_get_thumbnail(image_.get(), id, &handle).code != heif_error_Ok)
        continue;
      HeifHandle candidate(handle, &heif_image_handle_release);
      const bool smaller = !thumbnail_ || width(candidate) < width(thumbnail_);
      if (shortest(candidate) >= min_shortest_side && smaller && same_shape(candidate))
        thumbnail_ = std::move(candidate);
    }
    return thumbnail_ ? thumbnail_.get() : image_.get();
  }

  ImageInfo info(const heif_image_handle* handle) const {
    return {.format = format_,
            .width = heif_image_handle_get_width(handle),
            .height = heif_image_handle_get_height(handle),
            .orientation = header_.turned ? 1 : exif_orientation(header_.exif),
            .colour = colour()};
  }
  const heif_image_handle* primary() const { return image_.get(); }
  bool monochrome() const { return header_.monochrome; }

 private:
  static int width(const HeifHandle& image) { return heif_image_handle_get_width(image.get()); }
  static int height(const HeifHandle& image) { return heif_image_handle_get_height(image.get()); }
  static int shortest(const HeifHandle& image) { return std::min(width(image), height(image)); }

  // Thumbnails of other photos, or with black borders, are of no use.
  bool same_shape(const HeifHandle& other) const {
    const double own = static_cast<double>(width(image_)) / std::max(height(image_), 1);
    const double its = static_cast<double>(width(other)) / std::max(height(other), 1);
    return std::abs(own / its - 1) < 0.01;
  }

  std::shared_ptr<const ColourTransform> colour() const {
    if (const std::size_t size = heif_image_handle_get_raw_color_profile_size(image_.get());
        size > 0 && size <= bytes_.size()) {
      std::vector<std::uint8_t> profile(size);
      if (heif_image_handle_get_raw_color_profile(image_.get(), profile.data()).code ==
          heif_error_Ok)
        return colour_transform(profile);
    }
    const Nclx nclx = nclx_of([&](heif_color_profile_nclx** out) {
      return heif_image_handle_get_nclx_color_profile(image_.get(), out);
    });
    if (!nclx) return nullptr;
    return coded_colour_transform(nclx->color_primaries, nclx->transfer_characteristics);
  }

  ImageFormat format_;
  HeifHeader header_;
  std::vector<std::byte> copy_;
  Missing missing_;
  ImageBytes bytes_;
  HeifContext context_{heif_context_alloc(), &heif_context_free};
  HeifHandle image_{nullptr, &heif_image_handle_release};
  HeifHandle thumbnail_{nullptr, &heif_image_handle_release};
};

// Bytes that libheif takes: the planes of the image and, for the moment of their conversion, RGB,
// of more than 8 bits twice as much; and the threads of its decoders.
std::uint64_t heif_memory(const ImageInfo& image, const heif_image_handle* handle,
                          unsigned channels) {
  constexpr std::uint64_t kThreads = 16UL << 20;
  const bool deep = heif_image_handle_get_luma_bits_per_pixel(handle) > 8;
  return kThreads + pixel_count(image) * channels * (deep ? 4 : 2);
}

// A channel of a monochrome image, of 8 or more bits.
class GreyPlane {
 public:
  GreyPlane(const heif_image* image, heif_channel channel)
      : bytes_(heif_image_get_plane_readonly(image, channel, &stride_)),
        bits_(heif_image_get_bits_per_pixel_range(image, channel)) {}

  explicit operator bool() const { return bytes_ != nullptr && bits_ >= 8 && bits_ <= 16; }
  // 0 to 1.
  float at(int x, int y) const {
    const std::uint8_t* const row = bytes_ + static_cast<std::ptrdiff_t>(y) * stride_;
    std::uint16_t value = 0;
    if (bits_ == 8) {
      value = row[x];
    } else {
      std::memcpy(&value, row + 2 * static_cast<std::ptrdiff_t>(x), 2);
    }
    return static_cast<float>(value) / static_cast<float>((1U << static_cast<unsigned>(bits_)) - 1);
  }

 private:
  int stride_ = 0;
  const std::uint8_t* bytes_;
  int bits_;
};

// Whether black is 16 of 255, as in video; libheif does not see to it in monochrome images.
bool has_limited_range(const heif_image* image) {
  const Nclx nclx = nclx_of(
      [&](heif_color_profile_nclx** out) { return heif_image_get_nclx_color_profile(image, out); });
  return nclx && nclx->full_range_flag == 0;
}

Result<DecodeReport> decode_monochrome(const heif_image_handle* handle, ImageInfo image,
                                       const DecodeLimits& limits, RowSink& sink) {
  heif_image* decoded = nullptr;
  const heif_error error = heif_decode_image(handle, &decoded, heif_colorspace_monochrome,
                                             heif_chroma_monochrome, nullptr);
  const HeifPixels pixels(decoded, &heif_image_release);
  if (error.code != heif_error_Ok) return heif_error_of(image.format, error);
  const GreyPlane grey(pixels.get(), heif_channel_Y);
  if (!grey) return damaged(image.format, "it has no pixels");
  const GreyPlane alpha(pixels.get(), heif_channel_Alpha);
  image.width = heif_image_get_width(pixels.get(), heif_channel_Y);
  image.height = heif_image_get_height(pixels.get(), heif_channel_Y);
  if (auto valid = check_size(image.format, image.width, image.height, limits); !valid)
    return std::unexpected(valid.error());
  const bool has_alpha = alpha &&
                         heif_image_get_width(pixels.get(), heif_channel_Alpha) == image.width &&
                         heif_image_get_height(pixels.get(), heif_channel_Alpha) == image.height;
  if (auto started = start(sink, image, 0, limits); !started)
    return std::unexpected(started.error());
  const bool limited = has_limited_range(pixels.get());
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* target = sink.next_row();
    for (int x = 0; x < image.width; ++x, target += 3) {
      float value = grey.at(x, y);
      if (limited) value = std::clamp((value - 16 / 255.F) * (255 / 219.F), 0.F, 1.F);
      if (has_alpha) value = value * alpha.at(x, y) + 1 - alpha.at(x, y);
      std::fill_n(target, 3, static_cast<std::uint8_t>(std::lround(value * 255)));
    }
    sink.row_done();
  }
  return {};
}

// Whether a decoder went on after an error.
bool has_damage(heif_image* image) {
  heif_error warning{};
  return heif_image_get_decoding_warnings(image, 0, &warning, 1) > 0;
}

struct Canvas {
  std::uint8_t* pixels;
  std::ptrdiff_t stride;
  std::size_t channels;
  int width;  // upright
  int height;
};

// Of a grid that was not mirrored or cropped.
void paint_missing_tiles(const HeifFile& file, const heif_image_handle* decoded,
                         const Canvas& canvas) {
  const HeifHeader& header = file.header();
  if (decoded != file.primary() || header.reshaped || header.columns == 0) return;
  const bool swapped = header.quarter_turns % 2 == 1;
  const std::int64_t width = swapped ? canvas.height : canvas.width;  // before it was turned
  const std::int64_t height = swapped ? canvas.width : canvas.height;
  for (const std::size_t tile : file.missing().tiles) {
    const auto left = static_cast<std::int64_t>(tile % header.columns) * header.tile_width;
    const auto top = static_cast<std::int64_t>(tile / header.columns) * header.tile_height;
    for (std::int64_t y = top; y < std::min(top + header.tile_height, height); ++y) {
      for (std::int64_t x = left; x < std::min(left + header.tile_width, width); ++x) {
        std::int64_t column = x;
        std::int64_t row = y;
        if (header.quarter_turns == 1) std::tie(column, row) = std::pair{y, width - 1 - x};
        if (header.quarter_turns == 2)
          std::tie(column, row) = std::pair{width - 1 - x, height - 1 - y};
        if (header.quarter_turns == 3) std::tie(column, row) = std::pair{height - 1 - y, x};
        std::uint8_t* const pixel = canvas.pixels + row * canvas.stride +
                                    column * static_cast<std::int64_t>(canvas.channels);
        std::fill_n(pixel, 3, kMissing);
      }
    }
  }
}

}  // namespace

void load_heif_decoders() { heif_init(nullptr); }

Result<ImageInfo> probe_heif(ImageBytes bytes, ImageFormat format) {
  HeifFile file(bytes, format);
  if (auto opened = file.open(); !opened) return std::unexpected(opened.error());
  return file.info(file.primary());
}

Result<DecodeReport> decode_heif(ImageBytes bytes, ImageFormat format, const DecodeLimits& limits,
                                 int min_shortest_side, RowSink& sink) {
  HeifFile file(bytes, format);
  const Coverage coverage{
      .there = 1 - file.missing().share, .ended_early = !file.missing().inside, .detail = {}};
  auto reported = report(format, coverage);
  if (!reported) return reported;
  if (auto opened = file.open(); !opened) return std::unexpected(opened.error());
  const ImageInfo whole = file.info(file.primary());
  if (auto valid = check_size(format, whole.width, whole.height, limits); !valid)
    return std::unexpected(valid.error());
  // Thumbnails may be missing too.
  const heif_image_handle* const chosen =
      file.missing().share > 0 ? file.primary() : file.choose(min_shortest_side);
  ImageInfo image = file.info(chosen);
  const bool alpha = heif_image_handle_has_alpha_channel(chosen) != 0;
  const unsigned channels = alpha ? 4 : 3;
  if (auto fits = check_memory(sink, image, heif_memory(image, chosen, channels), limits); !fits) {
    return std::unexpected(fits.error());
  }
  if (file.monochrome() && file.missing().share == 0)
    return decode_monochrome(chosen, image, limits, sink);
  const HeifOptions options(heif_decoding_options_alloc(), &heif_decoding_options_free);
  if (!options) return out_of_memory();
  options->convert_hdr_to_8bit = 1;
  heif_image* decoded = nullptr;
  const heif_error error = heif_decode_image(
      chosen, &decoded, heif_colorspace_RGB,
      alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options.get());
  const HeifPixels pixels(decoded, &heif_image_release);
  if (error.code != heif_error_Ok) return heif_error_of(format, error);
  int stride = 0;
  std::uint8_t* const plane = heif_image_get_plane(pixels.get(), heif_channel_interleaved, &stride);
  if (plane == nullptr) return damaged(format, "it has no pixels");
  // Of an image that is both cropped and turned, libheif says another size before.
  image.width = heif_image_get_width(pixels.get(), heif_channel_interleaved);
  image.height = heif_image_get_height(pixels.get(), heif_channel_interleaved);
  if (auto valid = check_size(format, image.width, image.height, limits); !valid)
    return std::unexpected(valid.error());
  if (auto started = start(sink, image, 0, limits); !started)
    return std::unexpected(started.error());
  paint_missing_tiles(file, chosen, {plane, stride, channels, image.width, image.height});
  if (reported->warning.empty() && has_damage(pixels.get()))
    reported->warning = "the file is damaged: a part of the picture may be wrong";
  const bool premultiplied = heif_image_handle_is_premultiplied_alpha(chosen) != 0;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* const row = plane + static_cast<std::ptrdiff_t>(y) * stride;
    std::uint8_t* const target = sink.next_row();
    if (!alpha) {
      std::copy_n(row, 3 * static_cast<std::size_t>(image.width), target);
    } else if (premultiplied) {
      flatten_premultiplied_row(row, image.width, target);
    } else {
      flatten_row(row, image.width, target);
    }
    sink.row_done();
  }
  return reported;
}

}  // namespace classifier::codecs
