// The result of a job as JSON.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "services/result_row.hpp"

namespace classifier {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Rounds milliseconds.
double to_microsecond(double ms) { return std::round(ms * 1e3) / 1e3; }

json detail(const ImageRecord& record, const JobSpec& spec) {
  const ResultRow row = make_row(record, spec);
  json entry = {{"filename", record.filename},
                {"s3_key", record.s3_key},
                {"top_prediction", row.top.empty() ? json(nullptr) : json(row.top)},
                {"top_confidence", row.confidence},
                {"all_predictions", json::array()},
                {"processing_time_ms",
                 record.outcome ? to_microsecond(record.outcome->processing_time_ms) : 0.0}};
  if (row.predictions != nullptr) {
    for (const auto& prediction : *row.predictions) {
      entry["all_predictions"].push_back(
          {{"label", prediction.label}, {"score", score_of(prediction.score)}});
    }
  }
  if (!row.reason.empty()) entry["reason"] = row.reason;
  if (!row.error.empty()) entry["error"] = row.error;
  return entry;
}

std::int64_t duration_ms(const Job& job) {
  if (!job.started_at || !job.completed_at) return 0;
  return std::max<std::int64_t>((*job.completed_at - *job.started_at).count(), 0);
}

class JsonResult final : public ResultWriter {
 public:
  JsonResult(Job job, RecordSource source, ResultOptions options)
      : job_(std::move(job)), source_(std::move(source)), options_(std::move(options)) {
    const std::int64_t total = job_.counts.total;
    from_ = std::clamp<std::int64_t>(options_.from, 0, total);
    end_ = options_.limit ? std::min(total, from_ + *options_.limit) : total;
    restart();
  }

  Result<std::optional<std::string>> next() override {
    while (true) {
      auto piece = next_piece();
      if (!piece || !*piece || !(*piece)->empty()) return piece;
    }
  }

 private:
  enum class Part { kHead, kDetails, kPaths, kGroups, kEnd };

  // Like next(), but the piece may be empty.
  Result<std::optional<std::string>> next_piece() {
    switch (part_) {
      case Part::kHead:
        part_ = Part::kDetails;
        return head() + ",\"detailed_results\":[";
      case Part::kDetails:
        return list_part(Part::kPaths, "],\"output_paths\":{", [this](const ImageRecord& record) {
          if (options_.partial && !record.outcome) return std::string();
          return dump(detail(record, *job_.spec));
        });
      case Part::kPaths:
        return list_part(Part::kGroups, "},\"grouped_by_label\":{",
                         [this](const ImageRecord& record) { return path_member(record); });
      case Part::kGroups:
        return groups();
      case Part::kEnd:
        break;
    }
    return std::nullopt;
  }

  void restart() {
    pages_.emplace(source_, from_, end_);
    first_ = true;
  }

  std::string head() const {
    const auto& counts = job_.counts;
    json head = {{"success", job_.status == JobStatus::kCompleted},
                 {"job_id", job_.id},
                 {"status", to_string(job_.status)},
                 {"job_type", to_string(job_.spec->type)},
                 {"model_used", job_.spec->model},
                 {"total_images", counts.total},
                 {"processing_time_ms", duration_ms(job_)},
                 {"summary",
                  {{"total", counts.total},
                   {"classified", counts.classified},
                   {"unknown", counts.unknown},
                   {"failed", counts.failed}}}};
    if (job_.error) head["error"] = *job_.error;
    if (end_ < counts.total) head["next_token"] = std::to_string(end_);
    std::string text = dump(head);
    text.pop_back();
    return text;
  }

  // The records of one page as members of a list or object. After the last record: `closing`, and
  // `next` becomes the part.
  template <class Format>
  Result<std::optional<std::string>> list_part(Part next, std::string_view closing, Format format) {
    auto page = pages_->next();
    if (!page) return std::unexpected(page.error());
    std::string text;
    for (const auto& record : *page) {
      const std::string item = format(record);
      if (item.empty()) continue;
      if (!first_) text += ',';
      first_ = false;
      text += item;
    }
    if (page->empty()) {
      text = closing;
      part_ = next;
      seen_paths_.clear();
      restart();
    }
    return text;
  }

  std::string path_member(const ImageRecord& record) {
    if (!record.outcome || record.outcome->output_key.empty()) return {};
    // A key that was submitted twice has one copy, and a JSON object must not repeat a member.
    if (!seen_paths_.insert(std::hash<std::string>{}(record.s3_key)).second) return {};
    const std::string path =
        fmt::format("s3://{}/{}", options_.output_bucket, record.outcome->output_key);
    return dump(record.s3_key) + ":" + dump(path);
  }

  // Collects the file names of all labels.
  Result<std::optional<std::string>> groups() {
    std::map<std::string, json> groups;
    while (true) {
      auto page = pages_->next();
      if (!page) return std::unexpected(page.error());
      if (page->empty()) break;
      for (const auto& record : *page) {
        const ResultRow row = make_row(record, *job_.spec);
        if (row.top.empty()) continue;
        json& names = groups[row.top];
        if (names.is_null()) names = json::array();
        names.push_back(record.filename);
      }
    }
    std::string text;
    for (const auto& [label, names] : groups) {
      if (!text.empty()) text += ',';
      text += dump(label) + ":" + dump(names);
    }
    part_ = Part::kEnd;
    return text + "}}";
  }

  Job job_;
  RecordSource source_;
  ResultOptions options_;
  std::int64_t from_ = 0;
  std::int64_t end_ = 0;
  Part part_ = Part::kHead;
  bool first_ = true;
  std::optional<RecordPages> pages_;
  std::set<std::size_t> seen_paths_;  // hashes of keys
};

}  // namespace

std::unique_ptr<ResultWriter> json_result(Job job, RecordSource records, ResultOptions options) {
  return std::make_unique<JsonResult>(std::move(job), std::move(records), std::move(options));
}

}  // namespace classifier
