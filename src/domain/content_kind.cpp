#include "domain/content_kind.hpp"

#include <algorithm>
#include <array>

#include "domain/text.hpp"

namespace classifier {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::size_t from;
  std::string_view bytes;
  ContentKind what;
};

// The first that fits counts. Cameras' raw formats are TIFF, most of them under its own signature.
constexpr auto kSignatures = std::to_array<Signature>({
    {0, "\xFF\xD8\xFF"sv, {FileKind::kImage, "image/jpeg"}},
    {0, "\x89PNG\r\n\x1A\n"sv, {FileKind::kImage, "image/png"}},
    {0, "GIF87a"sv, {FileKind::kImage, "image/gif"}},
    {0, "GIF89a"sv, {FileKind::kImage, "image/gif"}},
    {8, "WEBP"sv, {FileKind::kImage, "image/webp"}},
    {8, "CR\2"sv, {FileKind::kImage, "image/x-canon-cr2"}},
    {0, "II*\0"sv, {FileKind::kImage, "image/tiff"}},
    {0, "MM\0*"sv, {FileKind::kImage, "image/tiff"}},
    {0, "II+\0"sv, {FileKind::kImage, "image/tiff"}},
    {0, "MM\0+"sv, {FileKind::kImage, "image/tiff"}},
    {0, "IIU\0"sv, {FileKind::kImage, "image/x-panasonic-rw2"}},
    {0, "IIRO"sv, {FileKind::kImage, "image/x-olympus-orf"}},
    {0, "IIRS"sv, {FileKind::kImage, "image/x-olympus-orf"}},
    {0, "MMOR"sv, {FileKind::kImage, "image/x-olympus-orf"}},
    {0, "FUJIFILMCCD-RAW"sv, {FileKind::kImage, "image/x-fuji-raf"}},
    {0, "\xFF\x0A"sv, {FileKind::kImage, "image/jxl"}},
    {0, "\0\0\0\x0CJXL \r\n\x87\n"sv, {FileKind::kImage, "image/jxl"}},
    {0, "\0\0\0\x0CjP  "sv, {FileKind::kOtherImage, {}}},
    {0, "\xFF\x4F\xFF\x51"sv, {FileKind::kOtherImage, {}}},
    {0, "II\xBC\1"sv, {FileKind::kOtherImage, {}}},
    {0, "8BPS"sv, {FileKind::kOtherImage, {}}},
    {0, "gimp xcf"sv, {FileKind::kOtherImage, {}}},
    {0, "\0\0\1\0"sv, {FileKind::kOtherImage, {}}},
    {0, "icns"sv, {FileKind::kOtherImage, {}}},
    {0, "v/1\1"sv, {FileKind::kOtherImage, {}}},
    {0, "DDS "sv, {FileKind::kOtherImage, {}}},
    {0, "FOVb"sv, {FileKind::kOtherImage, {}}},
    {4, "moov"sv, {FileKind::kVideo, {}}},
    {4, "mdat"sv, {FileKind::kVideo, {}}},
    {4, "wide"sv, {FileKind::kVideo, {}}},
    {0, "\x1A\x45\xDF\xA3"sv, {FileKind::kVideo, {}}},
    {0, "\0\0\1\xBA"sv, {FileKind::kVideo, {}}},
    {0, "\0\0\1\xB3"sv, {FileKind::kVideo, {}}},
    {0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11"sv, {FileKind::kVideo, {}}},
    {0, "FLV\1"sv, {FileKind::kVideo, {}}},
    {8, "AVI "sv, {FileKind::kVideo, {}}},
    {8, "WAVE"sv, {FileKind::kSound, {}}},
    {0, "OggS"sv, {FileKind::kSound, {}}},
    {0, "fLaC"sv, {FileKind::kSound, {}}},
    {0, "ID3"sv, {FileKind::kSound, {}}},
    {0, "\xFF\xFB"sv, {FileKind::kSound, {}}},
    {0, "\xFF\xF1"sv, {FileKind::kSound, {}}},
    {0, "#!AMR"sv, {FileKind::kSound, {}}},
    {8, "AIFF"sv, {FileKind::kSound, {}}},
    {0, "MThd"sv, {FileKind::kSound, {}}},
    {0, "%PDF"sv, {FileKind::kDocument, {}}},
    {0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, {FileKind::kDocument, {}}},
    {0, "{\\rtf"sv, {FileKind::kDocument, {}}},
    {0, "<!DOCTYPE"sv, {FileKind::kDocument, {}}},
    {0, "<html"sv, {FileKind::kDocument, {}}},
    {0, "PK\3\4"sv, {FileKind::kArchive, {}}},
    {0, "7z\xBC\xAF\x27\x1C"sv, {FileKind::kArchive, {}}},
    {0, "Rar!\x1A\7"sv, {FileKind::kArchive, {}}},
    {0, "\x1F\x8B"sv, {FileKind::kArchive, {}}},
    {0, "BZh"sv, {FileKind::kArchive, {}}},
    {0, "\xFD\x37zXZ\0"sv, {FileKind::kArchive, {}}},
    {0, "\x28\xB5\x2F\xFD"sv, {FileKind::kArchive, {}}},
    {257, "ustar"sv, {FileKind::kArchive, {}}},
    {0, "%!PS"sv, {FileKind::kDrawing, {}}},
    {0, "<svg"sv, {FileKind::kDrawing, {}}},
    {0, "<x:xmpmeta"sv, {FileKind::kSidecar, {}}},
    {0, "bplist00"sv, {FileKind::kSidecar, {}}},
    {0, "\0\5\x16\7"sv, {FileKind::kToolFile, {}}},
});

// A photo that a brand of the ISO base media format stands for.
std::string_view photo_of_brand(std::string_view brand) {
  constexpr auto kHeic = std::to_array<std::string_view>(
      {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"});
  constexpr auto kAnyCoding = std::to_array<std::string_view>({"mif1", "mif2", "msf1", "miaf"});
  if (is_one_of(brand, kHeic)) return "image/heic";
  if (brand == "avif" || brand == "avis") return "image/avif";
  if (brand == "crx ") return "image/x-canon-cr3";
  return is_one_of(brand, kAnyCoding) ? "image/heif" : "";
}

// ISO/IEC 14496-12: the first brand is the best for the file, others that fit follow the version.
ContentKind kind_of_base_media(std::string_view head) {
  constexpr auto kSound = std::to_array<std::string_view>({"M4A ", "M4B ", "M4P "});
  const std::string_view major = head.substr(8, 4);
  if (const auto type = photo_of_brand(major); !type.empty() && type != "image/heif")
    return {FileKind::kImage, type};
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(head[at]); };
  const std::size_t size = byte(0) != 0 || byte(1) != 0 ? head.size() : byte(2) * 256U + byte(3);
  std::string_view general = photo_of_brand(major);
  for (std::size_t at = 16; at + 4 <= std::min(size, head.size()); at += 4) {
    const auto type = photo_of_brand(head.substr(at, 4));
    if (!type.empty() && type != "image/heif") return {FileKind::kImage, type};
    if (!type.empty()) general = type;
  }
  if (!general.empty()) return {FileKind::kImage, general};
  return {is_one_of(major, kSound) ? FileKind::kSound : FileKind::kVideo, {}};
}

// A text may begin with "BM" as well.
bool is_bmp(std::string_view head) {
  constexpr auto kHeaderSizes = std::to_array<int>({12, 16, 40, 52, 56, 64, 108, 124});
  return head.size() >= 18 && head.starts_with("BM") && head[15] == 0 && head[16] == 0 &&
         head[17] == 0 &&
         std::ranges::find(kHeaderSizes, static_cast<int>(head[14])) != kHeaderSizes.end();
}

bool is_text(std::string_view head) {
  return !head.empty() && std::ranges::none_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || byte == 0x7F;
  });
}

}  // namespace

ContentKind kind_of_content(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kKindBytes));
  if (is_bmp(head)) return {FileKind::kImage, "image/bmp"};
  if (head.size() >= 12 && head.substr(4, 4) == "ftyp") return kind_of_base_media(head);
  for (const auto& signature : kSignatures) {
    if (head.size() >= signature.from && head.substr(signature.from).starts_with(signature.bytes))
      return signature.what;
  }
  if (!is_text(head)) return {};
  return {head.find("<svg") == std::string_view::npos ? FileKind::kText : FileKind::kDrawing, {}};
}

}  // namespace classifier
