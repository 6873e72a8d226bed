#include "adapters/image/image_facts.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "adapters/image/codecs.hpp"
#include "adapters/image/heif_boxes.hpp"
#include "adapters/image/metadata.hpp"
#include "adapters/image/tiff_header.hpp"
#include "domain/content_kind.hpp"

namespace classifier {
namespace {

using codecs::FileBytes;

struct Size {
  std::int64_t width = 0;  // 0: unknown
  std::int64_t height = 0;
};

// Numbers of some bits, the lowest first, as JPEG XL has them.
class Bits {
 public:
  explicit Bits(FileBytes bytes) : bytes_(bytes) {}
  std::uint32_t next(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i, ++at_) {
      if (at_ / 8 < bytes_.size()) value |= (bytes_[at_ / 8] >> at_ % 8 & 1U) << i;
    }
    return value;
  }
  bool ended() const { return at_ > 8 * bytes_.size(); }

 private:
  FileBytes bytes_;
  std::size_t at_ = 0;
};

// ISO/IEC 18181-1, annexes D.2 and D.3. The codestream is the file, or begins in its box `jxlc` or
// `jxlp`.
// The sides of what is turned are swapped.
Size jxl_size(FileBytes file) {
  const codecs::ByteReader reader{file, codecs::ByteOrder::kBig};
  FileBytes stream = file;
  if (reader.u16(0) != 0xFF0A) {
    constexpr std::uint32_t kWhole = 0x6A786C63;  // "jxlc"
    constexpr std::uint32_t kPart = 0x6A786C70;   // "jxlp"
    stream = {};
    for (std::size_t at = 0; at + 8 <= file.size() && stream.empty();) {
      const std::size_t size = reader.u32(at);
      const std::uint32_t type = reader.u32(at + 4);
      if (type == kWhole) stream = file.subspan(at + 8);
      if (type == kPart && at + 12 < file.size()) stream = file.subspan(at + 12);
      if (size < 8 || size > file.size() - at) break;
      at += size;
    }
    if (stream.size() < 2 || stream[0] != 0xFF || stream[1] != 0x0A) return {};
  }
  Bits bits(stream.subspan(2));
  const bool small = bits.next(1) != 0;
  const auto side = [&]() -> std::int64_t {
    if (small) return 8 * (std::int64_t{bits.next(5)} + 1);
    constexpr std::array<unsigned, 4> kSizes{9, 13, 18, 30};
    return std::int64_t{bits.next(kSizes[bits.next(2)])} + 1;
  };
  Size size;
  size.height = side();
  constexpr std::array<std::pair<int, int>, 7> kRatios{
      {{1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}}};
  const std::uint32_t ratio = bits.next(3);
  size.width =
      ratio == 0 ? side() : size.height * kRatios[ratio - 1].first / kRatios[ratio - 1].second;
  const bool all_default = bits.next(1) != 0;
  if (!all_default && bits.next(1) != 0 && bits.next(3) >= 4) std::swap(size.width, size.height);
  return bits.ended() ? Size{} : size;
}

// Several makers' files are TIFF by their first bytes.
std::string_view raw_type(std::span<const std::byte> file) {
  const std::string_view type = kind_of_content(file).content_type;
  return type == "image/tiff" ? "image/x-adobe-dng" : type;
}

// All that the block says but the orientation.
void read_exif(FileBytes tiff, ImageFacts& facts) {
  facts.taken_at = codecs::exif_time(tiff);
  facts.camera = codecs::exif_camera(tiff);
}

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
      read_exif(jpeg.exif, facts);
      break;
    }
    case ImageFormat::kPng: {
      facts.content_type = "image/png";
      const auto png = codecs::read_png_metadata(bytes);
      size = {png.width, png.height};
      orientation = codecs::orientation_of(png.exif, png.xmp);
      read_exif(png.exif, facts);
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
      read_exif(webp.exif, facts);
      break;
    }
    case ImageFormat::kBmp: {
      const auto bmp = codecs::bmp_size(bytes);
      if (!bmp) return {};
      facts.content_type = "image/bmp";
      size = {bmp->first, bmp->second};
      break;
    }
    case ImageFormat::kHeif:
    case ImageFormat::kAvif: {
      facts.content_type = *format == ImageFormat::kHeif ? "image/heic" : "image/avif";
      const auto heif = codecs::read_heif_header(bytes);
      size = {heif.width, heif.height};
      if (!heif.turned) orientation = codecs::exif_orientation(heif.exif);
      read_exif(heif.exif, facts);
      break;
    }
    case ImageFormat::kTiff: {
      facts.content_type = "image/tiff";
      const auto tiff = codecs::read_tiff_header(bytes);
      size = {tiff.width, tiff.height};
      orientation = codecs::exif_orientation(bytes);
      read_exif(bytes, facts);
      break;
    }
    case ImageFormat::kJxl:
      facts.content_type = "image/jxl";
      size = jxl_size(bytes);
      break;
    case ImageFormat::kRaw:  // the size of what is decoded is not known without decoding
      facts.content_type = raw_type(file);
      read_exif(bytes, facts);
      break;
  }
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  if (size.width < 1 || size.height < 1 || size.width > kMost || size.height > kMost) return facts;
  if (orientation >= 5) std::swap(size.width, size.height);
  facts.width = static_cast<int>(size.width);
  facts.height = static_cast<int>(size.height);
  return facts;
}

}  // namespace classifier
