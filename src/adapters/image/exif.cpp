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
enum class ExifType : std::uint32_t {
  kByte = 1,
  kAscii = 2,
  kShort = 3,
  kLong = 4,
  kSignedByte = 6,
  kSignedShort = 8,
  kSignedLong = 9
};

class ExifBlock {
 public:
  explicit ExifBlock(std::span<const std::uint8_t> tiff) {
    // JPEG has this and a zero before the block. Some programs write it into other formats too, or
    // twice.
    constexpr std::string_view kPrefix("Exif\0", 5);
    while (tiff.size() > kPrefix.size() &&
           std::ranges::equal(tiff.first(kPrefix.size()), kPrefix)) {
      tiff = tiff.subspan(kPrefix.size() + 1);
    }
    if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return;
    reader_ = {tiff, tiff[0] == 'M' ? ByteOrder::kBig : ByteOrder::kLittle};
    if (reader_.u16(2) == 42) first_ = reader_.u32(4);
  }

  // Exif wants a SHORT; programs write other integers too.
  std::optional<int> orientation() const {
    for (const auto type : {ExifType::kShort, ExifType::kLong, ExifType::kByte,
                            ExifType::kSignedByte, ExifType::kSignedShort, ExifType::kSignedLong}) {
      std::size_t value = value_of(first_, ExifTag::kOrientation, type);
      if (value == 0) continue;
      const std::size_t size = size_of(type);
      if (reader_.u32(value - 4) > 4 / size) value = reader_.u32(value);  // several numbers
      const std::uint32_t orientation = size == 1   ? reader_.u8(value)
                                        : size == 2 ? reader_.u16(value)
                                                    : reader_.u32(value);
      if (orientation >= 1 && orientation <= 8) return static_cast<int>(orientation);
    }
    return std::nullopt;
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
  static std::size_t size_of(ExifType type) {
    if (type == ExifType::kLong || type == ExifType::kSignedLong) return 4;
    return type == ExifType::kShort || type == ExifType::kSignedShort ? 2 : 1;
  }

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

// XMP, part 2, 3.3: tiff:Orientation, as an attribute or as an element.
std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  constexpr std::string_view kSpace = " \t\r\n";
  const auto skip = [&xmp](std::string_view characters) {
    xmp.remove_prefix(std::min(xmp.find_first_not_of(characters), xmp.size()));
  };
  for (;;) {
    const std::size_t name = xmp.find(kName);
    if (name == std::string_view::npos) return std::nullopt;
    xmp.remove_prefix(name + kName.size());
    skip(kSpace);
    if (xmp.empty() || (xmp.front() != '=' && xmp.front() != '>')) continue;
    xmp.remove_prefix(1);
    skip(kSpace);
    if (!xmp.empty() && (xmp.front() == '"' || xmp.front() == '\'')) xmp.remove_prefix(1);
    skip(kSpace);
    const bool one_digit = xmp.size() < 2 || xmp[1] < '0' || xmp[1] > '9';
    if (!xmp.empty() && xmp.front() >= '1' && xmp.front() <= '8' && one_digit)
      return xmp.front() - '0';
  }
}

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) {
  return ExifBlock(tiff).orientation().value_or(1);
}

int orientation_of(std::span<const std::uint8_t> tiff, std::span<const std::uint8_t> xmp) {
  if (const auto orientation = ExifBlock(tiff).orientation()) return *orientation;
  return xmp_orientation({reinterpret_cast<const char*>(xmp.data()), xmp.size()}).value_or(1);
}

std::optional<TimePoint> exif_time(std::span<const std::uint8_t> tiff) {
  return ExifBlock(tiff).taken_at();
}

}  // namespace classifier::codecs
