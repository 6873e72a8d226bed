#include "adapters/image/heif_boxes.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "adapters/image/byte_reader.hpp"

namespace classifier::codecs {
namespace {

constexpr std::uint32_t type_of(const char (&name)[5]) {
  std::uint32_t type = 0;
  for (int i = 0; i < 4; ++i) type = type << 8U | static_cast<std::uint8_t>(name[i]);
  return type;
}

// Numbers one after another.
class Cursor {
 public:
  explicit Cursor(FileBytes bytes) : reader_{bytes, ByteOrder::kBig} {}
  std::uint64_t next(std::size_t size) {
    std::uint64_t value = 0;
    for (; size > 0; --size) value = value << 8U | reader_.u8(at_++);
    return value;
  }
  // Version and flags of a full box; returns the version.
  std::uint32_t version() { return static_cast<std::uint32_t>(next(4) >> 24U); }
  bool ended() const { return at_ >= reader_.bytes.size(); }
  FileBytes rest() const { return reader_.part(at_, reader_.bytes.size()); }
  std::size_t at() const { return at_; }

 private:
  ByteReader reader_;
  std::size_t at_ = 0;
};

// Calls `use(type, content, place of the box)` for each box.
template <class Use>
void for_boxes(FileBytes bytes, const Use& use) {
  constexpr std::size_t kMost = 100'000;
  std::size_t at = 0;
  for (std::size_t count = 0; at + 8 <= bytes.size() && count < kMost; ++count) {
    const ByteReader reader{bytes, ByteOrder::kBig};
    std::uint64_t size = reader.u32(at);
    std::size_t header = 8;
    if (size == 1) {
      size = std::uint64_t{reader.u32(at + 8)} << 32U | reader.u32(at + 12);
      header = 16;
    } else if (size == 0) {
      size = bytes.size() - at;
    }
    if (size < header) return;
    const std::size_t there = std::min<std::uint64_t>(size, bytes.size() - at);
    if (there < header) return;
    use(reader.u32(at + 4), bytes.subspan(at + header, there - header), at);
    at += there;
  }
}

// The box `meta`.
class Meta {
 public:
  Meta(FileBytes file, FileBytes meta) : file_(file) {
    Cursor cursor(meta);
    cursor.version();
    for_boxes(cursor.rest(), [&](std::uint32_t type, FileBytes content, std::size_t /*at*/) {
      switch (type) {
        case type_of("pitm"):
          read_primary(content);
          break;
        case type_of("iinf"):
          read_items(content);
          break;
        case type_of("iloc"):
          locations_ = content;
          break;
        case type_of("iprp"):
          for_boxes(content, [&](std::uint32_t part, FileBytes inner, std::size_t /*at*/) {
            if (part == type_of("ipco")) properties_ = inner;
            if (part == type_of("ipma")) associations_ = inner;
          });
          break;
        case type_of("iref"):
          read_references(content);
          break;
        case type_of("idat"):
          data_ = content;
          break;
        default:
          break;
      }
    });
  }

  HeifHeader header() const {
    HeifHeader header;
    header.shared_auxiliaries = shared_auxiliaries_;
    const std::vector<std::uint32_t> own = properties_of(primary_);
    std::uint32_t index = 0;
    struct Property {
      std::uint32_t type;
      FileBytes content;
    };
    std::vector<Property> all;
    for_boxes(properties_, [&](std::uint32_t type, FileBytes content, std::size_t /*at*/) {
      if (++index <= kMostProperties) all.push_back({type, content});
    });
    for (const std::uint32_t number : own) {
      if (number == 0 || number > all.size()) continue;
      apply(all[number - 1].type, all[number - 1].content, header);
    }
    if (exif_item_ != 0) header.exif = exif();
    read_parts(header);
    return header;
  }

 private:
  static constexpr std::uint32_t kMostProperties = 32'767;

  static void apply(std::uint32_t type, FileBytes content, HeifHeader& header) {
    Cursor cursor(content);
    switch (type) {
      case type_of("ispe"):
        cursor.version();
        header.width = static_cast<std::int64_t>(cursor.next(4));
        header.height = static_cast<std::int64_t>(cursor.next(4));
        break;
      case type_of("clap"): {
        header.reshaped = true;
        const auto side = [&] {
          const auto numerator = static_cast<std::int64_t>(cursor.next(4));
          const auto denominator = static_cast<std::int64_t>(cursor.next(4));
          return denominator > 0 ? numerator / denominator : 0;
        };
        const std::int64_t width = side();
        const std::int64_t height = side();
        if (width > 0 && width <= header.width) header.width = width;
        if (height > 0 && height <= header.height) header.height = height;
        break;
      }
      case type_of("av1C"):  // AV1 Codec ISO Media File Format Binding, 2.3
        cursor.next(2);
        header.monochrome = (cursor.next(1) >> 4U & 1U) != 0;
        break;
      case type_of("hvcC"):  // ISO/IEC 14496-15, 8.3.3.1
        cursor.next(16);
        header.monochrome = (cursor.next(1) & 3U) == 0;
        break;
      case type_of("irot"):
        header.turned = true;
        header.quarter_turns = static_cast<unsigned>(cursor.next(1) & 3U);
        if (header.quarter_turns % 2 == 1) std::swap(header.width, header.height);
        break;
      case type_of("imir"):
        header.turned = header.reshaped = true;
        break;
      default:
        break;
    }
  }

  void read_primary(FileBytes content) {
    Cursor cursor(content);
    const std::size_t size = cursor.version() == 0 ? 2 : 4;
    primary_ = cursor.next(size);
  }

  void read_items(FileBytes content) {
    Cursor cursor(content);
    const std::size_t size = cursor.version() == 0 ? 2 : 4;
    cursor.next(size);  // how many
    for_boxes(cursor.rest(), [&](std::uint32_t type, FileBytes item, std::size_t /*at*/) {
      if (type != type_of("infe")) return;
      Cursor entry(item);
      const std::uint32_t version = entry.version();
      if (version < 2) return;
      const std::uint64_t id = entry.next(version == 2 ? 2 : 4);
      entry.next(2);  // protection
      if (entry.next(4) == type_of("Exif") && exif_item_ == 0) exif_item_ = id;
    });
  }

  void read_references(FileBytes content) {
    Cursor cursor(content);
    const std::size_t size = cursor.version() == 0 ? 2 : 4;
    const FileBytes boxes = cursor.rest();
    for_boxes(boxes, [&](std::uint32_t type, FileBytes reference, std::size_t at) {
      Cursor entry(reference);
      if (type == type_of("dimg")) {
        const std::uint64_t from = entry.next(size);
        auto& derived = derived_[from];
        for (std::uint64_t left = entry.next(2); left > 0 && !entry.ended(); --left)
          derived.push_back(entry.next(size));
      }
      if (type != type_of("auxl")) return;
      entry.next(size);  // from
      if (entry.next(2) > 1) {
        const auto place = static_cast<std::size_t>(boxes.data() - file_.data()) + at;
        shared_auxiliaries_.push_back(place);
      }
    });
  }

  // Numbers from 1, in the order in which they apply.
  std::vector<std::uint32_t> properties_of(std::uint64_t item) const {
    std::vector<std::uint32_t> numbers;
    Cursor cursor(associations_);
    const auto head = static_cast<std::uint32_t>(cursor.next(4));
    const bool wide = (head & 1U) != 0;
    const std::size_t id_size = head >> 24U == 0 ? 2 : 4;
    for (std::uint64_t count = cursor.next(4); count > 0 && !cursor.ended(); --count) {
      const std::uint64_t id = cursor.next(id_size);
      for (std::uint64_t left = cursor.next(1); left > 0; --left) {
        const auto number = static_cast<std::uint32_t>(cursor.next(wide ? 2 : 1));
        if (id == item) numbers.push_back(number & (wide ? 0x7FFFU : 0x7FU));
      }
    }
    return numbers;
  }

  // Calls `use(item, data, whether they are in the box idat)` for each item.
  template <class Use>
  void for_data(const Use& use) const {
    Cursor cursor(locations_);
    const std::uint32_t version = cursor.version();
    const auto sizes = static_cast<std::size_t>(cursor.next(2));
    const std::size_t offset_size = sizes >> 12U & 15U;
    const std::size_t length_size = sizes >> 8U & 15U;
    const std::size_t base_size = sizes >> 4U & 15U;
    const std::size_t index_size = version == 0 ? 0 : sizes & 15U;
    const std::size_t id_size = version < 2 ? 2 : 4;
    if (std::max({offset_size, length_size, base_size, index_size}) > 8) return;
    const auto place = locations_.empty()
                           ? std::size_t{0}
                           : static_cast<std::size_t>(locations_.data() - file_.data());
    for (std::uint64_t count = cursor.next(id_size); count > 0 && !cursor.ended(); --count) {
      const std::uint64_t id = cursor.next(id_size);
      const std::uint64_t method = version == 0 ? 0 : cursor.next(2) & 15U;
      cursor.next(2);  // data reference
      const std::uint64_t base = cursor.next(base_size);
      const std::uint64_t extents = cursor.next(2);
      HeifData data;
      for (std::uint64_t i = 0; i < extents && !cursor.ended(); ++i) {
        cursor.next(index_size);
        const std::size_t offset_at = place + cursor.at();
        const std::uint64_t offset = base + cursor.next(offset_size);
        const std::size_t size_at = place + cursor.at();
        const std::uint64_t size = cursor.next(length_size);
        if (i == 0) {
          data = {.offset = offset,
                  .first_size = size,
                  .size = 0,
                  .in_file = method == 0 && extents == 1,
                  .offset_at = base == 0 ? offset_at : 0,
                  .offset_bytes = offset_size,
                  .size_at = size_at,
                  .size_bytes = length_size};
        }
        data.size += size;
      }
      if (method <= 1) use(id, data, method == 1);
    }
  }

  FileBytes bytes_of(std::uint64_t item) const {
    FileBytes found;
    for_data([&](std::uint64_t id, const HeifData& data, bool inside) {
      if (id != item) return;
      const ByteReader reader{inside ? data_ : file_, ByteOrder::kBig};
      found = reader.part(data.offset, data.first_size);
      if (found.size() < data.first_size) found = {};
    });
    return found;
  }

  FileBytes exif() const {
    const FileBytes item = bytes_of(exif_item_);
    if (item.size() < 4) return {};
    // Where the TIFF block begins after these four bytes.
    const ByteReader reader{item, ByteOrder::kBig};
    const std::uint64_t skipped = 4 + std::uint64_t{reader.u32(0)};
    return item.subspan(skipped < item.size() ? skipped : 4);
  }

  void read_parts(HeifHeader& header) const {
    const auto derived = derived_.find(primary_);
    const std::vector<std::uint64_t> ids =
        derived == derived_.end() ? std::vector{primary_} : derived->second;
    std::map<std::uint64_t, HeifData> all;
    for_data([&](std::uint64_t id, const HeifData& data, bool inside) {
      if (!inside && data.offset + data.first_size >= data.offset)
        header.end = std::max(header.end, data.offset + data.first_size);
      all[id] = data;
    });
    for (const std::uint64_t id : ids) header.parts.push_back(all[id]);
    const FileBytes grid = derived == derived_.end() ? FileBytes() : bytes_of(primary_);
    if (grid.size() < 4 || ids.empty()) return;
    header.columns = std::uint32_t{grid[3]} + 1;
    HeifHeader tile;
    std::uint32_t index = 0;
    const auto own = properties_of(ids.front());
    for_boxes(properties_, [&](std::uint32_t type, FileBytes content, std::size_t /*at*/) {
      ++index;
      if (type == type_of("ispe") && std::ranges::find(own, index) != own.end())
        apply(type, content, tile);
    });
    header.tile_width = tile.width;
    header.tile_height = tile.height;
  }

  FileBytes file_;
  std::uint64_t primary_ = 0;
  std::uint64_t exif_item_ = 0;
  FileBytes locations_;
  FileBytes properties_;
  FileBytes associations_;
  FileBytes data_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> derived_;  // from which items
  std::vector<std::size_t> shared_auxiliaries_;
};

}  // namespace

HeifHeader read_heif_header(FileBytes file) {
  HeifHeader header;
  bool found = false;
  for_boxes(file, [&](std::uint32_t type, FileBytes content, std::size_t /*at*/) {
    if (type != type_of("meta") || found) return;
    found = true;
    header = Meta(file, content).header();
  });
  return header;
}

}  // namespace classifier::codecs
