// The result of a job in the form that the API promises, as JSON and CSV, written piece by piece
// from pages of records, which are read once. The memory does not grow with the images: about
// kResultMemory, and the labels of a JSON result. What JSON needs again goes to temporary files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/job.hpp"

namespace classifier {

constexpr std::uint64_t kResultMemory = 3 << 20;  // bytes

// Returns up to `limit` records of a job, from index `from`.
using RecordSource =
    std::function<Result<std::vector<ImageRecord>>(std::int64_t from, std::size_t limit)>;

struct ResultOptions {
  std::string output_bucket;          // for output_paths
  std::int64_t from = 0;              // first image of the page
  std::optional<std::int64_t> limit;  // images on the page; absent: all
  bool partial = false;               // the job may still run: leave out images that are not done
  // For temporary files, which large results need; empty: the system's.
  std::filesystem::path temporary_folder = {};  // NOLINT(readability-redundant-member-init)
};

// Excel takes a CSV file for UTF-8 only if it begins with a byte order mark, which other programs
// may take for a part of the first column's name.
enum class CsvFor { kAnyProgram, kExcel };

// Writes the text of one result. Used by one thread.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  // The next piece, never empty; nullopt at the end. After an error the result cannot be completed.
  virtual Result<std::optional<std::string>> next() = 0;
};

// `{success, job_id, …, summary, detailed_results, output_paths, grouped_by_label}`. With `from` or
// `limit` the summary is that of the whole job, the other fields hold the images of the page, and
// `next_token` is there if more images follow.
std::unique_ptr<ResultWriter> json_result(Job job, RecordSource records, ResultOptions options);

// A header line, then a line for each image: filename, s3_key, top_prediction, top_confidence,
// status, reason, error, processing_time_ms, predictions, name, warning. A cell that a spreadsheet
// would run as a formula gets a leading quote.
std::unique_ptr<ResultWriter> csv_result(Job job, RecordSource records,
                                         CsvFor reader = CsvFor::kAnyProgram);

// A score with six digits: scores are single precision, and have no more.
double score_of(float score);

// "confidence below threshold (0.31 < 0.5). Original prediction: X"
std::string below_threshold_reason(const Prediction& top, double threshold);

}  // namespace classifier
