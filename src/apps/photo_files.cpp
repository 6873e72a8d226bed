#include "apps/photo_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "domain/text.hpp"
#include "services/image_service.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// Whether `folder` is `outer` or inside it; both are there, and links do not matter.
bool is_inside(const fs::path& folder, const fs::path& outer) {
  std::error_code error;
  const fs::path inner = fs::canonical(folder, error);
  return !error && std::ranges::mismatch(outer, inner).in1 == outer.end();
}

// `left_out` is canonical, or empty for none.
Result<void> add_folder(const std::string& folder, const fs::path& left_out,
                        std::vector<std::string>& found) {
  if (!left_out.empty() && is_inside(folder, left_out)) return {};
  std::error_code error;
  std::vector<std::string> inside;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied,
                                         error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::error_code unreadable;
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.') || (!left_out.empty() && entry->is_directory(unreadable) &&
                                  is_inside(entry->path(), left_out))) {
      entry.disable_recursion_pending();
    } else if (image_content_type(name) && entry->is_regular_file(unreadable)) {
      inside.push_back(entry->path().string());
    }
  }
  if (error)
    return fail(ErrorCode::kNotFound, "cannot read the folder " + folder + ": " + error.message());
  std::ranges::sort(inside);
  found.insert(found.end(), inside.begin(), inside.end());
  return {};
}

void add_lines(std::istream& in, std::vector<std::string>& lines) {
  for (std::string line; std::getline(in, line);) {
    if (auto text = trim(line); !text.empty()) lines.push_back(std::move(text));
  }
}

}  // namespace

Result<std::vector<std::string>> find_photos(const std::vector<std::string>& paths,
                                             const fs::path& left_out) {
  std::vector<std::string> found;
  std::error_code absent;
  const fs::path outside = left_out.empty() ? fs::path() : fs::canonical(left_out, absent);
  for (const auto& path : paths) {
    std::error_code error;
    if (path == "-") {
      add_lines(std::cin, found);
    } else if (fs::is_directory(path, error)) {
      if (auto added = add_folder(path, outside, found); !added)
        return std::unexpected(added.error());
    } else if (fs::exists(path, error)) {
      found.push_back(path);
    } else {
      return fail(ErrorCode::kNotFound, "there is no file or folder " + path);
    }
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                "there are no images in what was named" +
                    (outside.empty() ? "" : ", beside those in " + left_out.string()) +
                    "; images end in .jpg, .jpeg, .png, .gif, .bmp or .webp");
  }
  return found;
}

Result<std::vector<std::string>> read_labels(const std::string& list, const std::string& file) {
  std::vector<std::string> labels;
  std::stringstream parts(list);
  for (std::string label; std::getline(parts, label, ',');) labels.push_back(trim(label));
  if (file.empty()) return labels;
  std::ifstream in(file);
  if (!in) return fail(ErrorCode::kNotFound, "cannot read the labels of " + file);
  const auto before = labels.size();
  add_lines(in, labels);
  if (labels.size() == before) return fail(ErrorCode::kNotFound, "there are no labels in " + file);
  return labels;
}

}  // namespace classifier
