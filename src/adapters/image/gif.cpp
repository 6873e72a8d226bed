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
constexpr std::array<Pass, 1> kStraight{{{0, 1}}};

// Draws a row of the frame, as far as it is inside the canvas.
void paint_row(RgbImage& canvas, const GifImageDesc& frame, int row,
               const std::vector<GifByteType>& indexes, const ColorMapObject& colours,
               int transparent) {
  const int y = frame.Top + row;
  if (y < 0 || y >= canvas.height) return;
  for (int i = 0; i < frame.Width; ++i) {
    const int x = frame.Left + i;
    const int index = indexes[static_cast<std::size_t>(i)];
    if (x < 0 || x >= canvas.width || index == transparent || index >= colours.ColorCount) continue;
    const GifColorType& colour = colours.Colors[index];
    std::uint8_t* const pixel = &canvas.pixels[canvas.offset(x, y)];
    pixel[0] = colour.Red;
    pixel[1] = colour.Green;
    pixel[2] = colour.Blue;
  }
}

}  // namespace

Result<ImageInfo> probe_gif(ImageBytes bytes) {
  Reader reader(bytes);
  if (!reader.is_open()) return reader.error();
  return ImageInfo{
      .format = ImageFormat::kGif, .width = reader.gif().SWidth, .height = reader.gif().SHeight};
}

Result<RgbImage> decode_gif(ImageBytes bytes, const DecodeLimits& limits) {
  Reader reader(bytes);
  if (!reader.is_open()) return reader.error();
  GifFileType& gif = reader.gif();
  if (auto valid = check_size(ImageFormat::kGif, gif.SWidth, gif.SHeight, limits); !valid) {
    return std::unexpected(valid.error());
  }
  int transparent = NO_TRANSPARENT_COLOR;
  if (!reader.find_first_image(transparent)) return reader.error();
  const GifImageDesc& frame = gif.Image;
  if (auto valid = check_size(ImageFormat::kGif, frame.Width, frame.Height, limits); !valid) {
    return std::unexpected(valid.error());
  }
  const ColorMapObject* colours = frame.ColorMap != nullptr ? frame.ColorMap : gif.SColorMap;
  if (colours == nullptr) return damaged(ImageFormat::kGif, "it has no colour table");
  RgbImage canvas = make_image(gif.SWidth, gif.SHeight, 255);
  std::vector<GifByteType> row(static_cast<std::size_t>(frame.Width));
  const std::span<const Pass> passes =
      frame.Interlace ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kStraight);
  for (const auto& pass : passes) {
    for (int y = pass.first; y < frame.Height; y += pass.step) {
      if (DGifGetLine(&gif, row.data(), frame.Width) != GIF_OK) return reader.error();
      paint_row(canvas, frame, y, row, *colours, transparent);
    }
  }
  return canvas;
}

}  // namespace classifier::codecs
