// Output for terminals: widths of characters, colours, bars, progress and tables.
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

// Columns of the terminal behind `stream`; 0 if it is not a terminal: nothing needs to be cut.
std::size_t terminal_columns(std::FILE* stream);

// Valid UTF-8 without control characters, so that a file name cannot control the terminal: other
// bytes are shown as \xNN.
std::string printable(std::string_view text);

// Columns that a printable text takes: 2 for wide characters, 0 for combining ones.
std::size_t display_width(std::string_view text);

// Exactly `width` columns: padded at the right, or shortened in the middle with an ellipsis.
std::string fit(std::string_view text, std::size_t width);

// Lines of at most `width` columns, broken at spaces. A longer word has a line of its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

// "12.3 MB": at most three significant digits, powers of 1,000.
std::string human_bytes(double bytes);

// "8 s", "3 min 20 s", "2 h 5 min"
std::string human_duration(double seconds);

// A share from 0 to 1 as a bar of `width` columns, to an eighth of a column.
std::string bar(double share, std::size_t width);

enum class Colour { kBold, kDim, kRed, kGreen, kYellow };

// Adds colours if the stream is a terminal that has them and the user did not set NO_COLOR
// (https://no-color.org).
class Painter {
 public:
  explicit Painter(std::FILE* stream);
  std::string operator()(Colour colour, std::string_view text) const;
  bool on() const { return on_; }

 private:
  bool on_;
};

// Prints a line to standard error if that is a terminal.
void note(const std::string& line);
// Prints "warning: …" to standard error, whatever that is.
void warn(const std::string& line);

// Progress in one line of standard error, which is rewritten; nothing if that is not a terminal.
// Not thread-safe.
class ProgressBar {
 public:
  // `total` 0: it is not known, and only the count is shown.
  ProgressBar(std::int64_t total, std::string unit);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `bytes` sent so far; 0 omits the data rate.
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
  std::int64_t first_done_ = -1;  // items done earlier do not count towards the rate
};

// Columns as wide as their widest cell; the last one is cut to the terminal's width.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<std::string> cells);
  // A line above the rows that are added next, with an empty one before it.
  void add_heading(std::string text);
  void print(std::ostream& out) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;  // a heading has one cell and no columns
};

}  // namespace classifier
