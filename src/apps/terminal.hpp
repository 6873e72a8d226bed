// What a terminal shows: widths of characters, colours, bars, progress and tables.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace classifier {

bool is_terminal(std::FILE* stream);

// Columns of the terminal behind `stream`; 0 where it is none, and nothing needs to be cut.
std::size_t terminal_columns(std::FILE* stream);

// Valid UTF-8 without control characters, so that a file name cannot steer the terminal: what is
// neither is shown as \xNN.
std::string printable(std::string_view text);

// Columns that a printable text takes: 2 for wide characters, 0 for combining ones.
std::size_t display_width(std::string_view text);

// Exactly `width` columns: padded at the right, or shortened in the middle with an ellipsis.
std::string fit(std::string_view text, std::size_t width);

// "12.3 MB": at most three digits that count, powers of 1,000.
std::string human_bytes(double bytes);

// "8 s", "3 min 20 s", "2 h 5 min"
std::string human_duration(double seconds);

// A share from 0 to 1 as a bar of `width` columns, to an eighth of a column.
std::string bar(double share, std::size_t width);

enum class Colour { kBold, kDim, kRed, kGreen, kYellow };

// Colours, where the stream is a terminal that has them and the user did not set NO_COLOR
// (https://no-color.org).
class Painter {
 public:
  explicit Painter(std::FILE* stream);
  std::string operator()(Colour colour, std::string_view text) const;
  bool on() const { return on_; }

 private:
  bool on_;
};

// A line for a person at the terminal on standard error: nothing where nobody watches.
void note(const std::string& line);

// One line of standard error that is written again and again; nothing where nobody watches.
// Not thread-safe.
class ProgressBar {
 public:
  ProgressBar(std::int64_t total, std::string unit);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `bytes` sent so far; 0 leaves them out.
  void show(std::int64_t done, std::int64_t failed, std::uint64_t bytes = 0);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::int64_t total_;
  std::string unit_;
  bool watched_;
  Painter paint_{stderr};
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_;
  std::int64_t first_done_ = -1;  // what was done before this began does not count for the rate
};

// Columns as wide as their widest cell; the last one is cut to the terminal's width.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<std::string> cells);
  void print(std::ostream& out) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace classifier
