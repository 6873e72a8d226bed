#include "apps/result_table.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>
#include <iostream>

namespace classifier {
namespace {

constexpr std::size_t kMaxName = 40;
constexpr std::size_t kMaxLabel = 28;
constexpr std::size_t kBar = 10;
constexpr float kLeastShown = 0.0005F;  // a lower score would show as "0.0 %"

std::string percent(double score, int width) {
  return fmt::format("{:{}.1f} %", 100 * score, width);
}

// If a label of several names does not fit, its first name: "seashore, coast" -> "seashore".
std::string short_label(const std::string& label, std::size_t columns) {
  const std::string shown = printable(label);
  return display_width(shown) <= columns ? shown : shown.substr(0, shown.find(", "));
}

// The predictions that follow the one shown, as many as fit into `columns`.
std::string alternatives(const ResultRow& row, std::size_t columns) {
  std::string text;
  for (std::size_t i = row.unknown ? 0 : 1; i < row.predictions.size(); ++i) {
    const auto& prediction = row.predictions[i];
    if (prediction.score < kLeastShown) break;
    const std::string part =
        fmt::format("{}{} {}", text.empty() ? "  " : ", ", short_label(prediction.label, kMaxLabel),
                    percent(prediction.score, 0));
    if (display_width(text) + display_width(part) > columns) break;
    text += part;
  }
  return text;
}

}  // namespace

ResultTable::ResultTable(const std::vector<ResultRow>& rows) : columns_(terminal_columns(stdout)) {
  for (const auto& row : rows) {
    name_width_ = std::max(name_width_, display_width(printable(row.filename)));
    if (!row.predictions.empty())
      label_width_ = std::max(label_width_,
                              display_width(short_label(row.predictions.front().label, kMaxLabel)));
  }
  name_width_ = std::min(name_width_, kMaxName);
  label_width_ = std::clamp(label_width_, std::string_view("unknown").size(), kMaxLabel);
}

void ResultTable::print(const ResultRow& row) const {
  const std::string name = fit(printable(row.filename), name_width_) + "  ";
  if (row.predictions.empty()) {
    std::cout << name << paint_(Colour::kRed, "failed: " + printable(row.error)) << "\n";
    return;
  }
  const auto& best = row.predictions.front();
  const bool terminal = columns_ > 0;
  const std::string shown_bar = terminal ? bar(best.score, kBar) + " " : "";
  const std::string label = row.unknown ? "unknown" : short_label(best.label, label_width_);
  const std::size_t used =
      name_width_ + 2 + (terminal ? kBar + 1 : 0) + percent(1, 5).size() + 2 + label_width_;
  const std::string others =
      alternatives(row, terminal ? columns_ - std::min(columns_, used) : SIZE_MAX);
  std::cout << name << paint_(row.unknown ? Colour::kYellow : Colour::kGreen, shown_bar)
            << percent(best.score, 5) << "  "
            << paint_(row.unknown ? Colour::kYellow : Colour::kBold,
                      others.empty() ? label : fit(label, label_width_))
            << paint_(Colour::kDim, others) << "\n";
  if (!row.warning.empty())
    std::cout << "  " << paint_(Colour::kYellow, "warning: " + printable(row.warning)) << "\n";
}

void print_results(const std::vector<ResultRow>& rows) {
  const ResultTable table(rows);
  for (const auto& row : rows) table.print(row);
}

std::string not_whole_notice(std::int64_t images) {
  if (images == 0) return "";
  return images == 1 ? "1 image is not whole: see its warning"
                     : fmt::format("{} images are not whole: see their warnings", images);
}

}  // namespace classifier
