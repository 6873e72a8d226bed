// Results as a table: one line for each image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/terminal.hpp"
#include "domain/prediction.hpp"

namespace classifier {

struct ResultRow {
  std::string filename;
  Predictions predictions;  // highest score first; empty for an image that failed
  bool unknown = false;     // the best score is below the threshold
  std::string error;        // why the image failed
  std::string warning;      // what is missing of an image that did not fail; may be empty
};

// Prints to standard output: a bar and colours on a terminal, plain columns elsewhere.
class ResultTable {
 public:
  // The widest name and label determine the columns, up to a limit.
  explicit ResultTable(const std::vector<ResultRow>& rows);
  void print(const ResultRow& row) const;

 private:
  std::size_t name_width_ = 0;
  std::size_t label_width_ = 0;
  std::size_t columns_;
  Painter paint_{stdout};
};

void print_results(const std::vector<ResultRow>& rows);

// "2 images are not whole: see their warnings"; empty where all are.
std::string not_whole_notice(std::int64_t images);

}  // namespace classifier
