// GIF (https://www.w3.org/Graphics/GIF/spec-gif89a.txt): the first image, on its canvas. Read here,
// since giflib refuses codes that browsers show, and shows nothing of a file that is cut off.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "adapters/image/metadata.hpp"

namespace classifier::codecs {
namespace {

constexpr unsigned kMostCodeBits = 12;

// The compressed data of a frame, which are in blocks of up to 255 bytes, as codes.
class GifCodes {
 public:
  GifCodes(FileBytes file, std::size_t at) : file_(file), at_(at) {}

  // nullopt at the end of the data.
  std::optional<unsigned> next(unsigned bits) {
    while (count_ < bits) {
      if (block_ == 0) {
        if (at_ >= file_.size()) ended_early_ = true;
        if (at_ >= file_.size() || file_[at_] == 0) return std::nullopt;
        block_ = file_[at_++];
      }
      if (at_ >= file_.size()) {
        ended_early_ = true;
        return std::nullopt;
      }
      bits_ |= static_cast<std::uint32_t>(file_[at_++]) << count_;
      count_ += 8;
      --block_;
    }
    const unsigned code = bits_ & ((1U << bits) - 1);
    bits_ >>= bits;
    count_ -= bits;
    return code;
  }

  bool ended_early() const { return ended_early_; }

 private:
  FileBytes file_;
  std::size_t at_;
  std::size_t block_ = 0;  // bytes that are left of it
  std::uint32_t bits_ = 0;
  unsigned count_ = 0;
  bool ended_early_ = false;
};

// The colour indexes of a frame, one after the other.
class GifIndexes {
 public:
  // `literal_bits` are 1 to 11: the specification ends at 8, browsers at 11.
  GifIndexes(FileBytes file, std::size_t at, unsigned literal_bits)
      : codes_(file, at), literal_bits_(literal_bits), clear_(1U << literal_bits) {
    for (unsigned i = 0; i < clear_; ++i) strings_[i] = {.last = static_cast<std::uint8_t>(i)};
    reset();
  }

  // Returns how many of the next indexes there are.
  std::size_t read(std::uint8_t* target, std::size_t wanted) {
    std::size_t done = 0;
    while (done < wanted) {
      if (pending_size_ == 0 && !decode_string()) break;
      const std::size_t part = std::min(wanted - done, pending_size_);
      std::memcpy(target + done, pending_.data() + pending_.size() - pending_size_, part);
      pending_size_ -= part;
      done += part;
    }
    return done;
  }

  bool ended_early() const { return codes_.ended_early(); }

 private:
  // A string is another one and its last index.
  struct String {
    std::uint16_t before = 0;
    std::uint16_t size = 1;
    std::uint8_t first = 0;
    std::uint8_t last = 0;
  };

  void reset() {
    bits_ = literal_bits_ + 1;
    next_ = clear_ + 2;
    previous_ = std::nullopt;
  }

  // The string of the next code into `pending_`; false at the end, or where a code is not valid.
  bool decode_string() {
    for (;;) {
      const auto code = codes_.next(bits_);
      if (!code || *code == clear_ + 1) return false;
      if (*code == clear_) {
        reset();
        continue;
      }
      if (*code > next_ || (*code == next_ && !previous_)) return false;
      if (previous_ && next_ < strings_.size()) add_string(*code);
      if (*code >= next_) return false;
      previous_ = code;
      put(*code);
      return true;
    }
  }

  // The string of the code before and the first index of this one, which may be that new string.
  void add_string(unsigned code) {
    const String& before = strings_[*previous_];
    const std::uint8_t last = code == next_ ? first_of(*previous_) : first_of(code);
    strings_[next_] = {.before = static_cast<std::uint16_t>(*previous_),
                       .size = static_cast<std::uint16_t>(before.size + 1),
                       .first = first_of(*previous_),
                       .last = last};
    ++next_;
    if (next_ == 1U << bits_ && bits_ < kMostCodeBits) ++bits_;
  }

  std::uint8_t first_of(unsigned code) const {
    return code < clear_ ? strings_[code].last : strings_[code].first;
  }

  void put(unsigned code) {
    pending_size_ = strings_[code].size;
    for (std::size_t at = pending_.size(); at-- > pending_.size() - pending_size_;) {
      pending_[at] = strings_[code].last;
      code = strings_[code].before;
    }
  }

  GifCodes codes_;
  unsigned literal_bits_;
  unsigned clear_;  // this code empties the table; the next one ends the data
  unsigned bits_ = 0;
  unsigned next_ = 0;  // the code of the next new string
  std::optional<unsigned> previous_;
  std::array<String, 1U << kMostCodeBits> strings_{};
  std::array<std::uint8_t, (1U << kMostCodeBits) + 1> pending_{};  // its end is to be read
  std::size_t pending_size_ = 0;
};

// The rows of an interlaced image are stored in four passes.
struct GifPass {
  int first, step;
};
constexpr std::array<GifPass, 4> kGifPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};

// The colour indexes of a frame, row by row from the top; of an interlaced one they are all read
// first.
class GifRows {
 public:
  GifRows(const GifFrame& frame, GifIndexes& indexes)
      : frame_(frame),
        indexes_(indexes),
        width_(static_cast<std::size_t>(frame.width)),
        rows_(memory(frame)) {
    if (!frame.interlaced) return;
    for (std::size_t pass = 0; pass < kGifPasses.size() && !ended_; ++pass) {
      for (int y = kGifPasses[pass].first; y < frame.height; y += kGifPasses[pass].step) {
        if (!read(at(y))) break;
      }
    }
    if (there_ < frame.height) fill_gaps();
  }

  static std::uint64_t memory(const GifFrame& frame) {
    return static_cast<std::uint64_t>(frame.width) *
           static_cast<std::uint64_t>(frame.interlaced ? frame.height : 1);
  }

  // Null where the row is missing.
  const std::uint8_t* row(int y) {
    if (frame_.interlaced) return there_ > 0 ? at(y) : nullptr;
    return read(rows_.data()) ? rows_.data() : nullptr;
  }

  int there() const { return there_; }

 private:
  std::uint8_t* at(int y) { return &rows_[static_cast<std::size_t>(y) * width_]; }

  bool read(std::uint8_t* row) {
    if (ended_ || indexes_.read(row, width_) < width_) {
      ended_ = true;
      return false;
    }
    ++there_;
    return true;
  }

  // Rows that are missing become those above them that are there.
  void fill_gaps() {
    int index = 0;
    for (std::size_t pass = 0; pass < kGifPasses.size(); ++pass) {
      const auto [first, step] = kGifPasses[pass];
      for (int y = first; y < frame_.height; y += step, ++index) {
        if (index < there_) continue;
        const int above = pass == 0 ? y - step : y - first;
        if (above >= 0) std::copy_n(at(above), width_, at(y));
      }
    }
  }

  const GifFrame& frame_;
  GifIndexes& indexes_;
  std::size_t width_;
  std::vector<std::uint8_t> rows_;
  int there_ = 0;
  bool ended_ = false;
};

// Draws a row of the frame on a row of the canvas.
void paint_row(std::uint8_t* canvas, const GifFrame& frame, const std::uint8_t* indexes) {
  std::uint8_t* pixel = canvas + 3 * static_cast<std::size_t>(frame.left);
  const std::size_t colours = frame.colours.size() / 3;
  for (int i = 0; i < frame.width; ++i, pixel += 3) {
    const std::size_t index = indexes[i];
    if (std::cmp_equal(index, frame.transparent) || index >= colours) continue;
    std::memcpy(pixel, &frame.colours[3 * index], 3);
  }
}

ImageInfo gif_info(int width, int height) {
  return {.format = ImageFormat::kGif, .width = width, .height = height};
}

}  // namespace

Result<ImageInfo> probe_gif(ImageBytes bytes) {
  const GifFrame frame = read_gif_frame({data_of(bytes), bytes.size()});
  if (frame.data == 0) return truncated(ImageFormat::kGif);
  return gif_info(frame.canvas_width, frame.canvas_height);
}

Result<DecodeReport> decode_gif(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  Deadline deadline(limits);
  const FileBytes file(data_of(bytes), bytes.size());
  const GifFrame frame = read_gif_frame(file);
  if (frame.data == 0) {
    const bool has_end = file.back() == ';';
    if (has_end) return damaged(ImageFormat::kGif, "it has no picture");
    return truncated(ImageFormat::kGif);
  }
  const ImageInfo canvas = gif_info(frame.canvas_width, frame.canvas_height);
  if (auto valid = check_size(ImageFormat::kGif, canvas.width, canvas.height, limits); !valid)
    return std::unexpected(valid.error());
  if (auto valid = check_size(ImageFormat::kGif, frame.width, frame.height, limits); !valid)
    return std::unexpected(valid.error());
  const unsigned literal_bits = ByteReader{file}.u8(frame.data);
  if (frame.data >= file.size()) return truncated(ImageFormat::kGif);
  if (literal_bits < 1 || literal_bits >= kMostCodeBits)
    return damaged(ImageFormat::kGif, fmt::format("its codes begin with {} bits", literal_bits));
  // Browsers show nothing of it.
  if (frame.colours.empty()) return damaged(ImageFormat::kGif, "it has no colour table");
  if (auto started = start(sink, canvas, GifRows::memory(frame) + sizeof(GifIndexes), limits);
      !started) {
    return std::unexpected(started.error());
  }
  GifIndexes indexes(file, frame.data + 1, literal_bits);
  GifRows rows(frame, indexes);
  for (int y = 0; y < canvas.height; ++y) {
    if (deadline.is_over()) return too_slow(ImageFormat::kGif);
    std::uint8_t* const target = sink.next_row();
    std::fill_n(target, 3 * static_cast<std::size_t>(canvas.width), 255);
    if (y >= frame.top && y < frame.top + frame.height) {
      const std::uint8_t* const row = rows.row(y - frame.top);
      if (row != nullptr) {
        paint_row(target, frame, row);
      } else {
        std::fill_n(target + 3 * static_cast<std::size_t>(frame.left),
                    3 * static_cast<std::size_t>(frame.width), kMissing);
      }
    }
    sink.row_done();
  }
  const double there = static_cast<double>(rows.there()) / frame.height;
  auto reported = report(ImageFormat::kGif,
                         {.there = there, .ended_early = indexes.ended_early(), .detail = {}});
  if (reported && there < 1 && frame.interlaced) {
    reported->warning = indexes.ended_early() ? "the file ends early: the picture has less detail"
                                              : "the file is damaged: the picture has less detail";
  }
  return reported;
}

}  // namespace classifier::codecs
