#include "domain/file_kind.hpp"

#include <algorithm>
#include <span>

#include "domain/text.hpp"

namespace classifier {
namespace {

// The lists are in lower case. dashboard/src/upload/kinds.ts has the same ones; its test compares
// them with these.
constexpr auto kVideoEndings = std::to_array<std::string_view>({
    ".mov",  ".mp4", ".m4v",  ".avi", ".mkv", ".webm", ".3gp",  ".3g2",  ".mpg",
    ".mpeg", ".mts", ".m2ts", ".wmv", ".asf", ".flv",  ".vob",  ".ogv",  ".dv",
    ".mxf",  ".qt",  ".insv", ".360", ".mp",  ".crm",  ".rmvb", ".divx",
});
constexpr auto kSoundEndings = std::to_array<std::string_view>({
    ".mp3",
    ".m4a",
    ".aac",
    ".wav",
    ".wma",
    ".flac",
    ".ogg",
    ".opus",
    ".amr",
    ".aif",
    ".aiff",
    ".caf",
    ".mid",
    ".3ga",
});
constexpr auto kSidecarEndings = std::to_array<std::string_view>({
    ".aae", ".xmp", ".thm",   ".lrv",  ".json", ".ini", ".db",  ".pp3",
    ".dop", ".on1", ".cos",   ".nksc", ".mie",  ".acr", ".ctg", ".bdm",
    ".cpi", ".mpl", ".plist", ".gpx",  ".kml",  ".lnk", ".url",
});
constexpr auto kDocumentEndings = std::to_array<std::string_view>({
    ".pdf", ".doc",   ".docx",    ".odt", ".rtf",  ".xls",  ".xlsx", ".ods", ".ppt", ".pptx",
    ".odp", ".pages", ".numbers", ".key", ".epub", ".html", ".htm",  ".eml", ".ics", ".vcf",
});
constexpr auto kArchiveEndings = std::to_array<std::string_view>({
    ".zip",
    ".7z",
    ".rar",
    ".tar",
    ".gz",
    ".tgz",
    ".bz2",
    ".xz",
    ".zst",
    ".iso",
    ".dmg",
});
constexpr auto kTextEndings = std::to_array<std::string_view>({
    ".txt",
    ".md",
    ".log",
    ".csv",
    ".tsv",
    ".xml",
    ".yml",
    ".yaml",
    ".srt",
    ".vtt",
});
constexpr auto kDrawingEndings = std::to_array<std::string_view>({
    ".svg",
    ".svgz",
    ".ai",
    ".eps",
    ".ps",
    ".cdr",
    ".dxf",
    ".dwg",
    ".wmf",
    ".emf",
    ".drawio",
});
constexpr auto kOtherImageEndings = std::to_array<std::string_view>({
    ".psd", ".psb", ".xcf", ".kra", ".jp2", ".j2k", ".jpx", ".jxr", ".ico", ".icns",
    ".tga", ".pcx", ".ppm", ".pgm", ".pbm", ".exr", ".hdr", ".dds", ".x3f", ".afphoto",
});
constexpr auto kToolFileEndings = std::to_array<std::string_view>({
    ".lrcat",
    ".lrcat-data",
    ".ithmb",
});
constexpr auto kToolFiles = std::to_array<std::string_view>({
    ".ds_store",
    ".localized",
    ".nomedia",
    ".picasa.ini",
    "picasa.ini",
    ".@__qini",
    "icon\r",
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "zbthumbnail.info",
    "pspbrwse.jbf",
    "digikam4.db",
    "thumbnails-digikam.db",
    "recognition.db",
    "similarity.db",
});
constexpr auto kToolFilePrefixes = std::to_array<std::string_view>({
    "._",
    "synophoto_",
    "synoindex_",
});
constexpr auto kToolFolders = std::to_array<std::string_view>({
    "@eadir",
    "@tmp",
    "@sharebin",
    "@recycle",
    "@recently-snapshot",
    "@__thumb",
    ".@__thumb",
    "#recycle",
    "#snapshot",
    "__macosx",
    ".appledouble",
    ".spotlight-v100",
    ".fseventsd",
    ".temporaryitems",
    ".documentrevisions-v100",
    ".thumbnails",
    ".thumb",
    ".thumbs",
    ".picasaoriginals",
    ".comments",
    ".dtrash",
    ".stversions",
    ".stfolder",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "captureone",
    "nksc_param",
    "thmbnl",
});
constexpr auto kToolFolderPrefixes = std::to_array<std::string_view>({".trash"});
constexpr auto kToolFolderEndings = std::to_array<std::string_view>({".lrdata"});
// Libraries of Apple's Photos and iPhoto are folders: the user's files are in "originals" or
// "Masters", and smaller copies of them in these.
constexpr auto kLibraryEndings = std::to_array<std::string_view>({
    ".photoslibrary",
    ".photolibrary",
    ".migratedphotolibrary",
    ".aplibrary",
});
constexpr auto kLibraryToolFolders = std::to_array<std::string_view>({
    "resources",
    "thumbnails",
    "previews",
    "private",
    "database",
    "internal",
    "scopes",
    "external",
});

bool ends_with_any(std::string_view text, std::span<const std::string_view> endings) {
  return std::ranges::any_of(endings,
                             [&](std::string_view ending) { return text.ends_with(ending); });
}

bool starts_with_any(std::string_view text, std::span<const std::string_view> beginnings) {
  return std::ranges::any_of(
      beginnings, [&](std::string_view beginning) { return text.starts_with(beginning); });
}

struct Endings {
  FileKind kind;
  std::span<const std::string_view> endings;
};
constexpr std::array<Endings, 9> kEndings{{
    {FileKind::kVideo, kVideoEndings},
    {FileKind::kSound, kSoundEndings},
    {FileKind::kSidecar, kSidecarEndings},
    {FileKind::kDocument, kDocumentEndings},
    {FileKind::kArchive, kArchiveEndings},
    {FileKind::kText, kTextEndings},
    {FileKind::kDrawing, kDrawingEndings},
    {FileKind::kOtherImage, kOtherImageEndings},
    {FileKind::kToolFile, kToolFileEndings},
}};

struct Word {
  std::string_view one;
  std::string_view many;
};
// In the order of FileKind.
constexpr std::array<Word, kFileKinds> kWords{{
    {"image", "images"},
    {"video", "videos"},
    {"sound file", "sound files"},
    {"sidecar file", "sidecar files"},
    {"document", "documents"},
    {"archive", "archives"},
    {"text file", "text files"},
    {"drawing", "drawings"},
    {"picture of a type that is not supported", "pictures of types that are not supported"},
    {"file of a photo tool", "files of photo tools"},
    {"folder of a photo tool", "folders of photo tools"},
    {"hidden file", "hidden files"},
    {"hidden folder", "hidden folders"},
    {"folder of copies", "folders of copies"},
    {"folder in the list", "folders in the list"},
    {"link to a folder", "links to folders"},
    {"broken link", "broken links"},
    {"link that leads to itself", "links that lead to themselves"},
    {"socket, pipe or device", "sockets, pipes or devices"},
    {"empty file", "empty files"},
    {"file that cannot be read", "files that cannot be read"},
    {"other file", "other files"},
}};

}  // namespace

FileKind kind_of_name(std::string_view filename) {
  const std::string name = to_lower(filename);
  if (is_one_of(name, kToolFiles) || starts_with_any(name, kToolFilePrefixes))
    return FileKind::kToolFile;
  if (name.starts_with('.')) return FileKind::kHiddenFile;
  const std::string ending = extension_of(name);
  const auto* const known = std::ranges::find_if(
      kEndings, [&](const Endings& each) { return is_one_of(ending, each.endings); });
  return known == kEndings.end() ? FileKind::kOther : known->kind;
}

FileKind kind_of_folder(std::string_view name, std::string_view parent) {
  const std::string folder = to_lower(name);
  if (is_one_of(folder, kToolFolders) || starts_with_any(folder, kToolFolderPrefixes) ||
      ends_with_any(folder, kToolFolderEndings) ||
      (ends_with_any(to_lower(parent), kLibraryEndings) &&
       is_one_of(folder, kLibraryToolFolders))) {
    return FileKind::kToolFolder;
  }
  return folder.starts_with('.') ? FileKind::kHiddenFolder : FileKind::kOther;
}

std::string_view word_for(FileKind kind, std::uint64_t count) {
  const Word& word = kWords[static_cast<std::size_t>(kind)];
  return count == 1 ? word.one : word.many;
}

bool is_problem(FileKind kind) {
  return kind == FileKind::kEmpty || kind == FileKind::kUnreadable ||
         kind == FileKind::kBrokenLink || kind == FileKind::kLinkLoop || kind == FileKind::kSpecial;
}

bool KindCounts::empty() const {
  return std::ranges::all_of(counts_, [](std::uint64_t count) { return count == 0; });
}

std::string KindCounts::text() const {
  std::string text;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(counts_[i]) + " ";
    text += word_for(static_cast<FileKind>(i), counts_[i]);
  }
  return text;
}

}  // namespace classifier
