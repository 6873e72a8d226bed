#include "apps/photo_files.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string_view>
#include <utility>

#include "domain/text.hpp"
#include "services/image_service.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// Whether `folder` is `outer` or inside it, with links resolved; both exist.
bool is_inside(const fs::path& folder, const fs::path& outer) {
  std::error_code error;
  const fs::path inner = fs::canonical(folder, error);
  return !error && std::ranges::mismatch(outer, inner).in1 == outer.end();
}

// Adds the images of one folder, and the folders in it that must be searched too.
Result<void> read_folder(const fs::path& folder, const fs::path& left_out,
                         std::vector<std::string>& images, std::vector<fs::path>& folders) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::error_code unknown;
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) continue;
    if (entry->is_directory(unknown)) {
      const bool link = entry->is_symlink(unknown);  // may form a cycle
      if (!link && (left_out.empty() || !is_inside(entry->path(), left_out)))
        folders.push_back(entry->path());
    } else if (image_content_type(name) && entry->is_regular_file(unknown)) {
      images.push_back(entry->path().string());
    }
  }
  if (!error) return {};
  return fail(ErrorCode::kNotFound,
              fmt::format("cannot read the folder {}: {}", folder.string(), error.message()));
}

// `left_out` is canonical; empty: none.
Result<void> add_folder(const std::string& folder, const fs::path& left_out,
                        const std::function<void(const Error&)>& unreadable,
                        std::vector<std::string>& found) {
  if (!left_out.empty() && is_inside(folder, left_out)) return {};
  std::vector<std::string> inside;
  std::vector<fs::path> folders;
  if (auto read = read_folder(folder, left_out, inside, folders); !read) return read;
  while (!folders.empty()) {
    const fs::path next = std::move(folders.back());
    folders.pop_back();
    const auto read = read_folder(next, left_out, inside, folders);
    if (!read && unreadable) unreadable(read.error());
  }
  std::ranges::sort(inside);
  found.insert(found.end(), inside.begin(), inside.end());
  return {};
}

void add_lines(std::istream& in, std::vector<std::string>& lines) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // written by editors on Windows
  bool first = true;
  for (std::string line; std::getline(in, line); first = false) {
    if (first && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
    if (auto text = trim(line); !text.empty()) lines.push_back(std::move(text));
  }
}

}  // namespace

Result<std::vector<std::string>> find_photos(const std::vector<std::string>& paths,
                                             const fs::path& left_out,
                                             const std::function<void(const Error&)>& unreadable) {
  std::vector<std::string> found;
  std::error_code absent;
  const fs::path outside = left_out.empty() ? fs::path() : fs::canonical(left_out, absent);
  for (const auto& path : paths) {
    std::error_code error;
    if (path == "-") {
      add_lines(std::cin, found);
    } else if (fs::is_directory(path, error)) {
      if (auto added = add_folder(path, outside, unreadable, found); !added)
        return std::unexpected(added.error());
    } else if (fs::exists(path, error)) {
      found.push_back(path);
    } else if (error) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("cannot read {}: {}", path, error.message()));
    } else {
      return fail(ErrorCode::kNotFound, fmt::format("there is no file or folder {}", path));
    }
  }
  if (found.empty()) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("no images were found{}; images end in one of {}",
                    outside.empty() ? std::string()
                                    : fmt::format(", other than those in {}", left_out.string()),
                    image_extensions()));
  }
  return found;
}

Result<std::vector<std::string>> read_labels(const std::string& list, const std::string& file) {
  std::vector<std::string> labels;
  std::stringstream parts(list);
  for (std::string label; std::getline(parts, label, ',');) labels.push_back(trim(label));
  if (file.empty()) return labels;
  std::ifstream in(file);
  if (!in) return fail(ErrorCode::kNotFound, fmt::format("cannot read the labels in {}", file));
  const auto before = labels.size();
  add_lines(in, labels);
  if (labels.size() == before)
    return fail(ErrorCode::kNotFound, fmt::format("there are no labels in {}", file));
  return labels;
}

}  // namespace classifier
