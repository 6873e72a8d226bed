// TIFF 6.0, section 2, has the directories; Exif 2.32, section 4.6, the tags.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/image/byte_reader.hpp"
#include "adapters/image/codecs.hpp"
#include "domain/text.hpp"

namespace classifier::codecs {
namespace {

enum class ExifTag : std::uint32_t {
  kOrientation = 0x0112,
  kDateTime = 0x0132,
  kExifDirectory = 0x8769,
  kDateTimeOriginal = 0x9003,
  kOffsetTime = 0x9010,
  kOffsetTimeOriginal = 0x9011,
  kSubSecTime = 0x9290,
  kSubSecTimeOriginal = 0x9291,
};
enum class ExifType : std::uint32_t { kAscii = 2, kShort = 3, kLong = 4 };

class ExifBlock {
 public:
  explicit ExifBlock(std::span<const std::uint8_t> tiff) {
    // That JPEG has before the block, and some programs write into other formats too.
    constexpr std::string_view kPrefix("Exif\0\0", 6);
    if (tiff.size() >= kPrefix.size() && std::ranges::equal(tiff.first(kPrefix.size()), kPrefix))
      tiff = tiff.subspan(kPrefix.size());
    if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return;
    reader_ = {tiff, tiff[0] == 'M' ? ByteOrder::kBig : ByteOrder::kLittle};
    if (reader_.u16(2) == 42) first_ = reader_.u32(4);
  }

  int orientation() const {
    const std::size_t value = value_of(first_, ExifTag::kOrientation, ExifType::kShort);
    const std::size_t wrong_type = value_of(first_, ExifTag::kOrientation, ExifType::kLong);
    const std::uint32_t orientation = value != 0        ? reader_.u16(value)
                                      : wrong_type != 0 ? reader_.u32(wrong_type)
                                                        : 1;
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }

  std::optional<TimePoint> taken_at() const {
    const std::size_t exif = value_of(first_, ExifTag::kExifDirectory, ExifType::kLong);
    const std::size_t directory = exif == 0 ? 0 : reader_.u32(exif);
    const auto time = read_time(text_of(directory, ExifTag::kDateTimeOriginal),
                                text_of(directory, ExifTag::kSubSecTimeOriginal),
                                text_of(directory, ExifTag::kOffsetTimeOriginal));
    if (time) return time;
    return read_time(text_of(first_, ExifTag::kDateTime), text_of(directory, ExifTag::kSubSecTime),
                     text_of(directory, ExifTag::kOffsetTime));
  }

 private:
  // Where the value of an entry of this directory is, or the offset of a value of more than four
  // bytes; 0: there is no such entry. A directory at 0 has none.
  std::size_t value_of(std::size_t directory, ExifTag tag, ExifType type) const {
    if (directory == 0) return 0;
    const std::uint32_t entries = reader_.u16(directory);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::size_t entry = directory + 2 + 12UL * i;
      if (entry + 12 > reader_.bytes.size()) return 0;
      if (reader_.u16(entry) == static_cast<std::uint32_t>(tag) &&
          reader_.u16(entry + 2) == static_cast<std::uint32_t>(type))
        return entry + 8;
    }
    return 0;
  }

  // Without what follows the first zero byte; empty where it is not wholly in the block.
  std::string text_of(std::size_t directory, ExifTag tag) const {
    constexpr std::size_t kMostBytes = 64;  // no text that is wanted is longer
    const std::size_t value = value_of(directory, tag, ExifType::kAscii);
    if (value == 0) return {};
    const std::size_t size = reader_.u32(value - 4);
    if (size > kMostBytes) return {};
    const auto bytes = reader_.part(size <= 4 ? value : reader_.u32(value), size);
    if (bytes.size() < size) return {};
    return {bytes.begin(), std::ranges::find(bytes, 0)};
  }

  // "2026:01:31 12:00:00", digits of a fraction of the second, and "+02:00". What the last two have
  // in other forms is as if it were missing.
  static std::optional<TimePoint> read_time(std::string text, const std::string& fraction,
                                            const std::string& offset) {
    constexpr std::string_view kForm = "dddd:dd:dd dd:dd:dd";
    if (!has_form(text, kForm) || text.starts_with("0000")) return std::nullopt;
    text[4] = text[7] = '-';
    text[10] = 'T';
    const std::string digits = trim(fraction);
    const bool has_fraction = !digits.empty() && std::ranges::all_of(digits, is_digit);
    const auto time = parse_rfc3339(text + (has_fraction ? "." + digits : "") + "Z");
    if (!time) return std::nullopt;
    return *time - minutes_of(offset);
  }

  static std::chrono::minutes minutes_of(const std::string& offset) {
    constexpr int kFarthest = 14;  // hours
    if (!has_form(offset, "sdd:dd")) return {};
    const int hours = std::stoi(offset.substr(1, 2));
    const int minutes = std::stoi(offset.substr(4, 2));
    if (hours > kFarthest || minutes > 59) return {};
    const auto size = std::chrono::minutes(60 * hours + minutes);
    return offset[0] == '-' ? -size : size;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  // In the form, "d" is a digit and "s" a sign.
  static bool has_form(std::string_view text, std::string_view form) {
    return std::ranges::equal(text, form, [](char c, char wanted) {
      if (wanted == 'd') return is_digit(c);
      return wanted == 's' ? c == '+' || c == '-' : c == wanted;
    });
  }

  ByteReader reader_;
  std::size_t first_ = 0;  // the first directory; 0: none
};

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) { return ExifBlock(tiff).orientation(); }

std::optional<TimePoint> exif_time(std::span<const std::uint8_t> tiff) {
  return ExifBlock(tiff).taken_at();
}

}  // namespace classifier::codecs
