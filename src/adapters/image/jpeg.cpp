// JPEG, with the libjpeg API of libjpeg-turbo, which allows limits on scans and time.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csetjmp>
#include <cstring>
#include <string>

// clang-format off: jpeglib.h needs the headers before it.
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/icc.hpp"

namespace classifier::codecs {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr std::array<std::uint8_t, 6> kExifHeader = {'E', 'x', 'i', 'f', 0, 0};

enum class Stop { kNone, kError, kTruncated, kTime, kScans };

// One decompression. libjpeg's errors leave it by longjmp, so each method that calls it has a
// setjmp of its own, and no objects with destructors after that.
class Decompressor {
 public:
  Decompressor(ImageBytes bytes, const DecodeLimits& limits)
      : deadline_(limits), max_scans_(limits.max_scans) {
    std::memset(&jpeg_, 0, sizeof jpeg_);
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_.client_data = this;
    errors_.error_exit = [](j_common_ptr common) { self(common).fail_with(Stop::kError); };
    errors_.emit_message = [](j_common_ptr common, int level) { self(common).on_warning(level); };
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = [](j_common_ptr common) { self(common).check_progress(); };
    created_ = create(bytes);
  }
  ~Decompressor() {
    if (created_) jpeg_destroy_decompress(&jpeg_);
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  bool read_header() {
    if (!created_ || setjmp(jump_) != 0) return false;
    jpeg_save_markers(&jpeg_, kExifMarker, 0xFFFF);
    return jpeg_read_header(&jpeg_, TRUE) == JPEG_HEADER_OK;
  }

  // After read_header(). Chooses scale and colour space, so that the output's size is known.
  bool choose_scale(int min_shortest_side) {
    if (setjmp(jump_) != 0) return false;
    jpeg_.out_color_space = jpeg_.num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_.scale_denom = 8;
    jpeg_.scale_num = 8;
    const auto shortest = std::min(jpeg_.image_width, jpeg_.image_height);
    const auto wanted = static_cast<JDIMENSION>(std::max(min_shortest_side, 0));
    // Only powers of two have fast transforms.
    while (wanted > 0 && jpeg_.scale_num > 1 &&
           (shortest * (jpeg_.scale_num / 2) + 7) / 8 >= wanted) {
      jpeg_.scale_num /= 2;
    }
    jpeg_calc_output_dimensions(&jpeg_);
    return true;
  }

  // Bytes that libjpeg will take: the coefficients of the whole image, in blocks of 8 × 8, where
  // they are in several scans, and some rows.
  std::uint64_t memory() {
    constexpr std::uint64_t kRows = 64;
    std::uint64_t bytes = kRows * jpeg_.image_width * static_cast<unsigned>(jpeg_.num_components);
    if (jpeg_has_multiple_scans(&jpeg_) == FALSE) return bytes;
    for (int i = 0; i < jpeg_.num_components; ++i) {
      const jpeg_component_info& component = jpeg_.comp_info[i];
      const auto blocks = [](JDIMENSION count, int factor) {
        const auto step = static_cast<std::uint64_t>(factor);
        return (count + step - 1) / step * step;
      };
      bytes += sizeof(JBLOCK) * blocks(component.width_in_blocks, component.h_samp_factor) *
               blocks(component.height_in_blocks, component.v_samp_factor);
    }
    return bytes;
  }

  bool start() {
    if (setjmp(jump_) != 0) return false;
    return jpeg_start_decompress(&jpeg_) == TRUE;
  }

  bool read_row(std::uint8_t* row) {
    if (setjmp(jump_) != 0) return false;
    jpeg_read_scanlines(&jpeg_, &row, 1);
    return true;
  }

  bool finish() {
    if (setjmp(jump_) != 0) return false;
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  int orientation() const {
    for (auto* marker = jpeg_.marker_list; marker != nullptr; marker = marker->next) {
      const std::span<const std::uint8_t> data(marker->data, marker->data_length);
      if (marker->marker == kExifMarker && data.size() > kExifHeader.size() &&
          std::equal(kExifHeader.begin(), kExifHeader.end(), data.begin())) {
        return exif_orientation(data.subspan(kExifHeader.size()));
      }
    }
    return 1;
  }

  std::unexpected<Error> error() {
    switch (stop_) {
      case Stop::kTruncated:
        return truncated(ImageFormat::kJpeg);
      case Stop::kTime:
        return too_slow(ImageFormat::kJpeg);
      case Stop::kScans:
        return fail(ErrorCode::kTooLarge,
                    fmt::format("the JPEG has more than {} scans", max_scans_));
      default:
        break;
    }
    if (errors_.msg_code == JERR_OUT_OF_MEMORY) return out_of_memory();
    std::array<char, JMSG_LENGTH_MAX> message{};
    errors_.format_message(reinterpret_cast<j_common_ptr>(&jpeg_), message.data());
    return damaged(ImageFormat::kJpeg, message.data());
  }

  const jpeg_decompress_struct& jpeg() const { return jpeg_; }

 private:
  static Decompressor& self(j_common_ptr common) {
    return *static_cast<Decompressor*>(common->client_data);
  }

  bool create(ImageBytes bytes) {
    if (setjmp(jump_) != 0) return false;
    void* const client = jpeg_.client_data;
    jpeg_create_decompress(&jpeg_);
    jpeg_.client_data = client;
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, data_of(bytes), bytes.size());
    return true;
  }

  [[noreturn]] void fail_with(Stop stop) {
    stop_ = stop;
    std::longjmp(jump_, 1);
  }

  // Most warnings are harmless, but not those of missing or damaged data.
  void on_warning(int level) {
    if (level >= 0) return;
    const int code = errors_.msg_code;
    if (code == JWRN_JPEG_EOF) fail_with(Stop::kTruncated);
    if (code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE) fail_with(Stop::kError);
  }

  void check_progress() {
    if (jpeg_.input_scan_number > max_scans_) fail_with(Stop::kScans);
    if (deadline_.is_over()) fail_with(Stop::kTime);
  }

  jpeg_decompress_struct jpeg_;
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  Deadline deadline_;
  int max_scans_;
  Stop stop_ = Stop::kNone;
  bool created_ = false;
};

std::uint8_t complement(std::uint8_t ink) { return static_cast<std::uint8_t>(255 - ink); }

// `inverted`: the file has Adobe's marker, whose writers store inks inverted.
void cmyk_to_rgb(const std::vector<std::uint8_t>& cmyk, bool inverted, std::uint8_t* rgb) {
  for (std::size_t in = 0; in < cmyk.size(); in += 4, rgb += 3) {
    const unsigned k = inverted ? cmyk[in + 3] : 255U - cmyk[in + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned ink = inverted ? cmyk[in + c] : 255U - cmyk[in + c];
      rgb[c] = static_cast<std::uint8_t>((ink * k + 127) / 255);
    }
  }
}

ImageInfo jpeg_info(const Decompressor& decompressor, JDIMENSION width, JDIMENSION height) {
  return {.format = ImageFormat::kJpeg,
          .width = static_cast<int>(width),
          .height = static_cast<int>(height),
          .orientation = decompressor.orientation()};
}

}  // namespace

Result<ImageInfo> probe_jpeg(ImageBytes bytes) {
  Decompressor decompressor(bytes, DecodeLimits{});
  if (!decompressor.read_header()) return decompressor.error();
  const auto& jpeg = decompressor.jpeg();
  return jpeg_info(decompressor, jpeg.image_width, jpeg.image_height);
}

Result<DecodeReport> decode_jpeg(ImageBytes bytes, const DecodeLimits& limits,
                                 int min_shortest_side, RowSink& sink) {
  Decompressor decompressor(bytes, limits);
  if (!decompressor.read_header()) return decompressor.error();
  const auto& jpeg = decompressor.jpeg();
  if (auto valid = check_size(ImageFormat::kJpeg, jpeg.image_width, jpeg.image_height, limits);
      !valid) {
    return std::unexpected(valid.error());
  }
  if (!decompressor.choose_scale(min_shortest_side)) return decompressor.error();
  ImageInfo decoded = jpeg_info(decompressor, jpeg.output_width, jpeg.output_height);
  const bool inks = jpeg.output_components == 4;
  const auto profile = jpeg_profile({data_of(bytes), bytes.size()});
  const auto ink_colours = inks ? ink_transform(profile) : nullptr;
  if (!inks) decoded.colour = colour_transform(profile);
  if (auto started = codecs::start(sink, decoded, decompressor.memory(), limits); !started)
    return std::unexpected(started.error());
  if (!decompressor.start()) return decompressor.error();
  std::vector<std::uint8_t> cmyk(inks ? 4UL * jpeg.output_width : 0);
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* const row = sink.next_row();
    if (!decompressor.read_row(inks ? cmyk.data() : row)) return decompressor.error();
    if (ink_colours) {
      if (jpeg.saw_Adobe_marker == TRUE) std::ranges::transform(cmyk, cmyk.begin(), complement);
      ink_colours->apply(cmyk.data(), jpeg.output_width, row);
    } else if (inks) {
      cmyk_to_rgb(cmyk, jpeg.saw_Adobe_marker == TRUE, row);
    }
    sink.row_done();
  }
  if (!decompressor.finish()) return decompressor.error();
  return {};
}

}  // namespace classifier::codecs
