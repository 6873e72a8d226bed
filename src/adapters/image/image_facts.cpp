#include "adapters/image/image_facts.hpp"

#include <cstdint>
#include <limits>
#include <utility>

#include "adapters/image/codecs.hpp"
#include "adapters/image/metadata.hpp"

namespace classifier {
namespace {

using codecs::FileBytes;

struct Size {
  std::int64_t width = 0;  // 0: unknown
  std::int64_t height = 0;
};

}  // namespace

ImageFacts read_image_facts(std::span<const std::byte> file) {
  const auto format = codecs::sniff(file);
  if (!format) return {};
  const FileBytes bytes(codecs::data_of(file), file.size());
  ImageFacts facts;
  Size size;  // as stored
  int orientation = 1;
  switch (*format) {
    case ImageFormat::kJpeg: {
      facts.content_type = "image/jpeg";
      const auto jpeg = codecs::read_jpeg_metadata(bytes);
      size = {jpeg.width, jpeg.height};
      orientation = codecs::orientation_of(jpeg.exif, jpeg.xmp);
      facts.taken_at = codecs::exif_time(jpeg.exif);
      break;
    }
    case ImageFormat::kPng: {
      facts.content_type = "image/png";
      const auto png = codecs::read_png_metadata(bytes);
      size = {png.width, png.height};
      orientation = codecs::orientation_of(png.exif, png.xmp);
      facts.taken_at = codecs::exif_time(png.exif);
      break;
    }
    case ImageFormat::kGif: {
      facts.content_type = "image/gif";
      const auto frame = codecs::read_gif_frame(bytes);
      size = {frame.canvas_width, frame.canvas_height};
      break;
    }
    case ImageFormat::kWebp: {
      facts.content_type = "image/webp";
      const auto webp = codecs::read_webp_metadata(bytes);
      if (!webp.lacks_exif) size = {webp.width, webp.height};  // else it may have to be turned
      orientation = codecs::orientation_of(webp.exif, webp.xmp);
      facts.taken_at = codecs::exif_time(webp.exif);
      break;
    }
    case ImageFormat::kBmp: {
      const auto bmp = codecs::bmp_size(bytes);
      if (!bmp) return {};
      facts.content_type = "image/bmp";
      size = {bmp->first, bmp->second};
      break;
    }
  }
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  if (size.width < 1 || size.height < 1 || size.width > kMost || size.height > kMost) return facts;
  if (orientation >= 5) std::swap(size.width, size.height);
  facts.width = static_cast<int>(size.width);
  facts.height = static_cast<int>(size.height);
  return facts;
}

}  // namespace classifier
