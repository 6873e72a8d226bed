// The result of a job as CSV.
#include <spdlog/fmt/fmt.h>

#include <string>
#include <utility>

#include "domain/text.hpp"
#include "services/result_row.hpp"

namespace classifier {
namespace {

// Quoted as in RFC 4180. A single quote before what a spreadsheet would run as a formula prevents
// CSV injection.
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
  CsvResult(Job job, RecordSource source, CsvFor reader)
      : job_(std::move(job)), pages_(std::move(source), 0, job_.counts.total), reader_(reader) {}

  Result<std::optional<std::string>> next() override {
    if (!started_) {
      started_ = true;
      return std::string(reader_ == CsvFor::kExcel ? "\xEF\xBB\xBF" : "") +
             "filename,s3_key,top_prediction,top_confidence,status,reason,error,processing_time_ms,"
             "predictions,name,warning\r\n";
    }
    auto page = pages_.next();
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return std::nullopt;
    std::string text;
    for (const auto& record : *page) text += line(record);
    pages_.fit(text.size());
    return text;
  }

 private:
  std::string line(const ImageRecord& record) const {
    const ResultRow row = make_row(record, *job_.spec);
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
    return fmt::format("{},{},{},{},{},{},{},{},{},{},{}\r\n", cell(record.filename),
                       cell(record.s3_key), cell(row.top),
                       row.error.empty() ? short_number(row.confidence) : "", status,
                       cell(row.reason), cell(row.error),
                       record.outcome ? short_number(record.outcome->processing_time_ms) : "",
                       cell(predictions), cell(record.name), cell(row.warning));
  }

  Job job_;
  RecordPages pages_;
  CsvFor reader_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<ResultWriter> csv_result(Job job, RecordSource records, CsvFor reader) {
  return std::make_unique<CsvResult>(std::move(job), std::move(records), reader);
}

}  // namespace classifier
