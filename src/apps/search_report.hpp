// Tells the user what a search for photos passes over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "apps/photo_files.hpp"
#include "apps/terminal.hpp"

namespace classifier {

class SearchReport {
 public:
  // `list_each`: names all that is passed over, not only what may be a photo. `stop` ends a search.
  SearchReport(bool list_each, std::function<bool()> stop)
      : list_each_(list_each), stop_(std::move(stop)) {}

  // find_photos, with progress on a terminal, and a warning for each of the first files that may be
  // photos and are not usable.
  Result<std::vector<std::string>> find(const std::vector<std::string>& paths,
                                        const std::filesystem::path& left_out = {});

  // Prints the closing line, "passed over: 3 videos, 2 sidecar files", to standard error.
  void print() const;

  // Whether a folder or a photo could not be read, so that the results are not of all photos.
  bool incomplete() const { return incomplete_; }

 private:
  static constexpr std::uint64_t kMostWarnings = 10;

  void warn(const std::string& text);
  void pass_over(const std::string& path, FileKind kind);
  bool look();

  bool list_each_;
  std::function<bool()> stop_;
  ProgressBar progress_{0, "files looked at"};
  KindCounts counts_;
  std::int64_t looked_at_ = 0;
  std::uint64_t problems_ = 0;
  bool incomplete_ = false;
};

}  // namespace classifier
