#include "apps/photo_files.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <span>
#include <sstream>
#include <string_view>
#include <utility>

#include "domain/content_kind.hpp"
#include "domain/text.hpp"
#include "services/image_service.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kInput = "-";  // as an argument

// Whether `folder` is `outer` or inside it, with links resolved; both exist.
bool is_inside(const fs::path& folder, const fs::path& outer) {
  std::error_code error;
  const fs::path inner = fs::canonical(folder, error);
  return !error && std::ranges::mismatch(outer, inner).in1 == outer.end();
}

// Of a name that leads to no file.
FileKind kind_of_failure(int error) {
  if (error == ELOOP) return FileKind::kLinkLoop;
  return error == ENOENT || error == ENOTDIR ? FileKind::kBrokenLink : FileKind::kUnreadable;
}

// One search, which may be for several folders and lists.
class Search {
 public:
  explicit Search(const PhotoSearch& how) : how_(how) {
    std::error_code absent;
    if (!how.left_out.empty()) outside_ = fs::canonical(how.left_out, absent);
  }

  // A folder, and all in it.
  Result<void> add_folder(const fs::path& folder) {
    if (is_left_out(folder)) {
      pass_over(folder, FileKind::kCopies);
      return {};
    }
    const std::size_t before = found_.size();
    std::vector<fs::path> folders;
    if (auto read = read_folder(folder, folders); !read) return read;
    while (!folders.empty() && !ended_) {
      const fs::path next = std::move(folders.back());
      folders.pop_back();
      const auto read = read_folder(next, folders);
      if (!read && how_.unreadable) how_.unreadable(read.error());
    }
    std::sort(found_.begin() + static_cast<std::ptrdiff_t>(before), found_.end());
    return {};
  }

  void add_file(std::string file) { found_.push_back(std::move(file)); }

  // Like those of the command line, files are tried whatever they are. `find` lists folders, too.
  void add_list(std::vector<std::string> files) {
    for (auto& file : files) {
      if (!go_on()) return;
      if (std::error_code error; fs::is_directory(file, error)) {
        pass_over(file, FileKind::kListedFolder);
      } else {
        add_file(std::move(file));
      }
    }
  }

  // `paths` is for the error: where nothing was found.
  Result<std::vector<std::string>> result(const std::vector<std::string>& paths) && {
    if (ended_) return fail(ErrorCode::kUnavailable, "the search was interrupted");
    if (!found_.empty()) return std::move(found_);
    std::string message = "no images were found";
    if (paths.size() == 1 && paths.front() != kInput) message += " in " + paths.front();
    if (!outside_.empty())
      message += fmt::format(", other than those in {}", how_.left_out.string());
    message += counts_.empty() ? ": there are no files" : "; passed over: " + counts_.text();
    return fail(ErrorCode::kNotFound, std::move(message));
  }

 private:
  bool go_on() {
    ended_ = ended_ || (how_.looked_at && !how_.looked_at());
    return !ended_;
  }

  bool is_left_out(const fs::path& folder) const {
    return !outside_.empty() && is_inside(folder, outside_);
  }

  void pass_over(const fs::path& path, FileKind kind) {
    counts_.add(kind);
    if (how_.passed_over) how_.passed_over(path.string(), kind);
  }

  // Adds the images of one folder, and to `folders` those in it that must be searched, too.
  Result<void> read_folder(const fs::path& folder, std::vector<fs::path>& folders) {
    const std::string parent =
        (folder.has_filename() ? folder : folder.parent_path()).filename().string();
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
      if (!go_on()) return {};
      std::error_code unknown;
      const bool link = entry->is_symlink(unknown);
      if (!link && entry->is_directory(unknown)) {
        const FileKind kind = is_left_out(entry->path())
                                  ? FileKind::kCopies
                                  : kind_of_folder(entry->path().filename().string(), parent);
        if (kind == FileKind::kOther) {
          folders.push_back(entry->path());
        } else {
          pass_over(entry->path(), kind);
        }
      } else if (const FileKind kind = kind_of_file(entry->path()); kind == FileKind::kImage) {
        add_file(entry->path().string());
      } else {
        pass_over(entry->path(), kind);
      }
    }
    if (!error) return {};
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot read the folder {}: {}", folder.string(), error.message()));
  }

  const PhotoSearch& how_;
  fs::path outside_;  // canonical; empty: none
  std::vector<std::string> found_;
  KindCounts counts_;
  bool ended_ = false;
};

// What was read from standard input, if that was an image.
std::FILE* g_input_image = nullptr;

Result<void> keep_input(std::string_view head) {
  g_input_image = std::tmpfile();
  bool kept = g_input_image != nullptr &&
              std::fwrite(head.data(), 1, head.size(), g_input_image) == head.size();
  std::string piece(kListHead, '\0');
  while (kept) {
    std::cin.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto size = static_cast<std::size_t>(std::cin.gcount());
    if (size == 0) break;
    kept = std::fwrite(piece.data(), 1, size, g_input_image) == size;
  }
  if (kept && std::fflush(g_input_image) == 0) return {};
  return fail(ErrorCode::kExhausted, fmt::format("cannot keep the image of standard input in a "
                                                 "temporary file: {}",
                                                 std::strerror(errno)));
}

Result<void> add_input(Search& search) {
  std::string list(kListHead, '\0');
  std::cin.read(list.data(), static_cast<std::streamsize>(list.size()));
  list.resize(static_cast<std::size_t>(std::cin.gcount()));
  if (kind_of_content(std::as_bytes(std::span(list))).kind == FileKind::kImage) {
    if (auto kept = keep_input(list); !kept) return kept;
    search.add_file(std::string(kStandardInput));
    return {};
  }
  list.append(std::istreambuf_iterator<char>(std::cin), {});
  search.add_list(files_in_list(list));
  return {};
}

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // written by editors on Windows

void add_lines(std::istream& in, std::vector<std::string>& lines) {
  bool first = true;
  for (std::string line; std::getline(in, line); first = false) {
    if (first && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
    if (auto text = trim(line); !text.empty()) lines.push_back(std::move(text));
  }
}

}  // namespace

Result<std::vector<std::string>> find_photos(const std::vector<std::string>& paths,
                                             const PhotoSearch& how) {
  Search search(how);
  for (const auto& path : paths) {
    std::error_code error;
    if (path == kInput) {
      if (auto added = add_input(search); !added) return std::unexpected(added.error());
    } else if (fs::is_directory(path, error)) {
      if (auto added = search.add_folder(path); !added) return std::unexpected(added.error());
    } else if (fs::exists(path, error)) {
      search.add_file(path);
    } else if (error) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("cannot read {}: {}", path, error.message()));
    } else {
      return fail(ErrorCode::kNotFound, fmt::format("there is no file or folder {}", path));
    }
  }
  return std::move(search).result(paths);
}

fs::path file_of(const std::string& photo) {
  if (photo != kStandardInput || g_input_image == nullptr) return photo;
  return fmt::format("/proc/self/fd/{}", ::fileno(g_input_image));
}

std::optional<ContentKind> content_of(const fs::path& file) {
  std::array<std::byte, kKindBytes> head;  // NOLINT(*-member-init): filled by read
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  const auto size = ::read(descriptor, head.data(), head.size());
  ::close(descriptor);
  if (size < 0) return std::nullopt;
  return kind_of_content(std::span(head).first(static_cast<std::size_t>(size)));
}

FileKind kind_of_file(const fs::path& file) {
  const std::string name = file.filename().string();
  const FileKind named = kind_of_name(name);
  if (named == FileKind::kToolFile || named == FileKind::kHiddenFile) return named;
  struct stat facts{};
  if (::stat(file.c_str(), &facts) != 0) return kind_of_failure(errno);
  if (S_ISDIR(facts.st_mode)) return FileKind::kFolderLink;
  if (!S_ISREG(facts.st_mode)) return FileKind::kSpecial;
  // A sidecar may be an image: cameras write the thumbnail of a video as .THM.
  if (named == FileKind::kSidecar) return named;
  if (facts.st_size == 0 && named == FileKind::kOther) return FileKind::kEmpty;
  if (image_content_type(name)) {
    const bool readable = ::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0;
    return readable ? FileKind::kImage : FileKind::kUnreadable;
  }
  const auto content = content_of(file);
  if (content && content->kind == FileKind::kImage) return FileKind::kImage;
  if (named != FileKind::kOther) return named;
  return content ? content->kind : FileKind::kUnreadable;
}

std::vector<std::string> files_in_list(std::string_view list) {
  const bool lines = list.substr(0, kListHead).find('\0') == std::string_view::npos;
  if (lines && list.starts_with(kByteOrderMark)) list.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> files;
  while (!list.empty()) {
    std::string_view file = list.substr(0, list.find(lines ? '\n' : '\0'));
    list.remove_prefix(std::min(file.size() + 1, list.size()));
    if (lines && file.ends_with('\r')) file.remove_suffix(1);
    const std::string trimmed = lines ? trim(file) : std::string(file);
    if (trimmed.empty()) continue;
    std::error_code error;
    const bool exact = trimmed.size() == file.size() || fs::exists(fs::path(file), error);
    files.push_back(exact ? std::string(file) : trimmed);
  }
  return files;
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
