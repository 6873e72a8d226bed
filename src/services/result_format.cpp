#include "services/result_format.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "domain/text.hpp"

namespace classifier {
namespace {

using nlohmann::json;

constexpr std::size_t kPage = 1'000;
constexpr std::string_view kUnknown = "unknown";

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Scores are single precision: more digits would only be noise.
double rounded(double value, double scale) { return std::round(value * scale) / scale; }
double score_of(float score) { return rounded(score, 1e6); }

struct Row {
  std::string top;  // label, "unknown", or empty for a failed image
  double confidence = 0;
  std::string reason;
  std::string error;
  const Predictions* predictions = nullptr;  // inside the record
};

Row make_row(const ImageRecord& record, const JobSpec& spec) {
  Row row;
  if (!record.outcome) {
    row.error = "not classified: the job ended before its turn";
    return row;
  }
  if (const auto* error = std::get_if<Error>(&record.outcome->result)) {
    row.error = error->message;
    return row;
  }
  row.predictions = &std::get<Predictions>(record.outcome->result);
  const Prediction& top = row.predictions->front();
  row.confidence = score_of(top.score);
  row.top = top.label;
  if (state_of(*record.outcome, spec) == ImageState::kUnknown) {
    row.top = kUnknown;
    row.reason = below_threshold_reason(top, spec.confidence_threshold);
  }
  return row;
}

json detail(const ImageRecord& record, const JobSpec& spec) {
  const Row row = make_row(record, spec);
  json entry = {{"filename", record.filename},
                {"s3_key", record.s3_key},
                {"top_prediction", row.top.empty() ? json(nullptr) : json(row.top)},
                {"top_confidence", row.confidence},
                {"all_predictions", json::array()},
                {"processing_time_ms",
                 record.outcome ? rounded(record.outcome->processing_time_ms, 1e3) : 0.0}};
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

// Walks the records of a result, a page at a time.
class Pages {
 public:
  Pages(RecordSource source, std::int64_t from, std::int64_t end)
      : source_(std::move(source)), next_(from), end_(end) {}

  // An empty page at the end.
  Result<std::vector<ImageRecord>> next() {
    const auto wanted = static_cast<std::size_t>(std::clamp<std::int64_t>(end_ - next_, 0, kPage));
    if (wanted == 0) return std::vector<ImageRecord>{};
    auto page = source_(next_, wanted);
    if (page) next_ += static_cast<std::int64_t>(page->size());
    return page;
  }

 private:
  RecordSource source_;
  std::int64_t next_;
  std::int64_t end_;
};

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

  // As next(), but a piece may be empty.
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

  // One page of a list or object; `closing` and the next part once the records are at their end.
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
    // An image that was submitted twice has one copy, and an object must not have a member twice.
    if (!seen_paths_.insert(std::hash<std::string>{}(record.s3_key)).second) return {};
    return dump(record.s3_key) + ":" +
           dump("s3://" + options_.output_bucket + "/" + record.outcome->output_key);
  }

  // Collects the file names of all labels: the only part whose memory grows with the images, by
  // their names.
  Result<std::optional<std::string>> groups() {
    std::map<std::string, json> groups;
    while (true) {
      auto page = pages_->next();
      if (!page) return std::unexpected(page.error());
      if (page->empty()) break;
      for (const auto& record : *page) {
        const Row row = make_row(record, *job_.spec);
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
  std::optional<Pages> pages_;
  std::set<std::size_t> seen_paths_;  // hashes of keys
};

// RFC 4180, and against formula injection a quote in front of what a spreadsheet would run.
std::string cell(std::string_view text) {
  std::string value(text);
  if (!value.empty() &&
      std::string_view("=+-@\t\r\n").find(value.front()) != std::string_view::npos) {
    value.insert(value.begin(), '\'');
  }
  if (value.find_first_of(",\"\r\n") == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

class CsvResult final : public ResultWriter {
 public:
  CsvResult(Job job, RecordSource source)
      : job_(std::move(job)), pages_(std::move(source), 0, job_.counts.total) {}

  Result<std::optional<std::string>> next() override {
    if (!started_) {
      started_ = true;
      return "filename,s3_key,top_prediction,top_confidence,status,reason,error,processing_time_ms,"
             "predictions\r\n";
    }
    auto page = pages_.next();
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return std::nullopt;
    std::string text;
    for (const auto& record : *page) text += line(record);
    return text;
  }

 private:
  std::string line(const ImageRecord& record) const {
    const Row row = make_row(record, *job_.spec);
    const std::string_view status = !row.error.empty()   ? "failed"
                                    : row.reason.empty() ? "classified"
                                                         : "unknown";
    std::string predictions;
    if (row.predictions != nullptr) {
      for (const auto& prediction : *row.predictions) {
        if (!predictions.empty()) predictions += "; ";
        predictions += prediction.label + " " + short_number(prediction.score);
      }
    }
    return cell(record.filename) + "," + cell(record.s3_key) + "," + cell(row.top) + "," +
           (row.error.empty() ? short_number(row.confidence) : "") + "," + std::string(status) +
           "," + cell(row.reason) + "," + cell(row.error) + "," +
           (record.outcome ? short_number(record.outcome->processing_time_ms) : "") + "," +
           cell(predictions) + "\r\n";
  }

  Job job_;
  Pages pages_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<ResultWriter> json_result(Job job, RecordSource records, ResultOptions options) {
  return std::make_unique<JsonResult>(std::move(job), std::move(records), std::move(options));
}

std::unique_ptr<ResultWriter> csv_result(Job job, RecordSource records) {
  return std::make_unique<CsvResult>(std::move(job), std::move(records));
}

std::string below_threshold_reason(const Prediction& top, double threshold) {
  char score[32];
  std::snprintf(score, sizeof score, "%.2f", static_cast<double>(top.score));
  // Where two digits would say "0.50 < 0.5", give the digits that differ.
  if (std::stod(score) >= threshold) {
    std::snprintf(score, sizeof score, "%.6f", static_cast<double>(top.score));
  }
  return "confidence below threshold (" + std::string(score) + " < " + short_number(threshold) +
         "). Original prediction: " + top.label;
}

std::string safe_label(std::string_view label) {
  std::string safe(utf8_prefix(label, 200));
  for (char& c : safe) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F ||
        std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos)
      c = '_';
  }
  while (safe.ends_with('.') || safe.ends_with(' ')) safe.back() = '_';
  if (safe.starts_with('.')) safe.front() = '_';
  return safe.empty() ? "_" : safe;
}

std::string output_key(std::string_view job_id, std::string_view label, std::string_view filename) {
  return std::string(job_id) + "/" + safe_label(label) + "/" + std::string(filename);
}

}  // namespace classifier
