// GIF, with giflib: the first image, on its canvas.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "adapters/image/codecs.hpp"

namespace classifier::codecs {
namespace {

struct Source {
  ImageBytes rest;
  bool ended = false;
};

int read_source(GifFileType* gif, GifByteType* target, int size) {
  auto& source = *static_cast<Source*>(gif->UserData);
  const std::size_t count =
      std::min(static_cast<std::size_t>(std::max(size, 0)), source.rest.size());
  std::memcpy(target, source.rest.data(), count);
  source.rest = source.rest.subspan(count);
  if (std::cmp_less(count, size)) source.ended = true;
  return static_cast<int>(count);
}

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

class Reader {
 public:
  explicit Reader(ImageBytes bytes) : source_{bytes} {
    gif_.reset(DGifOpen(&source_, read_source, &code_));
  }

  bool is_open() const { return gif_ != nullptr; }
  GifFileType& gif() { return *gif_; }

  std::unexpected<Error> error() {
    if (source_.ended) return truncated(ImageFormat::kGif);
    const int code = gif_ ? gif_->Error : code_;
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM) return out_of_memory();
    const char* text = GifErrorString(code);
    return damaged(ImageFormat::kGif, text != nullptr ? text : "its structure is not valid");
  }

  // Advances to the first image; sets `transparent` to the index of its transparent colour, if any.
  bool find_first_image(int& transparent) {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    while (DGifGetRecordType(gif_.get(), &type) == GIF_OK) {
      if (type == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif_.get()) == GIF_OK;
      if (type != EXTENSION_RECORD_TYPE) return false;
      int code = 0;
      GifByteType* block = nullptr;
      if (DGifGetExtension(gif_.get(), &code, &block) != GIF_OK) return false;
      while (block != nullptr) {
        GraphicsControlBlock control{};
        if (code == GRAPHICS_EXT_FUNC_CODE &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
          transparent = control.TransparentColor;
        }
        if (DGifGetExtensionNext(gif_.get(), &block) != GIF_OK) return false;
      }
    }
    return false;
  }

 private:
  Source source_;
  int code_ = 0;
  std::unique_ptr<GifFileType, CloseGif> gif_;
};

// The rows of an interlaced image are stored in four passes.
struct Pass {
  int first, step;
};
constexpr std::array<Pass, 4> kInterlaced{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};

// Draws a row of the frame on a row of the canvas, as far as it is inside.
void paint_row(std::uint8_t* canvas, int canvas_width, const GifImageDesc& frame,
               const GifByteType* indexes, const ColorMapObject& colours, int transparent) {
  for (int i = 0; i < frame.Width; ++i) {
    const int x = frame.Left + i;
    const int index = indexes[i];
    if (x < 0 || x >= canvas_width || index == transparent || index >= colours.ColorCount) continue;
    const GifColorType& colour = colours.Colors[index];
    std::uint8_t* const pixel = canvas + 3 * static_cast<std::size_t>(x);
    pixel[0] = colour.Red;
    pixel[1] = colour.Green;
    pixel[2] = colour.Blue;
  }
}

// The colour indexes of a frame, row by row from the top; of an interlaced one they are all read
// first.
class Frame {
 public:
  explicit Frame(GifFileType& gif) : gif_(gif), width_(static_cast<std::size_t>(gif.Image.Width)) {}

  static std::uint64_t memory(const GifImageDesc& frame) {
    return static_cast<std::uint64_t>(frame.Width) *
           static_cast<std::uint64_t>(frame.Interlace ? frame.Height : 1);
  }

  // Returns whether it is all there.
  bool start() {
    indexes_.resize(memory(gif_.Image));
    if (!gif_.Image.Interlace) return true;
    for (const auto& pass : kInterlaced) {
      for (int y = pass.first; y < gif_.Image.Height; y += pass.step) {
        if (!read(at(y))) return false;
      }
    }
    return true;
  }

  // Null where the next row cannot be read.
  const GifByteType* row(int y) {
    if (gif_.Image.Interlace) return at(y);
    return read(indexes_.data()) ? indexes_.data() : nullptr;
  }

 private:
  GifByteType* at(int y) { return &indexes_[static_cast<std::size_t>(y) * width_]; }
  bool read(GifByteType* row) { return DGifGetLine(&gif_, row, gif_.Image.Width) == GIF_OK; }

  GifFileType& gif_;
  std::size_t width_;
  std::vector<GifByteType> indexes_;
};

}  // namespace

Result<ImageInfo> probe_gif(ImageBytes bytes) {
  Reader reader(bytes);
  if (!reader.is_open()) return reader.error();
  return ImageInfo{
      .format = ImageFormat::kGif, .width = reader.gif().SWidth, .height = reader.gif().SHeight};
}

Result<DecodeReport> decode_gif(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  Deadline deadline(limits);
  Reader reader(bytes);
  if (!reader.is_open()) return reader.error();
  GifFileType& gif = reader.gif();
  if (auto valid = check_size(ImageFormat::kGif, gif.SWidth, gif.SHeight, limits); !valid)
    return std::unexpected(valid.error());
  int transparent = NO_TRANSPARENT_COLOR;
  if (!reader.find_first_image(transparent)) return reader.error();
  const GifImageDesc& frame = gif.Image;
  if (auto valid = check_size(ImageFormat::kGif, frame.Width, frame.Height, limits); !valid)
    return std::unexpected(valid.error());
  const ColorMapObject* colours = frame.ColorMap != nullptr ? frame.ColorMap : gif.SColorMap;
  if (colours == nullptr) return damaged(ImageFormat::kGif, "it has no colour table");
  const ImageInfo canvas{.format = ImageFormat::kGif, .width = gif.SWidth, .height = gif.SHeight};
  if (auto started = start(sink, canvas, Frame::memory(frame), limits); !started)
    return std::unexpected(started.error());
  Frame rows(gif);
  if (!rows.start()) return reader.error();
  // The frame may end below the canvas; all of it must be there.
  const int bottom = std::max(canvas.height, frame.Top + frame.Height);
  for (int y = 0; y < bottom; ++y) {
    if (deadline.is_over()) return too_slow(ImageFormat::kGif);
    const bool on_canvas = y < canvas.height;
    std::uint8_t* const target = on_canvas ? sink.next_row() : nullptr;
    if (on_canvas) std::fill_n(target, 3 * static_cast<std::size_t>(canvas.width), 255);
    if (y >= frame.Top && y < frame.Top + frame.Height) {
      const GifByteType* const row = rows.row(y - frame.Top);
      if (row == nullptr) return reader.error();
      if (on_canvas) paint_row(target, canvas.width, frame, row, *colours, transparent);
    }
    if (on_canvas) sink.row_done();
  }
  return {};
}

}  // namespace classifier::codecs
