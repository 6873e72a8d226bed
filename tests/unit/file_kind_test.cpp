#include "domain/file_kind.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "domain/content_kind.hpp"

namespace classifier {
namespace {

using namespace std::string_view_literals;

TEST(FileKind, EndingsSayWhatAFileIs) {
  EXPECT_EQ(kind_of_name("IMG_0001.MOV"), FileKind::kVideo);
  EXPECT_EQ(kind_of_name("VID_2026.3gp"), FileKind::kVideo);
  EXPECT_EQ(kind_of_name("memo.m4a"), FileKind::kSound);
  EXPECT_EQ(kind_of_name("IMG_0001.AAE"), FileKind::kSidecar);
  EXPECT_EQ(kind_of_name("GX010001.LRV"), FileKind::kSidecar);
  EXPECT_EQ(kind_of_name("IMG_0001.jpg.supplemental-metadata.json"), FileKind::kSidecar);
  EXPECT_EQ(kind_of_name("invoice.pdf"), FileKind::kDocument);
  EXPECT_EQ(kind_of_name("photos.tar.gz"), FileKind::kArchive);
  EXPECT_EQ(kind_of_name("notes.TXT"), FileKind::kText);
  EXPECT_EQ(kind_of_name("logo.svg"), FileKind::kDrawing);
  EXPECT_EQ(kind_of_name("poster.psd"), FileKind::kOtherImage);
  for (const auto* const name : {"IMG_0001.HEIC", "a.jpg", "a", "a.", "jpg", "a.jpg_large", ""})
    EXPECT_EQ(kind_of_name(name), FileKind::kOther) << name;
}

TEST(FileKind, FilesAndFoldersOfPhotoToolsAreKnown) {
  for (const auto* const name :
       {".DS_Store", "._IMG_0001.JPG", "Thumbs.db", "THUMBS.DB", "SYNOPHOTO_THUMB_XL.jpg",
        "desktop.ini", "Icon\r", "digikam4.db", "Catalog.lrcat", ".picasa.ini"})
    EXPECT_EQ(kind_of_name(name), FileKind::kToolFile) << name;
  EXPECT_EQ(kind_of_name(".hidden.jpg"), FileKind::kHiddenFile);
  for (const auto* const name :
       {"@eaDir", ".@__thumb", "#recycle", "#snapshot", "__MACOSX", ".thumbnails",
        "Catalog Previews.lrdata", "$RECYCLE.BIN", ".Trash-1000", ".Trashes", ".stversions"})
    EXPECT_EQ(kind_of_folder(name, "Photos"), FileKind::kToolFolder) << name;
  EXPECT_EQ(kind_of_folder(".git", "Photos"), FileKind::kHiddenFolder);
  for (const auto* const name : {"2026", "eaDir", "recycle", "#1 of Holiday", "Trash", "resources"})
    EXPECT_EQ(kind_of_folder(name, "Photos"), FileKind::kOther) << name;
  EXPECT_EQ(kind_of_folder("resources", "My.photoslibrary"), FileKind::kToolFolder);
  EXPECT_EQ(kind_of_folder("originals", "My.photoslibrary"), FileKind::kOther);
}

TEST(FileKind, CountsAreASentence) {
  KindCounts counts;
  EXPECT_TRUE(counts.empty());
  EXPECT_EQ(counts.text(), "");
  counts.add(FileKind::kToolFile);
  for (int i = 0; i < 3; ++i) counts.add(FileKind::kVideo);
  for (int i = 0; i < 2; ++i) counts.add(FileKind::kSidecar);
  EXPECT_EQ(counts.text(), "3 videos, 2 sidecar files, 1 file of a photo tool");
  EXPECT_EQ(counts.of(FileKind::kVideo), 3);
}

ContentKind kind_of(std::string_view bytes) {
  return kind_of_content(std::as_bytes(std::span(bytes)));
}

TEST(ContentKind, ImagesHaveTheTypeOfTheirBytes) {
  constexpr std::string_view kRest = "....................";
  const auto type = [&](std::string_view head) {
    const ContentKind found = kind_of(std::string(head) + std::string(kRest));
    EXPECT_EQ(found.kind, FileKind::kImage) << head;
    return found.content_type;
  };
  EXPECT_EQ(type("\xFF\xD8\xFF\xE1"sv), "image/jpeg");
  EXPECT_EQ(type("\x89PNG\r\n\x1A\n"sv), "image/png");
  EXPECT_EQ(type("GIF89a"sv), "image/gif");
  EXPECT_EQ(type("RIFF\1\2\3\4WEBP"sv), "image/webp");
  EXPECT_EQ(type("BM............\x28\0\0\0"sv), "image/bmp");
  EXPECT_EQ(type("\0\0\0\x18"
                 "ftypheic"sv),
            "image/heic");
  EXPECT_EQ(type("\0\0\0\x18"
                 "ftypmif1"sv),
            "image/heif");
  EXPECT_EQ(type("\0\0\0\x18"
                 "ftypavif"sv),
            "image/avif");
  EXPECT_EQ(type("\0\0\0\x18"
                 "ftypcrx "sv),
            "image/x-canon-cr3");
  // The brand that fits best may follow the first one.
  EXPECT_EQ(type("\0\0\0\x18"
                 "ftypmif1\0\0\0\0mif1avif"sv),
            "image/avif");
  EXPECT_EQ(type("\0\0\0\x18"
                 "ftypisom\0\0\0\0isomheic"sv),
            "image/heic");
  EXPECT_EQ(type("II*\0\x10\0\0\0CR\2\0"sv), "image/x-canon-cr2");
  EXPECT_EQ(type("MM\0*"sv), "image/tiff");
  EXPECT_EQ(type("\xFF\x0A"sv), "image/jxl");
  EXPECT_EQ(type("FUJIFILMCCD-RAW "sv), "image/x-fuji-raf");
}

TEST(ContentKind, OtherContentIsNamed) {
  EXPECT_EQ(kind_of("\0\0\0\x14"
                    "ftypqt  ...."sv)
                .kind,
            FileKind::kVideo);
  EXPECT_EQ(kind_of("\0\0\0\x1c"
                    "ftypM4A ...."sv)
                .kind,
            FileKind::kSound);
  EXPECT_EQ(kind_of("%PDF-1.7"sv).kind, FileKind::kDocument);
  EXPECT_EQ(kind_of("PK\3\4"sv).kind, FileKind::kArchive);
  EXPECT_EQ(kind_of("8BPS"sv).kind, FileKind::kOtherImage);
  EXPECT_EQ(kind_of("BMW and other cars, a list of them"sv).kind, FileKind::kText);
  EXPECT_EQ(kind_of("<?xml version=\"1.0\"?><svg>"sv).kind, FileKind::kDrawing);
  EXPECT_EQ(kind_of("plain words, ünd others\n"sv).kind, FileKind::kText);
  EXPECT_EQ(kind_of("\1\2\3"sv).kind, FileKind::kOther);
  EXPECT_EQ(kind_of(""sv).kind, FileKind::kOther);
}

}  // namespace
}  // namespace classifier
