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
  kMake = 0x010F,
  kModel = 0x0110,
  kOrientation = 0x0112,
  kDateTime = 0x0132,
  kExposureTime = 0x829A,
  kFNumber = 0x829D,
  kExifDirectory = 0x8769,
  kSensitivity = 0x8827,
  kStandardSensitivity = 0x8831,
  kRecommendedIndex = 0x8832,
  kIsoSpeed = 0x8833,
  kDateTimeOriginal = 0x9003,
  kOffsetTime = 0x9010,
  kOffsetTimeOriginal = 0x9011,
  kSubSecTime = 0x9290,
  kFocalLength = 0x920A,
  kSubSecTimeOriginal = 0x9291,
  kLensModel = 0xA434,
};
enum class ExifType : std::uint32_t {
  kByte = 1,
  kAscii = 2,
  kShort = 3,
  kLong = 4,
  kRational = 5,
  kSignedByte = 6,
  kSignedShort = 8,
  kSignedLong = 9,
  kUtf8 = 129  // of Exif 3.0
};

// The longest time that an exposure takes, and limits of lenses and sensors, with a wide margin.
constexpr double kMostSeconds = 86'400;
constexpr double kMostFNumber = 1'000;
constexpr double kMostMillimetres = 100'000;
constexpr std::uint32_t kMostIso = 100'000'000;
constexpr std::size_t kMostCharacters = 200;  // of a camera's or lens's name

// The name as one line of UTF-8 without control characters; empty where it names nothing, such as
// the "----" of a camera without a lens.
std::string name_of(std::string_view text) {
  std::string name;
  std::size_t characters = 0;
  const std::string valid = escape_non_utf8(text);
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    // U+0080 to U+009F
    const bool second_controls = byte == 0xC2 && static_cast<unsigned char>(valid[i + 1]) < 0xA0;
    const bool begins = (byte & 0xC0U) != 0x80U;
    if (begins && ++characters > kMostCharacters) break;
    if (second_controls) ++i;
    name += byte < ' ' || byte == 0x7F || second_controls ? ' ' : valid[i];
  }
  name = trim(name);
  const bool names = std::ranges::any_of(name, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
  });
  return names ? name : std::string();
}

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

  CameraFacts camera() const {
    const std::size_t exif = value_of(first_, ExifTag::kExifDirectory, ExifType::kLong);
    const std::size_t directory = exif == 0 ? 0 : reader_.u32(exif);
    CameraFacts camera;
    camera.make = camera_text(first_, ExifTag::kMake);
    camera.model = camera_text(first_, ExifTag::kModel);
    camera.lens = camera_text(directory, ExifTag::kLensModel);
    camera.exposure_s = ratio_of(directory, ExifTag::kExposureTime, kMostSeconds);
    camera.f_number = ratio_of(directory, ExifTag::kFNumber, kMostFNumber);
    camera.focal_length_mm = ratio_of(directory, ExifTag::kFocalLength, kMostMillimetres);
    camera.iso = iso_of(directory);
    return camera;
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

  // A name may be written in either type, and be longer than any that is wanted.
  std::string camera_text(std::size_t directory, ExifTag tag) const {
    // A character that this cuts off is one too many anyway.
    constexpr std::size_t kMostBytes = 4 * (kMostCharacters + 1);
    for (const auto type : {ExifType::kAscii, ExifType::kUtf8}) {
      const std::size_t value = value_of(directory, tag, type);
      if (value == 0) continue;
      const std::size_t size = reader_.u32(value - 4);
      const auto bytes =
          reader_.part(size <= 4 ? value : reader_.u32(value), std::min(size, kMostBytes));
      if (bytes.size() < std::min(size, kMostBytes)) continue;
      return name_of(std::string(bytes.begin(), std::ranges::find(bytes, 0)));
    }
    return {};
  }

  // Above 0, up to `most`.
  std::optional<double> ratio_of(std::size_t directory, ExifTag tag, double most) const {
    const std::size_t value = value_of(directory, tag, ExifType::kRational);
    if (value == 0 || reader_.u32(value - 4) != 1) return std::nullopt;
    const std::size_t at = reader_.u32(value);
    const std::uint32_t denominator = reader_.u32(at + 4);
    if (denominator == 0) return std::nullopt;
    const double ratio = static_cast<double>(reader_.u32(at)) / denominator;
    return ratio > 0 && ratio <= most ? std::optional(ratio) : std::nullopt;
  }

  // Exif 2.3 has 65,535 where the number does not fit, and the number in a LONG elsewhere.
  std::optional<int> iso_of(std::size_t directory) const {
    constexpr std::uint32_t kElsewhere = 65'535;
    const auto accepted = [](std::uint32_t iso) {
      return iso > 0 && iso <= kMostIso && iso != kElsewhere;
    };
    std::uint32_t iso = 0;
    if (const auto value = value_of(directory, ExifTag::kSensitivity, ExifType::kShort); value != 0)
      iso = reader_.u16(reader_.u32(value - 4) > 2 ? reader_.u32(value) : value);
    for (const auto tag :
         {ExifTag::kRecommendedIndex, ExifTag::kStandardSensitivity, ExifTag::kIsoSpeed}) {
      if (accepted(iso)) break;
      const std::size_t value = value_of(directory, tag, ExifType::kLong);
      if (value != 0 && accepted(reader_.u32(value))) iso = reader_.u32(value);
    }
    return accepted(iso) ? std::optional(static_cast<int>(iso)) : std::nullopt;
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

CameraFacts exif_camera(std::span<const std::uint8_t> tiff) { return ExifBlock(tiff).camera(); }

}  // namespace classifier::codecs
