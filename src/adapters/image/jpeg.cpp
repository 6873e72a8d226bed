// JPEG, with the libjpeg API of libjpeg-turbo, which allows limits on scans and time.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csetjmp>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>

// clang-format off: jpeglib.h needs the headers before it.
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "adapters/image/icc.hpp"
#include "adapters/image/metadata.hpp"

namespace classifier::codecs {
namespace {

enum class Stop { kNone, kError, kTime, kScans };

// Coded data have no run of equal bytes as long as this, unless the picture is flat.
constexpr std::size_t kLongRun = 64;
// One of which it is worth to look for in every file: a sector of a disk is not smaller.
constexpr std::size_t kSector = 256;

// The codes of one block of an MCU; `dc` is null where a progressive scan has none.
struct BlockCodes {
  const JHUFF_TBL* dc = nullptr;
  const JHUFF_TBL* ac = nullptr;
};

// How many bits a block takes, on average, in data of this byte only, from bit `at` on: few, where
// a flat picture may be coded so; infinite, where no picture can. Blocks have the coefficients from
// `first` to `last`.
double bits_per_block(std::uint8_t byte, unsigned at, std::span<const BlockCodes> mcu, int first,
                      int last) {
  constexpr std::size_t kBlocks = 48;
  const unsigned begin = at;
  bool valid = true;
  // ITU T.81, F.2.2.3
  const auto next_symbol = [&](const JHUFF_TBL& table) -> unsigned {
    unsigned code = 0;
    unsigned lowest = 0;
    unsigned index = 0;
    for (std::size_t length = 1; length <= 16; ++length) {
      code = code << 1U | (byte >> (7U - at % 8) & 1U);
      ++at;
      if (code - lowest < table.bits[length]) return table.huffval[(index + code - lowest) & 0xFFU];
      index += table.bits[length];
      lowest = (lowest + table.bits[length]) << 1U;
    }
    valid = false;
    return 0;
  };
  for (std::size_t block = 0; block < kBlocks; ++block) {
    const BlockCodes& codes = mcu[block % mcu.size()];
    if (codes.dc != nullptr) at += next_symbol(*codes.dc) & 0xFU;
    for (int k = first; k <= last; ++k) {
      const unsigned symbol = next_symbol(*codes.ac);
      const unsigned size = symbol & 0xFU;
      if (size == 0 && symbol != 0xF0) {
        at += symbol >> 4U;  // the number of blocks that end here
        break;
      }
      k += static_cast<int>(symbol >> 4U);
      at += size;
    }
  }
  return valid ? static_cast<double>(at - begin) / kBlocks
               : std::numeric_limits<double>::infinity();
}

// One decompression. libjpeg goes on where data are missing or damaged, with grey or with what it
// makes of them, and warns; what is lost is counted here, in shares of the picture. libjpeg's
// errors leave it by longjmp, so each method that calls it has a setjmp of its own, and no objects
// with destructors after that.
class Decompressor {
 public:
  Decompressor(ImageBytes bytes, const DecodeLimits& limits)
      : file_(data_of(bytes), bytes.size()), deadline_(limits), max_scans_(limits.max_scans) {
    std::memset(&jpeg_, 0, sizeof jpeg_);
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_.client_data = this;
    errors_.error_exit = [](j_common_ptr common) { self(common).fail_with(Stop::kError); };
    errors_.emit_message = [](j_common_ptr common, int level) { self(common).on_warning(level); };
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = [](j_common_ptr common) { self(common).check_progress(); };
    created_ = create();
  }
  ~Decompressor() {
    if (created_) jpeg_destroy_decompress(&jpeg_);
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  bool read_header() {
    if (!created_ || setjmp(jump_) != 0) return false;
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
    run_ = find_run(file_.subspan(position()), kSector);
    return jpeg_start_decompress(&jpeg_) == TRUE;
  }

  bool read_row(std::uint8_t* row) {
    if (setjmp(jump_) != 0) return false;
    jpeg_read_scanlines(&jpeg_, &row, 1);
    return true;
  }

  // Reads what is behind the rows; what cannot be read there does no harm.
  void finish() {
    if (setjmp(jump_) != 0) return;
    check_run();
    jpeg_finish_decompress(&jpeg_);
  }

  // The file up to where start() met with what libjpeg refuses, without it; empty where it had no
  // whole scan by then.
  ImageBytes good_part() const {
    if (stop_ != Stop::kError || errors_.msg_code == JERR_OUT_OF_MEMORY) return {};
    return std::as_bytes(file_.first(end_of_scan_));
  }

  // After start(): whether scans are missing that other ones have announced.
  bool lacks_scans() const {
    if (!ended_) return false;
    if (jpeg_.coef_bits == nullptr)  // not progressive
      return components_seen_ != (1U << static_cast<unsigned>(jpeg_.num_components)) - 1;
    for (int i = 0; i < jpeg_.num_components; ++i) {
      if (std::ranges::any_of(std::span(jpeg_.coef_bits[i], DCTSIZE2),
                              [](int missing) { return missing != 0; }))
        return true;
    }
    return false;
  }

  // The share of the picture that is missing or wrong.
  double lost() const { return (components_seen_ & 1U) == 0 ? 1 : std::min(lost_, 1.0); }
  bool lost_detail() const { return lost_detail_; }
  bool ended() const { return ended_; }
  bool ends_early() const { return ended_ && !damaged_inside_; }
  // Whether all data of all scans were used; after finish().
  bool is_whole() const { return lost_ == 0 && !lost_detail_ && !has_rest_; }

  std::unexpected<Error> error() {
    switch (stop_) {
      case Stop::kTime:
        return too_slow(ImageFormat::kJpeg);
      case Stop::kScans:
        return fail(ErrorCode::kTooLarge,
                    fmt::format("the JPEG has more than {} scans", max_scans_));
      default:
        break;
    }
    if (errors_.msg_code == JERR_OUT_OF_MEMORY) return out_of_memory();
    if (ended_) return truncated(ImageFormat::kJpeg);
    std::array<char, JMSG_LENGTH_MAX> message{};
    errors_.format_message(reinterpret_cast<j_common_ptr>(&jpeg_), message.data());
    return damaged(ImageFormat::kJpeg, message.data());
  }

  const jpeg_decompress_struct& jpeg() const { return jpeg_; }

 private:
  static Decompressor& self(j_common_ptr common) {
    return *static_cast<Decompressor*>(common->client_data);
  }

  bool create() {
    if (setjmp(jump_) != 0) return false;
    void* const client = jpeg_.client_data;
    jpeg_create_decompress(&jpeg_);
    jpeg_.client_data = client;
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, file_.data(), file_.size());
    jpeg_.src->resync_to_restart = [](j_decompress_ptr jpeg, int wanted) {
      const boolean done = jpeg_resync_to_restart(jpeg, wanted);
      self(reinterpret_cast<j_common_ptr>(jpeg)).on_wrong_restart();
      return done;
    };
    return true;
  }

  [[noreturn]] void fail_with(Stop stop) {
    stop_ = stop;
    std::longjmp(jump_, 1);
  }

  void on_warning(int level) {
    if (level >= 0) return;
    switch (errors_.msg_code) {
      case JWRN_JPEG_EOF:
        ended_ = true;
        // Arithmetic coding goes on with zeros, and may have left out the last ones.
        if (jpeg_.arith_code == TRUE && jpeg_.input_iMCU_row + 1 < jpeg_.total_iMCU_rows)
          on_end_of_data();
        break;
      case JWRN_HIT_MARKER:
      case JWRN_ARITH_BAD_CODE:
        on_end_of_data();
        break;
      case JWRN_HUFF_BAD_CODE:
        damaged_inside_ = true;
        lose(1 / mcus_in_scan());
        break;
      case JWRN_EXTRANEOUS_DATA:
        if (jpeg_.input_scan_number == 0) break;  // between segments of the header
        has_rest_ = true;
        // By itself a rest does no harm: some cameras write one, of files that are not progressive.
        // But it is also what is left where a part of the data was overwritten.
        lose_run(run_behind_marker());
        if (jpeg_.progressive_mode == TRUE && !ended_) lost_detail_ = damaged_inside_ = true;
        break;
      default:
        break;
    }
  }

  // The data of a scan, or of the interval up to a restart marker, end before their picture does.
  void on_end_of_data() {
    if (position() == lost_interval_at_) return;
    if (!ended_) damaged_inside_ = true;
    const auto run = run_behind_marker();
    if (!run.empty() && !may_be_flat(run.front())) lose_run(run);
    const double interval = interval_share();
    const double block = 1 / mcus_in_scan();  // at least one is missing
    lose(interval - std::fmod(std::min(share_now(), 1 - block), interval));
  }

  // A restart marker is missing or has another number. libjpeg leaves it where the interval that
  // should begin is missing.
  void on_wrong_restart() {
    if (jpeg_.unread_marker == 0) return;
    if (!ended_) damaged_inside_ = true;
    lost_interval_at_ = position();
    lose(interval_share());
  }

  // The first long run of equal bytes behind the last marker; none where it ends the data, which is
  // padding.
  std::span<const std::uint8_t> run_behind_marker() const {
    std::size_t end = position();
    if (jpeg_.unread_marker != 0 && !ended_ && end >= 2) end -= 2;
    std::size_t begin = end;
    while (begin > 2 && (file_[begin - 2] != 0xFF || file_[begin - 1] == 0)) --begin;
    const auto data = file_.subspan(begin, end - begin);
    const auto run = find_run(data, kLongRun);
    const bool is_padding = run.data() + run.size() == data.data() + data.size();
    return is_padding ? std::span<const std::uint8_t>() : run;
  }

  // What was decoded from it.
  void lose_run(std::span<const std::uint8_t> run) {
    if (run.empty() || run.data() == lost_run_) return;
    lost_run_ = run.data();
    damaged_inside_ = true;
    const std::size_t end = jpeg_has_multiple_scans(&jpeg_) == TRUE ? position() : file_.size();
    lose(static_cast<double>(run.size()) /
         static_cast<double>(std::max(end - scan_at_, run.size())));
  }

  // Whether many flat blocks, or the same pattern again and again, may be coded in this byte.
  bool may_be_flat(std::uint8_t byte) const {
    const bool has_codes = jpeg_.arith_code == FALSE && jpeg_.Ah == 0;
    // A progressive scan of means has few bits for a block anyway.
    if (!has_codes || (jpeg_.progressive_mode == TRUE && jpeg_.Ss == 0)) return true;
    std::array<BlockCodes, D_MAX_BLOCKS_IN_MCU> mcu;
    const auto blocks = static_cast<std::size_t>(jpeg_.blocks_in_MCU);
    for (std::size_t i = 0; i < blocks; ++i) {
      const jpeg_component_info& component = *jpeg_.cur_comp_info[jpeg_.MCU_membership[i]];
      mcu[i].ac = jpeg_.ac_huff_tbl_ptrs[component.ac_tbl_no];
      if (jpeg_.Ss == 0) mcu[i].dc = jpeg_.dc_huff_tbl_ptrs[component.dc_tbl_no];
      if (mcu[i].ac == nullptr) return true;
    }
    constexpr double kFlat = 24;
    for (unsigned at = 0; at < 8; ++at) {
      if (bits_per_block(byte, at, std::span(mcu).first(blocks), std::max(jpeg_.Ss, 1), jpeg_.Se) <=
          kFlat)
        return true;
    }
    return false;
  }

  // A run that was seen in the file before it was decoded.
  void check_run() {
    if (run_.empty() || ended_ || position() < position_of(run_) + run_.size()) return;
    const auto run = std::exchange(run_, {});
    if (position_of(run) >= scan_at_ && !may_be_flat(run.front())) lose_run(run);
  }

  std::size_t position_of(std::span<const std::uint8_t> part) const {
    return static_cast<std::size_t>(part.data() - file_.data());
  }

  // Of scans behind the first one that has every pixel, a part that is lost is detail.
  void lose(double share) {
    bool has_pixels = jpeg_.Ss == 0 && jpeg_.Ah == 0;
    has_pixels = has_pixels && jpeg_.cur_comp_info[0] == &jpeg_.comp_info[0];
    if (has_pixels) {
      lost_ += share;
    } else {
      lost_detail_ = true;
    }
  }

  // How many bytes libjpeg has taken.
  std::size_t position() const {
    return ended_ ? file_.size()
                  : static_cast<std::size_t>(jpeg_.src->next_input_byte - file_.data());
  }

  double mcus_in_scan() const {
    return std::max(static_cast<double>(jpeg_.MCUs_per_row) * jpeg_.MCU_rows_in_scan, 1.0);
  }

  double interval_share() const {
    return jpeg_.restart_interval == 0 ? 1 : std::min(jpeg_.restart_interval / mcus_in_scan(), 1.0);
  }

  // How much of the picture the scan has reached. Within a row of MCUs, which libjpeg does not
  // tell, rows are taken to have as many bytes as the one before.
  double share_now() const {
    const auto bytes = static_cast<double>(position() - std::min(row_at_, position()));
    const double part = row_bytes_ > 0 ? std::min(bytes / row_bytes_, 1.0) : 0.5;
    const double row_height = jpeg_.max_v_samp_factor * DCTSIZE;
    return std::min((jpeg_.input_iMCU_row + part) * row_height / jpeg_.image_height, 1.0);
  }

  void check_progress() {
    if (jpeg_.input_scan_number > max_scans_) fail_with(Stop::kScans);
    if (deadline_.is_over()) fail_with(Stop::kTime);
    check_run();
    if (jpeg_.input_scan_number != scan_) {
      scan_ = jpeg_.input_scan_number;
      row_ = 0;
      row_bytes_ = 0;
      scan_at_ = row_at_ = position();
      for (int i = 0; i < jpeg_.comps_in_scan; ++i)
        components_seen_ |= 1U << static_cast<unsigned>(jpeg_.cur_comp_info[i]->component_index);
    } else if (jpeg_.input_iMCU_row != row_) {
      row_ = jpeg_.input_iMCU_row;
      row_bytes_ = static_cast<double>(position() - row_at_);
      row_at_ = position();
    }
    // Between two scans; the marker that follows has been taken already.
    if (row_ == jpeg_.total_iMCU_rows && !ended_)
      end_of_scan_ = position() - (jpeg_.unread_marker != 0 ? 2 : 0);
  }

  std::span<const std::uint8_t> file_;
  jpeg_decompress_struct jpeg_;
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  Deadline deadline_;
  int max_scans_;
  Stop stop_ = Stop::kNone;
  bool created_ = false;

  double lost_ = 0;
  bool lost_detail_ = false;
  bool damaged_inside_ = false;
  bool ended_ = false;     // the file, before its end marker
  bool has_rest_ = false;  // bytes before a marker that were not used
  std::size_t lost_interval_at_ = static_cast<std::size_t>(-1);
  unsigned components_seen_ = 0;       // bits
  std::span<const std::uint8_t> run_;  // of equal bytes
  const std::uint8_t* lost_run_ = nullptr;
  std::size_t scan_at_ = 0;
  std::size_t end_of_scan_ = 0;
  int scan_ = 0;
  JDIMENSION row_ = 0;  // of MCUs, in this scan
  std::size_t row_at_ = 0;
  double row_bytes_ = 0;  // of the row before
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

ImageInfo jpeg_info(const JpegMetadata& metadata, JDIMENSION width, JDIMENSION height) {
  return {.format = ImageFormat::kJpeg,
          .width = static_cast<int>(width),
          .height = static_cast<int>(height),
          .orientation = orientation_of(metadata.exif, metadata.xmp)};
}

// Why the header cannot be read.
std::unexpected<Error> header_error(ImageBytes bytes, Decompressor& decompressor) {
  const JpegMetadata metadata = read_jpeg_metadata({data_of(bytes), bytes.size()});
  const auto unsupported = [](const std::string& what) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("the JPEG is {}, which is not supported: save it as an ordinary JPEG "
                            "or as PNG, for example with XnConvert",
                            what));
  };
  switch (metadata.frame) {
    case 0:
      break;
    case 0xF7:
      return unsupported("in the format JPEG-LS");
    case 0xC3:
    case 0xC7:
    case 0xCB:
    case 0xCF:
      return unsupported("compressed without loss");
    case 0xC5:
    case 0xC6:
    case 0xCD:
    case 0xCE:
      return unsupported("hierarchical");
    default:
      if (metadata.bits != 8 && metadata.bits != 0)
        return unsupported(fmt::format("of {} bits for each colour", metadata.bits));
  }
  return decompressor.error();
}

// Copies that were interrupted have zeros, or another byte, up to their full size. Without such an
// end libjpeg finds no picture in it. Data of a flat picture may end so too, and need it.
ImageBytes without_empty_end(ImageBytes bytes, const DecodeLimits& limits) {
  const std::span<const std::uint8_t> file(data_of(bytes), bytes.size());
  std::size_t end = file.size();
  while (end > 2 && file[end - 2] == file.back()) --end;
  --end;
  if (file.size() - end < kLongRun || end < 2) return bytes;
  if (file[end - 2] == 0xFF && file[end - 1] == JPEG_EOI) return bytes;
  Decompressor trial(bytes, limits);
  if (!trial.read_header() || !trial.choose_scale(1) || !trial.start()) return bytes.first(end);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(trial.jpeg().output_width) * 4);
  while (trial.jpeg().output_scanline < trial.jpeg().output_height) {
    if (!trial.read_row(row.data())) return bytes.first(end);
  }
  trial.finish();
  return trial.is_whole() ? bytes : bytes.first(end);
}

}  // namespace

Result<ImageInfo> probe_jpeg(ImageBytes bytes) {
  Decompressor decompressor(bytes, DecodeLimits{});
  if (!decompressor.read_header()) return header_error(bytes, decompressor);
  const auto& jpeg = decompressor.jpeg();
  return jpeg_info(read_jpeg_metadata({data_of(bytes), bytes.size()}), jpeg.image_width,
                   jpeg.image_height);
}

Result<DecodeReport> decode_jpeg(ImageBytes bytes, const DecodeLimits& limits,
                                 int min_shortest_side, RowSink& sink) {
  std::optional<Decompressor> decompressor(std::in_place, bytes, limits);
  if (!decompressor->read_header()) return header_error(bytes, *decompressor);
  const auto& jpeg = decompressor->jpeg();
  if (auto valid = check_size(ImageFormat::kJpeg, jpeg.image_width, jpeg.image_height, limits);
      !valid) {
    return std::unexpected(valid.error());
  }
  if (!decompressor->choose_scale(min_shortest_side)) return decompressor->error();
  const JpegMetadata metadata = read_jpeg_metadata({data_of(bytes), bytes.size()});
  ImageInfo decoded = jpeg_info(metadata, jpeg.output_width, jpeg.output_height);
  const bool inks = jpeg.output_components == 4;
  const auto profile = jpeg_profile(metadata);
  const auto ink_colours = inks ? ink_transform(profile) : nullptr;
  if (!inks) decoded.colour = colour_transform(profile);
  if (auto started = codecs::start(sink, decoded, decompressor->memory(), limits); !started)
    return std::unexpected(started.error());
  const auto restart = [&](ImageBytes part) {
    decompressor.emplace(part, limits);
    return decompressor->read_header() && decompressor->choose_scale(min_shortest_side) &&
           decompressor->start();
  };
  bool refused = false;
  const ImageBytes used = without_empty_end(bytes, limits);
  if (!(used.size() == bytes.size() ? decompressor->start() : restart(used))) {
    // Of several scans the first ones may be whole. Then the others are as if they were missing.
    const ImageBytes good = decompressor->good_part();
    if (good.empty()) return decompressor->error();
    refused = !decompressor->ended();
    if (!restart(good)) return decompressor->error();
  }
  std::vector<std::uint8_t> cmyk(inks ? 4UL * jpeg.output_width : 0);
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* const row = sink.next_row();
    if (!decompressor->read_row(inks ? cmyk.data() : row)) return decompressor->error();
    if (ink_colours) {
      if (jpeg.saw_Adobe_marker == TRUE) std::ranges::transform(cmyk, cmyk.begin(), complement);
      ink_colours->apply(cmyk.data(), jpeg.output_width, row);
    } else if (inks) {
      cmyk_to_rgb(cmyk, jpeg.saw_Adobe_marker == TRUE, row);
    }
    sink.row_done();
  }
  const bool lacks_scans = decompressor->lacks_scans();
  decompressor->finish();
  const bool ends_early = decompressor->ends_early() && !refused;
  if (decompressor->lost() == 0 && (lacks_scans || decompressor->lost_detail())) {
    return DecodeReport{ends_early ? "the file ends early: the picture has less detail"
                                   : "the file is damaged: the picture has less detail"};
  }
  return report(ImageFormat::kJpeg,
                {.there = 1 - decompressor->lost(), .ended_early = ends_early, .detail = {}});
}

}  // namespace classifier::codecs
