// What the files of a folder of photos are that are no photos, by their names; and how many there
// are of each kind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace classifier {

enum class FileKind : std::uint8_t {
  kImage,
  kVideo,
  kSound,
  kSidecar,  // data about a photo beside it: edits, positions, thumbnails
  kDocument,
  kArchive,
  kText,
  kDrawing,
  kOtherImage,  // of a type that is not supported
  kToolFile,    // of photo tools and systems: indexes, caches
  kToolFolder,
  kHiddenFile,
  kHiddenFolder,
  kCopies,        // the folder that photos are copied to
  kListedFolder,  // in a list of files
  kFolderLink,
  kBrokenLink,
  kLinkLoop,
  kSpecial,  // socket, pipe or device
  kEmpty,
  kUnreadable,
  kOther,
};
constexpr std::size_t kFileKinds = static_cast<std::size_t>(FileKind::kOther) + 1;

// By the name alone: kToolFile and kHiddenFile for these, else what the ending says; kOther for an
// ending that says nothing, that of an image among them.
FileKind kind_of_name(std::string_view filename);

// kToolFolder, kHiddenFolder, or kOther for one that may have photos. `parent` is the name of the
// folder that it is in.
FileKind kind_of_folder(std::string_view name, std::string_view parent);

// "video", or "videos" for more than one.
std::string_view word_for(FileKind kind, std::uint64_t count = 1);

// Whether such a file may have been meant to be a photo, so that people want to know its name.
bool is_problem(FileKind kind);

class KindCounts {
 public:
  void add(FileKind kind) { ++counts_[static_cast<std::size_t>(kind)]; }
  std::uint64_t of(FileKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  bool empty() const;
  // "3 videos, 2 sidecar files"
  std::string text() const;

 private:
  std::array<std::uint64_t, kFileKinds> counts_{};
};

}  // namespace classifier
