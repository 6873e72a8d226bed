#include "adapters/image/tiff_header.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace classifier::codecs {
namespace {

constexpr std::uint32_t kClassic = 42;
constexpr std::uint32_t kBig = 43;

class Directories {
 public:
  explicit Directories(FileBytes file)
      : reader_{file, file[0] == 'M' ? ByteOrder::kBig : ByteOrder::kLittle},
        big_(reader_.u16(2) == kBig) {}

  TiffHeader read() {
    TiffHeader header;
    // Canon's second version of raw files.
    header.is_raw = reader_.u16(8) == 0x5243 && reader_.order == ByteOrder::kLittle && !big_;
    std::vector<std::uint64_t> left{big_ ? number(8, 8) : reader_.u32(4)};
    // Files may have circles of directories.
    constexpr std::size_t kMostDirectories = 32;
    for (std::size_t i = 0; i < left.size() && i < kMostDirectories; ++i) {
      if (left[i] != 0) read_directory(left[i], i == 0, header, left);
    }
    return header;
  }

 private:
  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    if (size == 2) return reader_.u16(at);
    if (size == 4) return reader_.u32(at);
    const std::uint64_t first = reader_.u32(at);
    const std::uint64_t second = reader_.u32(at + 4);
    return reader_.order == ByteOrder::kBig ? first << 32U | second : second << 32U | first;
  }

  // A whole number of the field at `at`, the one with this index; 0: it has another type.
  std::uint64_t value(std::uint64_t at, std::uint64_t index) const {
    std::size_t size = 0;
    switch (reader_.u16(at + 2)) {
      case 1:
        size = 1;
        break;
      case 3:
        size = 2;
        break;
      case 4:
      case 13:
        size = 4;
        break;
      case 16:
      case 18:
        size = 8;
        break;
      default:
        return 0;
    }
    const std::uint64_t count = number(at + 4, big_ ? 8 : 4);
    const std::uint64_t inside = big_ ? 8 : 4;
    if (index >= count) return 0;
    std::uint64_t place = at + (big_ ? 12 : 8);
    if (count * size > inside) place = number(place, inside);
    place += index * size;
    return size == 1 ? reader_.u8(place) : number(place, size);
  }

  void read_directory(std::uint64_t at, bool first, TiffHeader& header,
                      std::vector<std::uint64_t>& left) const {
    constexpr std::uint32_t kWidth = 256;
    constexpr std::uint32_t kHeight = 257;
    constexpr std::uint32_t kCompression = 259;
    constexpr std::uint32_t kPhotometric = 262;
    constexpr std::uint32_t kSubdirectories = 330;
    constexpr std::uint32_t kDngVersion = 50706;
    constexpr std::uint64_t kMostSubdirectories = 8;
    const std::uint64_t entry = big_ ? 20 : 12;
    const std::uint64_t count = std::min<std::uint64_t>(number(at, big_ ? 8 : 2), 4'096);
    at += big_ ? 8 : 2;
    for (std::uint64_t i = 0; i < count && at < reader_.bytes.size(); ++i, at += entry) {
      switch (reader_.u16(at)) {
        case kWidth:
          if (first && header.width == 0) header.width = static_cast<std::int64_t>(value(at, 0));
          break;
        case kHeight:
          if (first && header.height == 0) header.height = static_cast<std::int64_t>(value(at, 0));
          break;
        case kCompression: {
          // Of Nikon, Sony, Pentax, Samsung (two) and Kodak.
          static constexpr std::array<std::uint64_t, 6> kOfCameras{34713, 32767, 65535,
                                                                   32769, 32770, 65000};
          if (std::ranges::find(kOfCameras, value(at, 0)) != kOfCameras.end()) header.is_raw = true;
          break;
        }
        case kPhotometric: {
          const std::uint64_t colours = value(at, 0);
          if (colours == 32803 || colours == 34892) header.is_raw = true;  // a sensor's
          break;
        }
        case kSubdirectories:
          for (std::uint64_t sub = 0; sub < kMostSubdirectories; ++sub) {
            if (const std::uint64_t place = value(at, sub); place != 0) left.push_back(place);
          }
          break;
        case kDngVersion:
          header.is_raw = true;
          break;
        default:
          break;
      }
    }
    left.push_back(number(at, big_ ? 8 : 4));
  }

  ByteReader reader_;
  bool big_;
};

}  // namespace

bool is_tiff(FileBytes file) {
  if (file.size() < 8 || file[0] != file[1] || (file[0] != 'I' && file[0] != 'M')) return false;
  const ByteReader reader{file, file[0] == 'M' ? ByteOrder::kBig : ByteOrder::kLittle};
  return reader.u16(2) == kClassic || reader.u16(2) == kBig;
}

TiffHeader read_tiff_header(FileBytes file) {
  if (!is_tiff(file)) return {};
  return Directories(file).read();
}

}  // namespace classifier::codecs
