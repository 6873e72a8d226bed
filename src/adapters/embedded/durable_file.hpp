// Files and folders that are still there after a power loss. A file's own fsync keeps its content;
// its name lasts only once the folder that holds it is written too.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "support/files.hpp"

namespace classifier {

// "what: reason" of an errno: kNotFound, kExhausted, kTooLarge, or kUnavailable for anything that
// may pass.
std::unexpected<Error> io_error(const std::string& what, int code);

// Keeps the names in the folder: renames, links and removals.
Result<void> sync_folder(const std::filesystem::path& folder);

// Makes the folder and those above it that are missing.
Result<void> make_durable_folder(const std::filesystem::path& folder);

// Makes a file with this content, whole or not at all. Where there is one of this name already,
// perhaps of a process that was quicker, it stays as it is.
Result<void> create_durable_file(const std::filesystem::path& file, std::string_view content,
                                 mode_t mode);

}  // namespace classifier
