// TIFF, with libtiff: the first page. Common layouts by libtiff's conversion to RGBA; samples that
// it cannot convert (floats, more than 16 bits, odd depths) and inks with a profile here.
#include <spdlog/fmt/fmt.h>
#include <tiffio.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "adapters/image/colour.hpp"
#include "domain/text.hpp"

namespace classifier::codecs {
namespace {

struct TiffSource {
  explicit TiffSource(ImageBytes file) : bytes(file) {}
  ImageBytes bytes;
  std::uint64_t at = 0;
  std::string problem;  // the last error that libtiff told
};

TiffSource& source_of(thandle_t handle) { return *static_cast<TiffSource*>(handle); }

tmsize_t read_tiff(thandle_t handle, void* target, tmsize_t size) {
  TiffSource& source = source_of(handle);
  if (source.at >= source.bytes.size() || size <= 0) return 0;
  const std::size_t count =
      std::min(static_cast<std::size_t>(size), source.bytes.size() - source.at);
  std::memcpy(target, source.bytes.data() + source.at, count);
  source.at += count;
  return static_cast<tmsize_t>(count);
}

toff_t seek_tiff(thandle_t handle, toff_t offset, int from) {
  TiffSource& source = source_of(handle);
  if (from == SEEK_CUR) offset += source.at;
  if (from == SEEK_END) offset += source.bytes.size();
  source.at = offset;
  return offset;
}

int map_tiff(thandle_t handle, void** base, toff_t* size) {
  const TiffSource& source = source_of(handle);
  // libtiff reads what is mapped, and does not write to a file that it opened to read.
  *base = const_cast<std::byte*>(source.bytes.data());
  *size = source.bytes.size();
  return 1;
}

int note_error(TIFF* /*tiff*/, void* user, const char* /*module*/, const char* format,
               va_list arguments) {
  std::array<char, 256> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  static_cast<TiffSource*>(user)->problem = one_line(text.data());
  return 1;
}

int ignore(TIFF* /*tiff*/, void* /*user*/, const char* /*module*/, const char* /*format*/,
           va_list /*arguments*/) {
  return 1;
}

using Tiff = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

// The tags of the first page that decide how it is read.
struct Page {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint16_t bits = 1;
  std::uint16_t samples = 1;
  std::uint16_t photometric = 0;
  std::uint16_t format = SAMPLEFORMAT_UINT;
  std::uint16_t planar = PLANARCONFIG_CONTIG;
  std::uint16_t compression = COMPRESSION_NONE;
  bool alpha = false;
  bool associated = false;     // the colours are multiplied by their alpha
  bool other_channel = false;  // behind the colours, such as a selection that was saved
  std::span<const std::uint8_t> profile;

  unsigned colours() const {
    return photometric == PHOTOMETRIC_RGB ? 3 : photometric == PHOTOMETRIC_SEPARATED ? 4 : 1;
  }
};

class TiffFile {
 public:
  // The last bytes, from `file_size`, are filled up.
  TiffFile(ImageBytes bytes, std::uint64_t file_size, const DecodeLimits& limits)
      : source_(bytes), file_size_(file_size) {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(
        TIFFOpenOptionsAlloc(), &TIFFOpenOptionsFree);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(limits.max_memory));
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &note_error, &source_);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), &ignore, nullptr);
    tiff_.reset(TIFFClientOpenExt(
        "image", "r", &source_, &read_tiff,
        [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; }, &seek_tiff,
        [](thandle_t) { return 0; },
        [](thandle_t handle) { return source_of(handle).bytes.size(); }, &map_tiff,
        [](thandle_t, void*, toff_t) {}, options.get()));
  }
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  TIFF* get() const { return tiff_.get(); }
  // The same file, with none of its strips read.
  TiffFile again(const DecodeLimits& limits) const { return {source_.bytes, file_size_, limits}; }
  // What of this range is there.
  FileBytes part(std::uint64_t offset, std::uint64_t size) const {
    const ByteReader reader{{data_of(source_.bytes), file_size_}};
    return reader.part(offset, size);
  }
  // Of what is there, without what was filled up.
  std::uint64_t file_size() const { return file_size_; }
  bool ends_early() const { return file_size_ < source_.bytes.size(); }
  const std::string& problem() const { return source_.problem; }

  std::unexpected<Error> error() const {
    return damaged(ImageFormat::kTiff,
                   source_.problem.empty() ? "it cannot be read" : source_.problem);
  }

  Result<Page> page() const {
    if (!tiff_) {
      // Of many files the directory is at the end.
      const ByteReader reader{
          {data_of(source_.bytes), source_.bytes.size()},
          data_of(source_.bytes)[0] == 'M' ? ByteOrder::kBig : ByteOrder::kLittle};
      return reader.u32(4) >= source_.bytes.size() ? truncated(ImageFormat::kTiff) : error();
    }
    TIFF* const tiff = tiff_.get();
    Page page;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page.height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page.bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page.samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &page.format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &page.planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &page.compression);
    if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &page.photometric) == 0)
      page.photometric = page.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    if (page.width > INT32_MAX || page.height > INT32_MAX)
      return damaged(ImageFormat::kTiff, "its size is not valid");
    std::uint16_t extra_count = 0;
    const std::uint16_t* extra = nullptr;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
    if (extra_count > 0 && extra != nullptr) {
      page.associated = extra[0] == EXTRASAMPLE_ASSOCALPHA;
      page.alpha = page.associated || extra[0] == EXTRASAMPLE_UNASSALPHA;
      // Where the file does not have the tag, alpha is likelier.
      page.other_channel = TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra) != 0 &&
                           extra[0] == EXTRASAMPLE_UNSPECIFIED;
    }
    std::uint32_t profile_size = 0;
    void* profile = nullptr;
    if (TIFFGetField(tiff, TIFFTAG_ICCPROFILE, &profile_size, &profile) != 0 && profile != nullptr)
      page.profile = {static_cast<const std::uint8_t*>(profile), profile_size};
    if (TIFFIsCODECConfigured(page.compression) == 0) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("the TIFF has compression {}, which is not supported: save it "
                              "without compression, or as PNG",
                              page.compression));
    }
    return page;
  }

 private:
  TiffSource source_;
  std::uint64_t file_size_;
  Tiff tiff_{nullptr, &TIFFClose};
};

ImageInfo tiff_info(ImageBytes bytes, const Page& page) {
  return {.format = ImageFormat::kTiff,
          .width = static_cast<int>(page.width),
          .height = static_cast<int>(page.height),
          .orientation = exif_orientation({data_of(bytes), bytes.size()}),
          .colour =
              page.photometric == PHOTOMETRIC_SEPARATED ? nullptr : colour_transform(page.profile)};
}

// Rows that are decoded together: those of a strip or of a row of tiles.
std::uint32_t band_rows(TIFF* tiff, const Page& page) {
  std::uint32_t rows = page.height;
  if (TIFFIsTiled(tiff) != 0) {
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &rows);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows);
  }
  return std::clamp(rows, 1U, page.height);
}

// The bytes of a file that a strip or tile takes.
struct Extent {
  std::uint64_t offset;
  std::uint64_t size;
};
Extent extent_of(TIFF* tiff, std::uint32_t part) {
  return {TIFFGetStrileOffset(tiff, part), TIFFGetStrileByteCount(tiff, part)};
}

// Where the last strip or tile ends. Files that end before are filled up with zeros, so that
// libtiff decodes what is there.
std::uint64_t end_of_data(TIFF* tiff, std::uint64_t most) {
  const std::uint32_t count =
      TIFFIsTiled(tiff) != 0 ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto [offset, size] = extent_of(tiff, i);
    // What is beyond the limit is wrong, and not missing.
    if (offset <= most && size <= most - offset) end = std::max(end, offset + size);
  }
  return end;
}

// Whether all strips or tiles of the band that begins with this row are inside the file.
bool is_whole_band(const TiffFile& file, const Page& page, std::uint32_t first) {
  TIFF* const tiff = file.get();
  const bool tiled = TIFFIsTiled(tiff) != 0;
  std::uint32_t width = page.width;
  if (tiled) TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width);
  const std::uint16_t planes = page.planar == PLANARCONFIG_SEPARATE ? page.samples : 1;
  for (std::uint16_t plane = 0; plane < planes; ++plane) {
    for (std::uint64_t x = 0; x < page.width; x += width) {
      const auto column = static_cast<std::uint32_t>(x);
      const auto [offset, size] =
          extent_of(tiff, tiled ? TIFFComputeTile(tiff, column, first, 0, plane)
                                : TIFFComputeStrip(tiff, first, plane));
      if (offset > file.file_size() || size > file.file_size() - offset) return false;
    }
  }
  return true;
}

// Whether zlib's checksum, which libtiff does not look at, is that of the data.
bool inflates(FileBytes compressed) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return true;
  std::array<std::uint8_t, 16'384> bytes;  // NOLINT(*-member-init): inflate fills it
  stream.next_in = const_cast<std::uint8_t*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = bytes.data();
    stream.avail_out = static_cast<uInt>(bytes.size());
    code = inflate(&stream, Z_NO_FLUSH);
  }
  inflateEnd(&stream);
  return code == Z_STREAM_END;
}

// Where a long run of equal bytes in compressed data begins, as a share of the strip: what comes
// then was overwritten, and decoders do not always notice. 1: there is none, or it may be a flat
// picture.
double share_before_run(const TiffFile& file, const Page& page, std::uint32_t first) {
  constexpr std::size_t kWritten = 256;
  TIFF* const tiff = file.get();
  const bool deflate =
      page.compression == COMPRESSION_ADOBE_DEFLATE || page.compression == COMPRESSION_DEFLATE;
  if (!deflate && page.compression != COMPRESSION_LZW) return 1;
  if (TIFFIsTiled(tiff) != 0 || page.planar == PLANARCONFIG_SEPARATE) return 1;
  const auto [offset, size] = extent_of(tiff, TIFFComputeStrip(tiff, first, 0));
  const FileBytes strip = file.part(offset, size);
  const FileBytes run = find_run(strip, kWritten);
  if (run.empty() || (deflate && inflates(strip))) return 1;
  return static_cast<double>(run.data() - strip.data()) / static_cast<double>(strip.size());
}

// How many rows of a band are there that cannot be decoded as a whole, or is not all in the file;
// of tiles and separate planes none.
std::uint32_t rows_there(const TiffFile& file, const Page& page, std::uint32_t first,
                         std::uint32_t count) {
  TIFF* const tiff = file.get();
  if (TIFFIsTiled(tiff) != 0 || page.planar == PLANARCONFIG_SEPARATE) return 0;
  const auto [offset, size] = extent_of(tiff, TIFFComputeStrip(tiff, first, 0));
  if (offset >= file.file_size() || size == 0) return 0;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(TIFFScanlineSize(tiff)));
  std::uint32_t rows = 0;
  while (rows < count && TIFFReadScanline(tiff, row.data(), first + rows, 0) == 1) ++rows;
  // Zeros that were filled in may look like rows.
  const double share = static_cast<double>(file.file_size() - offset) / static_cast<double>(size);
  if (share < 1) rows = std::min(rows, static_cast<std::uint32_t>(share * count));
  return rows;
}

// How many of the rows could be read, and why others could not.
class Tally {
 public:
  Tally(const TiffFile& file, const ImageInfo& image, RowSink& sink)
      : file_(file), image_(image), sink_(sink) {}
  void missing(std::uint32_t rows) {
    missing_ += rows;
    fill_missing(image_, image_.height - static_cast<int>(rows), sink_);
  }
  Result<DecodeReport> report() const {
    return codecs::report(ImageFormat::kTiff,
                          {.there = 1 - static_cast<double>(missing_) / image_.height,
                           .ended_early = file_.ends_early(),
                           .detail = missing_ > 0 ? file_.problem() : ""});
  }

 private:
  const TiffFile& file_;
  const ImageInfo& image_;
  RowSink& sink_;
  std::uint64_t missing_ = 0;
};

struct EndRgba {
  void operator()(TIFFRGBAImage* image) const { TIFFRGBAImageEnd(image); }
};

Result<DecodeReport> decode_as_rgba(const TiffFile& file, const Page& page, const ImageInfo& info,
                                    const DecodeLimits& limits, RowSink& sink) {
  Deadline deadline(limits);
  TIFFRGBAImage rgba{};
  std::array<char, 1'024> problem{};
  constexpr int kStopOnError = 1;
  if (TIFFRGBAImageBegin(&rgba, file.get(), kStopOnError, problem.data()) == 0) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("the TIFF has a layout that is not supported ({}): save it as RGB with "
                            "8 bits",
                            problem.data()));
  }
  const std::unique_ptr<TIFFRGBAImage, EndRgba> owner(&rgba);
  // Rows come as they are stored; the sink's owner turns the result.
  rgba.orientation = ORIENTATION_TOPLEFT;
  rgba.req_orientation = ORIENTATION_TOPLEFT;
  const std::uint32_t rows = band_rows(file.get(), page);
  const std::uint64_t band = 4ULL * page.width * rows;
  // Beside the band, libtiff has the strip or tile as it is stored.
  if (auto started = start(sink, info, 3 * band, limits); !started)
    return std::unexpected(started.error());
  std::vector<std::uint32_t> pixels(static_cast<std::size_t>(page.width) * rows);
  Tally tally(file, info, sink);
  for (std::uint32_t first = 0; first < page.height; first += rows) {
    if (deadline.is_over()) return too_slow(ImageFormat::kTiff);
    const std::uint32_t count = std::min(rows, page.height - first);
    rgba.row_offset = static_cast<int>(first);
    rgba.col_offset = 0;
    std::uint32_t there = count;
    if (TIFFRGBAImageGet(&rgba, pixels.data(), page.width, count) == 0 ||
        !is_whole_band(file, page, first)) {
      there = rows_there(file.again(limits), page, first, count);
      rgba.stoponerr = 0;
      if (there > 0) TIFFRGBAImageGet(&rgba, pixels.data(), page.width, count);
      rgba.stoponerr = kStopOnError;
    }
    there =
        std::min(there, static_cast<std::uint32_t>(share_before_run(file, page, first) * count));
    for (std::uint32_t y = 0; y < there; ++y) {
      std::uint8_t* const target = sink.next_row();
      // TIFFGetR() and its like: on x86, RGBA in this order.
      const auto* const row = reinterpret_cast<const std::uint8_t*>(
          pixels.data() + static_cast<std::size_t>(y) * page.width);
      if (page.other_channel) {  // which libtiff takes for alpha
        for (std::size_t x = 0; x < page.width; ++x) std::copy_n(row + 4 * x, 3, target + 3 * x);
      } else {
        flatten_premultiplied_row(row, info.width, target);
      }
      sink.row_done();
    }
    tally.missing(count - there);
  }
  return tally.report();
}

// Samples of any depth and format, as numbers of which 0 is black and 1 white.
class Samples {
 public:
  explicit Samples(const Page& page) : bits_(page.bits), format_(page.format) {}

  static bool can_read(const Page& page) {
    if (page.format == SAMPLEFORMAT_IEEEFP)
      return page.bits == 16 || page.bits == 32 || page.bits == 64;
    return page.bits >= 1 && page.bits <= 32 &&
           (page.format == SAMPLEFORMAT_UINT || page.format == SAMPLEFORMAT_INT);
  }

  // The sample with this index in a row as libtiff hands it out: in the machine's byte order, and
  // those that are not whole bytes from the highest bit.
  float at(const std::uint8_t* row, std::size_t index) const {
    if (format_ == SAMPLEFORMAT_IEEEFP) return real(row, index);
    std::uint64_t value = 0;
    switch (bits_) {
      case 8:
        value = row[index];
        break;
      case 16:
        value = load<std::uint16_t>(row, index);
        break;
      case 32:
        value = load<std::uint32_t>(row, index);
        break;
      default:
        for (std::size_t bit = index * bits_; bit < (index + 1) * bits_; ++bit)
          value = value << 1U | (row[bit / 8] >> (7 - bit % 8) & 1U);
        break;
    }
    const std::uint64_t all = std::uint64_t{1} << bits_;
    if (format_ == SAMPLEFORMAT_INT) value = (value + all / 2) % all;
    return static_cast<float>(static_cast<double>(value) / static_cast<double>(all - 1));
  }

 private:
  template <class T>
  static T load(const std::uint8_t* row, std::size_t index) {
    T value;
    std::memcpy(&value, row + index * sizeof value, sizeof value);
    return value;
  }

  float real(const std::uint8_t* row, std::size_t index) const {
    float value = 0;
    if (bits_ == 64) {
      value = static_cast<float>(load<double>(row, index));
    } else if (bits_ == 32) {
      value = load<float>(row, index);
    } else {
      value = half(load<std::uint16_t>(row, index));
    }
    return std::isfinite(value) ? value : 0;
  }

  // IEEE 754, binary16.
  static float half(std::uint16_t bits) {
    const auto exponent = static_cast<int>(bits >> 10U & 31U);
    const auto fraction = static_cast<float>(bits & 1'023U);
    const float size = exponent == 0    ? std::ldexp(fraction, -24)
                       : exponent == 31 ? std::numeric_limits<float>::infinity()
                                        : std::ldexp(fraction + 1'024, exponent - 25);
    return (bits & 0x8000U) != 0 ? -size : size;
  }

  std::uint16_t bits_;
  std::uint16_t format_;
};

// Bands of rows as they are stored, all planes of a pixel together.
class Bands {
 public:
  Bands(TIFF* tiff, const Page& page)
      : tiff_(tiff),
        page_(page),
        planes_(page.planar == PLANARCONFIG_SEPARATE ? page.samples : 1),
        rows_(band_rows(tiff, page)) {
    if (TIFFIsTiled(tiff) != 0) TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width_);
  }

  std::uint32_t rows() const { return rows_; }
  std::uint64_t memory() const {
    const auto part =
        static_cast<std::uint64_t>(is_tiled() ? TIFFTileSize64(tiff_) : TIFFStripSize64(tiff_));
    return part * planes_ * parts_in_row();
  }

  // Reads the band that begins with this row.
  bool read(std::uint32_t first) {
    parts_.resize(static_cast<std::size_t>(planes_) * parts_in_row());
    for (std::uint16_t plane = 0; plane < planes_; ++plane) {
      for (std::uint32_t i = 0; i < parts_in_row(); ++i) {
        auto& part = parts_[static_cast<std::size_t>(plane) * parts_in_row() + i];
        part.resize(
            static_cast<std::size_t>(is_tiled() ? TIFFTileSize(tiff_) : TIFFStripSize(tiff_)));
        const auto size = static_cast<tmsize_t>(part.size());
        const tmsize_t got =
            is_tiled() ? TIFFReadEncodedTile(
                             tiff_, TIFFComputeTile(tiff_, i * tile_width_, first, 0, plane),
                             part.data(), size)
                       : TIFFReadEncodedStrip(tiff_, TIFFComputeStrip(tiff_, first, plane),
                                              part.data(), size);
        if (got < 0) return false;
      }
    }
    return true;
  }

  // The samples of the pixel at column x of row y of the band, into `out` [samples].
  void pixel(const Samples& samples, std::uint32_t x, std::uint32_t y, float* out) const {
    const std::uint32_t part = is_tiled() ? x / tile_width_ : 0;
    const std::uint32_t column = is_tiled() ? x % tile_width_ : x;
    for (std::uint16_t sample = 0; sample < page_.samples; ++sample) {
      const bool separate = planes_ > 1;
      const auto& bytes =
          parts_[static_cast<std::size_t>(separate ? sample : 0) * parts_in_row() + part];
      const std::uint8_t* const row = bytes.data() + y * row_size();
      out[sample] = samples.at(
          row, separate ? column : static_cast<std::size_t>(column) * page_.samples + sample);
    }
  }

 private:
  bool is_tiled() const { return tile_width_ != 0; }
  std::uint32_t parts_in_row() const {
    return is_tiled() ? (page_.width + tile_width_ - 1) / tile_width_ : 1;
  }
  std::size_t row_size() const {
    return static_cast<std::size_t>(is_tiled() ? TIFFTileRowSize(tiff_) : TIFFScanlineSize(tiff_));
  }

  TIFF* tiff_;
  const Page& page_;
  std::uint16_t planes_;
  std::uint32_t rows_;
  std::uint32_t tile_width_ = 0;  // 0: strips
  std::vector<std::vector<std::uint8_t>> parts_;
};

// What of the samples is black and white: floats have no range of their own. Most are 0 to 1; of
// others the range that is in the file, or says so, is taken.
struct Range {
  float low = 0;
  float high = 1;
  float of(float value) const { return std::clamp((value - low) / (high - low), 0.0F, 1.0F); }
};

std::optional<Range> range_of(const Page& page, Bands& bands, const Samples& samples,
                              Deadline& deadline) {
  if (page.format != SAMPLEFORMAT_IEEEFP) return Range{};
  Range range{std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()};
  std::vector<float> pixel(page.samples);
  for (std::uint32_t first = 0; first < page.height; first += bands.rows()) {
    if (deadline.is_over()) return std::nullopt;
    if (!bands.read(first)) continue;
    for (std::uint32_t y = 0; y < std::min(bands.rows(), page.height - first); ++y) {
      for (std::uint32_t x = 0; x < page.width; ++x) {
        bands.pixel(samples, x, y, pixel.data());
        for (unsigned c = 0; c < page.colours(); ++c) {
          range.low = std::min(range.low, pixel[c]);
          range.high = std::max(range.high, pixel[c]);
        }
      }
    }
  }
  constexpr float kLittleMore = 1.05F;  // of filters that sharpened
  if (range.low >= 1 - kLittleMore && range.high <= kLittleMore) return Range{};
  if (range.low >= 0 && range.high <= 255) return Range{0, 255};
  return range;
}

Result<DecodeReport> decode_samples(const TiffFile& file, const Page& page, const ImageInfo& info,
                                    const DecodeLimits& limits, RowSink& sink) {
  Deadline deadline(limits);
  if (page.samples < page.colours())
    return damaged(ImageFormat::kTiff, "it has fewer samples than its colours need");
  const Samples samples(page);
  Bands bands(file.get(), page);
  if (auto started = start(sink, info, bands.memory(), limits); !started)
    return std::unexpected(started.error());
  const auto range = range_of(page, bands, samples, deadline);
  if (!range) return too_slow(ImageFormat::kTiff);
  const auto inks =
      page.photometric == PHOTOMETRIC_SEPARATED ? ink_transform(page.profile) : nullptr;
  const bool inverted = page.photometric == PHOTOMETRIC_MINISWHITE;
  const auto byte = [](float value) { return static_cast<std::uint8_t>(std::lround(value * 255)); };
  std::vector<float> pixel(page.samples);
  std::vector<std::uint8_t> ink_row(4UL * page.width);
  Tally tally(file, info, sink);
  for (std::uint32_t first = 0; first < page.height; first += bands.rows()) {
    const std::uint32_t count = std::min(bands.rows(), page.height - first);
    const bool whole = bands.read(first) && is_whole_band(file, page, first);
    const std::uint32_t there = whole ? count : rows_there(file.again(limits), page, first, count);
    for (std::uint32_t y = 0; y < there; ++y) {
      if (deadline.is_over()) return too_slow(ImageFormat::kTiff);
      std::uint8_t* const target = sink.next_row();
      for (std::uint32_t x = 0; x < page.width; ++x) {
        bands.pixel(samples, x, y, pixel.data());
        const float alpha =
            page.alpha && page.samples > page.colours() ? range->of(pixel[page.colours()]) : 1;
        std::uint8_t* const out = target + 3UL * x;
        if (page.photometric == PHOTOMETRIC_SEPARATED) {
          for (std::size_t c = 0; c < 4; ++c) ink_row[4UL * x + c] = byte(range->of(pixel[c]));
          const float black = 1 - range->of(pixel[3]);
          for (std::size_t c = 0; c < 3; ++c) out[c] = byte((1 - range->of(pixel[c])) * black);
          continue;
        }
        for (std::size_t c = 0; c < 3; ++c) {
          float value = range->of(pixel[page.colours() == 3 ? c : 0]);
          if (inverted) value = 1 - value;
          out[c] =
              byte(std::min(page.associated ? value + 1 - alpha : value * alpha + 1 - alpha, 1.0F));
        }
      }
      if (inks) inks->apply(ink_row.data(), page.width, target);
      sink.row_done();
    }
    tally.missing(count - there);
  }
  return tally.report();
}

// Whether libtiff's conversion to RGBA would refuse the page, or lose what it says of colours.
bool needs_own_conversion(const Page& page) {
  const bool plain = page.photometric == PHOTOMETRIC_MINISBLACK ||
                     page.photometric == PHOTOMETRIC_MINISWHITE ||
                     page.photometric == PHOTOMETRIC_RGB ||
                     (page.photometric == PHOTOMETRIC_SEPARATED && page.samples >= 4);
  if (!plain || !Samples::can_read(page)) return false;
  if (page.photometric == PHOTOMETRIC_SEPARATED) return true;
  const bool common =
      page.bits == 1 || page.bits == 2 || page.bits == 4 || page.bits == 8 || page.bits == 16;
  return page.format != SAMPLEFORMAT_UINT || !common ||
         (page.photometric == PHOTOMETRIC_RGB && page.bits < 8) ||
         (page.colours() == 1 && page.bits < 8 && page.samples > 1);
}

}  // namespace

Result<ImageInfo> probe_tiff(ImageBytes bytes) {
  const TiffFile file(bytes, bytes.size(), DecodeLimits{});
  const auto page = file.page();
  if (!page) return std::unexpected(page.error());
  return tiff_info(bytes, *page);
}

Result<DecodeReport> decode_tiff(ImageBytes bytes, const DecodeLimits& limits, RowSink& sink) {
  std::optional<TiffFile> file(std::in_place, bytes, bytes.size(), limits);
  auto page = file->page();
  if (!page) return std::unexpected(page.error());
  if (auto valid = check_size(ImageFormat::kTiff, page->width, page->height, limits); !valid)
    return std::unexpected(valid.error());
  std::vector<std::byte> filled;
  if (const std::uint64_t end = end_of_data(file->get(), limits.max_bytes); end > bytes.size()) {
    filled.assign(bytes.begin(), bytes.end());
    filled.resize(end);
    file.emplace(filled, bytes.size(), limits);
    page = file->page();
    if (!page) return std::unexpected(page.error());
  }
  const ImageInfo info = tiff_info(bytes, *page);
  return needs_own_conversion(*page) ? decode_samples(*file, *page, info, limits, sink)
                                     : decode_as_rgba(*file, *page, info, limits, sink);
}

}  // namespace classifier::codecs
