// Any names and labels in a result: CSV and JSON must contain them unchanged, and CSV no formulas.
// Lines, decoded: key, filename, label, error, score in thousandths, the user's name, warning.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "fuzz.hpp"
#include "services/output_key.hpp"
#include "services/result_format.hpp"

namespace {

using namespace classifier;
using fuzz::demand;

std::string all_of(ResultWriter& writer) {
  std::string text;
  while (true) {
    auto piece = writer.next();
    demand(piece.has_value(), "results can be written");
    if (!*piece) return text;
    demand(!(*piece)->empty(), "pieces are not empty");
    text += **piece;
  }
}

// The cells of a CSV file (RFC 4180).
std::vector<std::vector<std::string>> cells_of(std::string_view text) {
  std::vector<std::vector<std::string>> rows(1);
  std::string cell;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        cell += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',' || c == '\n') {
      rows.back().push_back(std::move(cell));
      cell.clear();
      if (c == '\n') rows.emplace_back();
    } else if (c != '\r') {
      cell += c;
    }
  }
  demand(!quoted && cell.empty() && rows.back().empty(), "the last line is complete");
  rows.pop_back();
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Lines lines(fuzz::text_of(data, size));
  ImageRecord record;
  record.s3_key = lines.next_decoded();
  record.filename = lines.next_decoded();
  const std::string label = lines.next_decoded();
  const std::string error = lines.next_decoded();
  const auto score =
      static_cast<float>(std::strtoul(std::string(lines.next()).c_str(), nullptr, 10) % 1'001) /
      1e3F;
  record.name = lines.next_decoded();
  const std::string warning = lines.next_decoded();
  ImageOutcome outcome;
  outcome.job_id = "job";
  if (error.empty()) {
    outcome.result = Predictions{{label, score}, {"other", 1 - score}};
    outcome.output_key = output_key("job", label, record.filename);
    outcome.warning = warning;
  } else {
    outcome.result = Error{ErrorCode::kUndecodable, error};
  }
  JobSpec spec;
  spec.model = "model";
  Job job;
  job.id = "job";
  job.spec = std::make_shared<const JobSpec>(spec);
  job.counts.total = 1;
  job.counts.add(state_of(outcome, spec), outcome.reused);
  job.status = JobStatus::kCompleted;
  record.outcome = outcome;
  const RecordSource records = [&](std::int64_t from, std::size_t) {
    return from == 0 ? std::vector{record} : std::vector<ImageRecord>{};
  };

  const auto table = cells_of(all_of(*csv_result(job, records)));
  demand(table.size() == 2 && table[0].size() == 11 && table[1].size() == 11,
         "each row has as many cells as the header");
  const auto is_kept = [](const std::string& cell, const std::string& value) {
    return cell == value || cell == "'" + value;
  };
  for (const auto& cell : table[1]) {
    demand(cell.empty() || std::string_view("=+-@\t\r\n").find(cell[0]) == std::string_view::npos,
           "no cell is a formula");
  }
  // cells_of() drops a carriage return outside quotes, so that this check finds it too.
  demand(is_kept(table[1][0], record.filename) && is_kept(table[1][1], record.s3_key) &&
             is_kept(table[1][9], record.name) && is_kept(table[1][10], outcome.warning),
         "cells have the text");

  ResultOptions options;
  options.output_bucket = "out";
  const auto document =
      nlohmann::json::parse(all_of(*json_result(job, records, options)), nullptr, false);
  demand(document.is_object(), "a result is JSON");
  const auto& entry = document["detailed_results"].at(0);
  if (is_utf8(record.s3_key)) demand(entry["s3_key"] == record.s3_key, "keys are kept");
  if (is_utf8(record.filename)) demand(entry["filename"] == record.filename, "names are kept");
  if (is_utf8(record.name) && !record.name.empty()) {
    demand(entry["name"] == record.name, "users' names are kept");
  }
  return 0;
}
