// Keys of sorted copies in the output bucket.
#pragma once

#include <string>
#include <string_view>

namespace classifier {

// A label as one part of a key, without characters that a store or a file system gives a meaning.
std::string safe_label(std::string_view label);

// `<job_id>/<label>/<filename>`
std::string output_key(std::string_view job_id, std::string_view label, std::string_view filename);

}  // namespace classifier
