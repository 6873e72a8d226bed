// The photos and labels that a command line names.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "domain/error.hpp"

namespace classifier {

// Files as they are named, folders with all images in them (by extension, sorted, without hidden
// files), "-" for a list on standard input, one path a line. kNotFound for what is not there, and
// where there is no image at all, or where a folder that is named cannot be read; those inside it
// that cannot be read are told to `unreadable`. What is inside `left_out`, a folder, counts only
// where a file is named itself.
Result<std::vector<std::string>> find_photos(
    const std::vector<std::string>& paths, const std::filesystem::path& left_out = {},
    const std::function<void(const Error&)>& unreadable = {});

// Labels separated by commas, and those of a file, one on each line; blank lines and white space
// around labels do not count, nor does a byte order mark. kNotFound when the file cannot be read.
Result<std::vector<std::string>> read_labels(const std::string& list, const std::string& file);

}  // namespace classifier
