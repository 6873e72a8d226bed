// Finds the photos and labels that a command line names.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/content_kind.hpp"
#include "domain/error.hpp"
#include "domain/file_kind.hpp"

namespace classifier {

// How to search for photos. Every function may be empty.
struct PhotoSearch {
  // Passed over, unless a file in it is named itself.
  std::filesystem::path left_out = {};  // NOLINT(readability-redundant-member-init): may be omitted
  // A folder inside a named one cannot be read.
  std::function<void(const Error&)> unreadable;
  // A file or folder is no photo.
  std::function<void(const std::string& path, FileKind kind)> passed_over;
  // One more entry of a folder or list was looked at; false ends the search.
  std::function<bool()> looked_at;
};

// The photos that `paths` name: files as they are; of folders, sorted, those whose ending or else
// first bytes are those of an image. "-" is standard input: an image, or a list of files, see
// files_in_list. kNotFound if a path does not exist, a named folder cannot be read, or there is no
// image at all; its message says what there is. Links to folders are not followed.
Result<std::vector<std::string>> find_photos(const std::vector<std::string>& paths,
                                             const PhotoSearch& search = {});

// The name of the image on standard input.
inline constexpr std::string_view kStandardInput = "/dev/stdin";
// The file with the bytes of a photo that was found.
std::filesystem::path file_of(const std::string& photo);

// What a file is by its first bytes; nullopt if it cannot be read.
std::optional<ContentKind> content_of(const std::filesystem::path& file);

// What one file of a folder is; reads its first bytes where its name does not say it.
FileKind kind_of_file(const std::filesystem::path& file);

// The paths in a list: separated by NUL if there is one in its first kListHead bytes, otherwise one
// for each line, which may end with CR LF. Blank lines and a byte order mark are ignored, and white
// space around a path if there is no file of the name with it.
constexpr std::size_t kListHead = 64 << 10;
std::vector<std::string> files_in_list(std::string_view list);

// Labels separated by commas, then those of a file, one per line; blank lines, white space around
// labels and a byte order mark are ignored. kNotFound if the file cannot be read.
Result<std::vector<std::string>> read_labels(const std::string& list, const std::string& file);

}  // namespace classifier
