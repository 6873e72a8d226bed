// Finds the photos and labels that a command line names.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "domain/error.hpp"

namespace classifier {

// The photos that `paths` name: files as they are, folders with all images in them (by extension,
// sorted, without hidden files), "-" for paths on standard input, one per line. kNotFound if a path
// does not exist, a named folder cannot be read, or there is no image at all. Folders inside a
// named one that cannot be read are passed to `unreadable`. Images in the folder `left_out` are
// skipped unless `paths` names the file itself.
Result<std::vector<std::string>> find_photos(
    const std::vector<std::string>& paths, const std::filesystem::path& left_out = {},
    const std::function<void(const Error&)>& unreadable = {});

// Labels separated by commas, then those of a file, one per line; blank lines, white space around
// labels and a byte order mark are ignored. kNotFound if the file cannot be read.
Result<std::vector<std::string>> read_labels(const std::string& list, const std::string& file);

}  // namespace classifier
