// The result of a job in the form that the API promises, as JSON and CSV, written piece by piece so
// that the memory it takes does not grow with the number of images.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/job.hpp"

namespace classifier {

// Pages through the images of a job: up to `limit` records from index `from`.
using RecordSource =
    std::function<Result<std::vector<ImageRecord>>(std::int64_t from, std::size_t limit)>;

struct ResultOptions {
  std::string output_bucket;          // for output_paths
  std::int64_t from = 0;              // first image of the page
  std::optional<std::int64_t> limit;  // images on the page; absent: all
  bool partial = false;               // leave out images that are not done, as while the job runs
};

// Produces the text of one result, a piece at a time. Not thread-safe.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  // The next piece, never empty; nullopt at the end. After an error the result cannot be completed.
  virtual Result<std::optional<std::string>> next() = 0;
};

// `{success, job_id, …, detailed_results, summary, output_paths}`. A page (`from`, `limit`) has the
// summary of the whole job, the other fields for its images only, and `next_token` where more
// follow.
std::unique_ptr<ResultWriter> json_result(Job job, RecordSource records, ResultOptions options);

// A header line, then a line for each image: filename, s3_key, top_prediction, top_confidence,
// status, reason, error, processing_time_ms, predictions. Cells that a spreadsheet would run as a
// formula are disarmed by a leading quote.
std::unique_ptr<ResultWriter> csv_result(Job job, RecordSource records);

// "confidence below threshold (0.31 < 0.5). Original prediction: X"
std::string below_threshold_reason(const Prediction& top, double threshold);

// A label as one part of an object's key: nothing that a store or a file system could read as
// structure.
std::string safe_label(std::string_view label);

// `<job_id>/<label>/<filename>`
std::string output_key(std::string_view job_id, std::string_view label, std::string_view filename);

}  // namespace classifier
