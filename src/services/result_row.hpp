// What the JSON and the CSV form of a result share. Internal to result_format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/job.hpp"
#include "services/result_format.hpp"

namespace classifier {

// One image of a result.
struct ResultRow {
  std::string top;  // label, "unknown", or empty for a failed image
  double confidence = 0;
  std::string reason;                        // why the image is unknown
  std::string error;                         // why the image failed
  std::string warning;                       // what is missing of a classified image
  const Predictions* predictions = nullptr;  // points into the record
};
ResultRow make_row(const ImageRecord& record, const JobSpec& spec);

constexpr std::size_t kResultPiece = 256 << 10;  // bytes of text, about, in one piece of a result

// Reads the records of a result page by page. The first pages are small; fit() makes the next ones
// as large as pieces of text should be, however long the names and labels are.
class RecordPages {
 public:
  RecordPages(RecordSource source, std::int64_t from, std::int64_t end)
      : source_(std::move(source)), next_(from), end_(end) {}

  // The next page; empty at the end.
  Result<std::vector<ImageRecord>> next();
  // `text_size` is that of the last page's text.
  void fit(std::size_t text_size);

 private:
  RecordSource source_;
  std::int64_t next_;
  std::int64_t end_;
  std::int64_t page_ = 64;  // records
};

}  // namespace classifier
