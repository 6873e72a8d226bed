// The result of a job as JSON.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>

#include "services/result_row.hpp"
#include "support/spool.hpp"

namespace classifier {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Rounds milliseconds.
double to_microsecond(double ms) { return std::round(ms * 1e3) / 1e3; }

json detail(const ImageRecord& record, const ResultRow& row) {
  json entry = {{"filename", record.filename},
                {"s3_key", record.s3_key},
                {"top_prediction", row.top.empty() ? json(nullptr) : json(row.top)},
                {"top_confidence", row.confidence},
                {"all_predictions", json::array()},
                {"processing_time_ms",
                 record.outcome ? to_microsecond(record.outcome->processing_time_ms) : 0.0}};
  if (!record.name.empty()) entry["name"] = record.name;
  if (row.predictions != nullptr) {
    for (const auto& prediction : *row.predictions) {
      entry["all_predictions"].push_back(
          {{"label", prediction.label}, {"score", score_of(prediction.score)}});
    }
  }
  if (!row.reason.empty()) entry["reason"] = row.reason;
  if (!row.error.empty()) entry["error"] = row.error;
  if (!row.warning.empty()) entry["warning"] = row.warning;
  return entry;
}

std::int64_t duration_ms(const Job& job) {
  if (!job.started_at || !job.completed_at) return 0;
  return std::max<std::int64_t>((*job.completed_at - *job.started_at).count(), 0);
}

// Texts in a spool, each with a number, in batches that fit in memory.
class NumberedTexts {
 public:
  explicit NumberedTexts(const std::filesystem::path& folder) : spool_(folder) {}

  void add(std::uint64_t number, std::string_view text) {
    const Head head{number, text.size()};
    batch_.append(reinterpret_cast<const char*>(&head), sizeof head).append(text);
    ++count_;
  }
  Result<void> end_batch() {
    sizes_.push_back(batch_.size());
    auto added = spool_.append(batch_);
    batch_.clear();
    return added;
  }

  std::size_t count() const { return count_; }
  std::size_t batches() const { return sizes_.size(); }
  void rewind() { batch_number_ = position_ = 0; }

  // Calls `use(number, text)` for each text of the next batch. False after the last batch.
  template <class Use>
  Result<bool> next_batch(Use use) {
    if (batch_number_ == sizes_.size()) return false;
    batch_.resize(sizes_[batch_number_]);
    if (auto read = spool_.read(position_, batch_); !read) return std::unexpected(read.error());
    position_ += batch_.size();
    ++batch_number_;
    for (std::string_view rest = batch_; !rest.empty();) {
      Head head;
      std::memcpy(&head, rest.data(), sizeof head);
      use(head.number, rest.substr(sizeof head, head.size));
      rest.remove_prefix(sizeof head + head.size);
    }
    return true;
  }

 private:
  struct Head {
    std::uint64_t number;
    std::uint64_t size;
  };
  Spool spool_;
  std::vector<std::size_t> sizes_;
  std::string batch_;
  std::size_t count_ = 0;
  std::size_t batch_number_ = 0;
  std::uint64_t position_ = 0;
};

// Reads the records once: while it writes detailed_results, it puts aside what the other lists
// need.
class JsonResult final : public ResultWriter {
 public:
  JsonResult(Job job, RecordSource source, ResultOptions options)
      : job_(std::move(job)),
        options_(std::move(options)),
        paths_(options_.temporary_folder),
        names_(options_.temporary_folder),
        grouped_(options_.temporary_folder) {
    const std::int64_t total = job_.counts.total;
    const std::int64_t from = std::clamp<std::int64_t>(options_.from, 0, total);
    end_ = options_.limit ? std::min(total, from + *options_.limit) : total;
    pages_.emplace(std::move(source), from, end_);
  }

  Result<std::optional<std::string>> next() override {
    while (part_ != Part::kEnd) {
      std::string text;
      if (auto written = write_some(text); !written) return std::unexpected(written.error());
      if (!text.empty()) return text;
    }
    return std::nullopt;
  }

 private:
  enum class Part { kHead, kDetails, kPaths, kGroups, kEnd };
  struct Group {
    std::size_t number = 0;   // in the order in which labels first appear
    std::uint64_t size = 0;   // of its names
    std::uint64_t begin = 0;  // in grouped_
  };

  // Adds a piece of the current part, or nothing, to `text`.
  Result<void> write_some(std::string& text) {
    switch (part_) {
      case Part::kHead:
        text = head() + ",\"detailed_results\":[";
        part_ = Part::kDetails;
        return {};
      case Part::kDetails:
        return write_details(text);
      case Part::kPaths:
        return write_paths(text);
      case Part::kGroups:
        return write_groups(text);
      case Part::kEnd:
        break;
    }
    return {};
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
                   {"failed", counts.failed},
                   {"reused", counts.reused}}}};
    if (!job_.name.empty()) head["name"] = job_.name;
    if (job_.error) head["error"] = *job_.error;
    if (end_ < counts.total) head["next_token"] = std::to_string(end_);
    std::string text = dump(head);
    text.pop_back();
    return text;
  }

  Result<void> write_details(std::string& text) {
    const auto page = pages_->next();
    if (!page) return std::unexpected(page.error());
    if (page->empty()) {
      text = "],\"output_paths\":{";
      part_ = Part::kPaths;
      first_ = true;
      return {};
    }
    for (const auto& record : *page) {
      const ResultRow row = make_row(record, *job_.spec);
      if (record.outcome || !options_.partial) add_item(text, dump(detail(record, row)));
      put_aside(record, row);
    }
    pages_->fit(text.size());
    if (auto kept = paths_.end_batch(); !kept) return kept;
    return names_.end_batch();
  }

  void add_item(std::string& text, std::string_view item) {
    if (!std::exchange(first_, false)) text += ',';
    text += item;
  }

  void put_aside(const ImageRecord& record, const ResultRow& row) {
    if (record.outcome && !record.outcome->output_key.empty()) {
      const std::string path =
          fmt::format("s3://{}/{}", options_.output_bucket, record.outcome->output_key);
      paths_.add(std::hash<std::string>{}(record.s3_key), dump(record.s3_key) + ":" + dump(path));
    }
    if (row.top.empty()) return;
    Group& group = groups_.try_emplace(row.top, Group{.number = groups_.size()}).first->second;
    const std::string name = (group.size == 0 ? "" : ",") + dump(record.filename);
    group.size += name.size();
    names_.add(group.number, name);
  }

  // A key that was submitted twice has one copy, and a JSON object must not repeat a member. To
  // remember few keys at once, each round writes those of one share of all hashes.
  Result<void> write_paths(std::string& text) {
    const std::size_t rounds = paths_.count() / kKeysPerRound + 1;
    const auto more = paths_.next_batch([&](std::uint64_t hash, std::string_view member) {
      if (hash % rounds == round_ && seen_keys_.insert(hash).second) add_item(text, member);
    });
    if (!more) return std::unexpected(more.error());
    if (*more) return {};
    seen_keys_.clear();
    paths_.rewind();
    if (++round_ < rounds) return {};
    text = "},\"grouped_by_label\":{";
    part_ = Part::kGroups;
    return sort_names();
  }

  // Writes the names to grouped_, label after label.
  Result<void> sort_names() {
    std::vector<std::uint64_t> ends(groups_.size());  // by number, of what is written so far
    std::uint64_t position = 0;
    for (auto& [label, group] : groups_) {
      ends[group.number] = group.begin = position;
      position += group.size;
    }
    Result<void> written;
    while (true) {
      const auto more = names_.next_batch([&](std::uint64_t number, std::string_view name) {
        if (written) written = grouped_.write(ends[number], name);
        ends[number] += name.size();
      });
      if (!more) return std::unexpected(more.error());
      if (!written || !*more) break;
    }
    group_ = groups_.begin();
    return written;
  }

  Result<void> write_groups(std::string& text) {
    while (group_ != groups_.end() && text.size() < kResultPiece) {
      const auto& [label, group] = *group_;
      if (names_written_ == 0) text += (group_ == groups_.begin() ? "" : ",") + dump(label) + ":[";
      const std::size_t before = text.size();
      text.resize(before + std::min<std::uint64_t>(kResultPiece, group.size - names_written_));
      const auto names = std::span(text).subspan(before);
      if (auto read = grouped_.read(group.begin + names_written_, names); !read) return read;
      names_written_ += names.size();
      if (names_written_ < group.size) return {};
      text += ']';
      names_written_ = 0;
      ++group_;
    }
    if (group_ != groups_.end()) return {};
    text += "}}";
    part_ = Part::kEnd;
    return {};
  }

  static constexpr std::size_t kKeysPerRound = 32'768;

  Job job_;
  ResultOptions options_;
  std::int64_t end_ = 0;
  Part part_ = Part::kHead;
  bool first_ = true;
  std::optional<RecordPages> pages_;
  NumberedTexts paths_;  // members of output_paths, with hashes of their keys
  std::size_t round_ = 0;
  std::unordered_set<std::uint64_t> seen_keys_;  // hashes
  NumberedTexts names_;                          // file names, with the numbers of their groups
  std::map<std::string, Group> groups_;          // by label
  Spool grouped_;
  std::map<std::string, Group>::const_iterator group_;
  std::uint64_t names_written_ = 0;  // bytes, of the current group
};

}  // namespace

std::unique_ptr<ResultWriter> json_result(Job job, RecordSource records, ResultOptions options) {
  return std::make_unique<JsonResult>(std::move(job), std::move(records), std::move(options));
}

}  // namespace classifier
