// Results as a table: one line for each image.
#pragma once

#include <cstddef>
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

}  // namespace classifier
