// Files and folders that survive a power loss. fsync of a file keeps its content; its name is
// durable only after fsync of the folder that holds it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "domain/error.hpp"

namespace classifier {

// The error "<what>: <reason>" for an errno: kNotFound, kExhausted (disk full) or kTooLarge;
// kUnavailable for all others.
std::unexpected<Error> io_error(const std::string& what, int code);

// fsync of a folder: makes renames, links and removals in it durable.
Result<void> sync_folder(const std::filesystem::path& folder);

// Creates the folder and its missing parents, durably.
Result<void> make_durable_folder(const std::filesystem::path& folder);

// Creates a file with this content, whole or not at all, durably. An existing file, such as one
// that another process has just created, stays as it is.
Result<void> create_durable_file(const std::filesystem::path& file, std::string_view content,
                                 mode_t mode);

}  // namespace classifier
