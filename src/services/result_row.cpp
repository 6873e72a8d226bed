#include "services/result_row.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>

#include "domain/text.hpp"

namespace classifier {
namespace {

constexpr std::int64_t kMostRecords = 1'024;  // on one page

}  // namespace

double score_of(float score) { return std::round(static_cast<double>(score) * 1e6) / 1e6; }

ResultRow make_row(const ImageRecord& record, const JobSpec& spec) {
  ResultRow row;
  if (!record.outcome) {
    row.error = "not classified: the job ended before this image was reached";
    return row;
  }
  if (const auto* error = std::get_if<Error>(&record.outcome->result)) {
    row.error = error->message;
    return row;
  }
  row.predictions = &std::get<Predictions>(record.outcome->result);
  row.warning = record.outcome->warning;
  const Prediction& top = row.predictions->front();
  row.confidence = score_of(top.score);
  row.top = top.label;
  if (state_of(*record.outcome, spec) == ImageState::kUnknown) {
    row.top = "unknown";
    row.reason = below_threshold_reason(top, spec.confidence_threshold);
  }
  return row;
}

std::string below_threshold_reason(const Prediction& top, double threshold) {
  std::string score = fmt::format("{:.2f}", top.score);
  // Rounded to two digits, a score of 0.4999 would not be below 0.5.
  if (std::stod(score) >= threshold) score = fmt::format("{:.6f}", top.score);
  return fmt::format("confidence below threshold ({} < {}). Original prediction: {}", score,
                     short_number(threshold), top.label);
}

Result<std::vector<ImageRecord>> RecordPages::next() {
  const std::int64_t wanted = std::clamp<std::int64_t>(end_ - next_, 0, page_);
  if (wanted == 0) return std::vector<ImageRecord>{};
  auto page = source_(next_, static_cast<std::size_t>(wanted));
  if (page) next_ += static_cast<std::int64_t>(page->size());
  return page;
}

void RecordPages::fit(std::size_t text_size) {
  if (text_size > 2 * kResultPiece) page_ = std::max<std::int64_t>(page_ / 2, 1);
  if (text_size < kResultPiece / 2) page_ = std::min(page_ * 2, kMostRecords);
}

}  // namespace classifier
