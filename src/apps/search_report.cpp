#include "apps/search_report.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

#include "services/image_service.hpp"

namespace classifier {

Result<std::vector<std::string>> SearchReport::find(const std::vector<std::string>& paths,
                                                    const std::filesystem::path& left_out) {
  auto photos = find_photos(paths, {.left_out = left_out,
                                    .unreadable =
                                        [this](const Error& error) {
                                          incomplete_ = true;
                                          warn(error.message);
                                        },
                                    .passed_over = [this](const std::string& path,
                                                          FileKind kind) { pass_over(path, kind); },
                                    .looked_at = [this] { return look(); }});
  progress_.clear();
  if (problems_ > kMostWarnings && !list_each_) {
    warn(fmt::format("{} more files like these; --list-passed-over names them all",
                     problems_ - kMostWarnings));
  }
  return photos;
}

void SearchReport::print() const {
  if (!counts_.empty()) std::fprintf(stderr, "passed over: %s\n", counts_.text().c_str());
}

void SearchReport::warn(const std::string& text) {
  progress_.clear();
  std::fprintf(stderr, "classifier: %s\n", printable(text).c_str());
}

void SearchReport::pass_over(const std::string& path, FileKind kind) {
  counts_.add(kind);
  if (kind == FileKind::kUnreadable || (is_problem(kind) && image_content_type(path)))
    incomplete_ = true;
  if (is_problem(kind)) ++problems_;
  if (list_each_ || (is_problem(kind) && problems_ <= kMostWarnings)) {
    warn(fmt::format("passed over ({}): {}", word_for(kind), path));
  }
}

bool SearchReport::look() {
  progress_.show(++looked_at_, 0);
  return !stop_();
}

}  // namespace classifier
