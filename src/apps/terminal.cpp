#include "apps/terminal.hpp"

#include <locale.h>
#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <cwchar>
#include <ostream>
#include <utility>

#include "domain/text.hpp"

namespace classifier {
namespace {

constexpr std::string_view kEllipsis = "…";

// Bytes of the UTF-8 character that begins at `lead`.
std::size_t character_bytes(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

wchar_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return static_cast<wchar_t>(byte(0));
  auto value = static_cast<std::uint32_t>(byte(0) & (0xffU >> (character.size() + 1)));
  for (std::size_t i = 1; i < character.size(); ++i) value = value << 6 | (byte(i) & 0x3fU);
  return static_cast<wchar_t>(value);
}

// wcwidth depends on the thread's locale, and the user's may be plain C.
class Utf8Locale {
 public:
  Utf8Locale() : before_(::uselocale(utf8())) {}
  ~Utf8Locale() { ::uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t utf8() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;  // null if the system has none; uselocale then changes nothing
  }
  locale_t before_;
};

struct Character {
  std::string_view text;
  std::size_t width = 0;
};

std::vector<Character> characters_of(std::string_view text) {
  const Utf8Locale locale;
  std::vector<Character> characters;
  for (std::size_t i = 0; i < text.size();) {
    const auto character = text.substr(i, std::min(character_bytes(text[i]), text.size() - i));
    const int width = ::wcwidth(code_point(character));
    characters.push_back({character, width < 0 ? 1 : static_cast<std::size_t>(width)});
    i += character.size();
  }
  return characters;
}

std::string escaped(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += "\\x" + to_hex(std::span(&byte, 1));
  }
  return text;
}

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

std::size_t terminal_columns(std::FILE* stream) {
  winsize size{};
  if (!is_terminal(stream) || ::ioctl(::fileno(stream), TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size();) {
    const auto character = text.substr(i, std::min(character_bytes(text[i]), text.size() - i));
    const bool valid = is_utf8(character);
    const auto step = valid ? character.size() : 1;
    // Besides ASCII's there are the control characters U+0080 to U+009F.
    const bool control =
        valid && (has_control_character(character) || (step == 2 && code_point(character) < 0xa0));
    if (valid && !control) {
      shown += character;
    } else {
      shown += escaped(text.substr(i, step));
    }
    i += step;
  }
  return shown;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const auto& character : characters_of(text)) width += character.width;
  return width;
}

std::string fit(std::string_view text, std::size_t width) {
  const auto characters = characters_of(text);
  const auto whole = display_width(text);
  if (whole <= width) return std::string(text) + std::string(width - whole, ' ');
  if (width == 0) return {};
  // The end of a file name is more useful than its middle.
  const std::size_t tail_width = width / 3;
  std::size_t used = 0;
  std::size_t end = characters.size();
  while (end > 0 && used + characters[end - 1].width <= tail_width) used += characters[--end].width;
  std::string head;
  for (const auto& character : characters) {
    if (used + character.width + 1 > width) break;
    head += character.text;
    used += character.width;
  }
  std::string shortened = head + std::string(kEllipsis);
  for (std::size_t i = end; i < characters.size(); ++i) shortened += characters[i].text;
  return shortened + std::string(width - used - 1, ' ');
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::size_t used = 0;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::size_t columns = display_width(word);
    if (lines.empty() || used + 1 + columns > width) {
      lines.emplace_back(word);
      used = columns;
    } else {
      lines.back().append(" ").append(word);
      used += 1 + columns;
    }
  }
  return lines;
}

std::string human_bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < kUnits.size()) {
    bytes /= 1'000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 99.95 ? 0 : 1, kUnits[unit]);
}

std::string human_duration(double seconds) {
  const long long whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3'600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3'600, whole % 3'600 / 60);
}

std::string bar(double share, std::size_t width) {
  constexpr std::array<const char*, 8> kParts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(
      std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(8 * width)));
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
  text += kParts[eighths % 8];
  return fit(text, width);
}

Painter::Painter(std::FILE* stream) {
  const char* const refused = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  on_ = is_terminal(stream) && (refused == nullptr || *refused == '\0') && terminal != nullptr &&
        std::string_view(terminal) != "dumb";
}

std::string Painter::operator()(Colour colour, std::string_view text) const {
  if (!on_ || text.empty()) return std::string(text);
  constexpr std::array<const char*, 5> kCodes{"1", "2", "31", "32", "33"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(colour)], text);
}

void note(const std::string& line) {
  if (is_terminal(stderr)) std::fprintf(stderr, "%s\n", printable(line).c_str());
}

void warn(const std::string& line) {
  std::fprintf(stderr, "warning: %s\n", printable(line).c_str());
}

ProgressBar::ProgressBar(std::int64_t total, std::string unit)
    : total_(total), unit_(std::move(unit)), watched_(is_terminal(stderr)) {}

void ProgressBar::show(std::int64_t done, std::int64_t failed, std::uint64_t bytes) {
  const auto now = Clock::now();
  const bool last = done >= total_ && total_ > 0;
  if (!watched_ || (!last && now - last_ < std::chrono::milliseconds(100))) return;
  if (first_done_ < 0) first_done_ = done;
  last_ = now;
  if (total_ == 0) {
    std::fprintf(stderr, "\r\x1b[K%s", fmt::format("{} {}", done, unit_).c_str());
    return;
  }
  const double seconds = std::max(std::chrono::duration<double>(now - start_).count(), 1e-3);
  const double rate = static_cast<double>(done - first_done_) / seconds;
  constexpr std::size_t kWidth = 24;
  const double share = static_cast<double>(done) / static_cast<double>(total_);
  std::string line = fmt::format("{} {} of {} {}", paint_(Colour::kGreen, bar(share, kWidth)), done,
                                 total_, unit_);
  if (rate > 0) {
    line += fmt::format("  {}/s",
                        short_number(rate >= 10 ? std::round(rate) : std::round(rate * 10) / 10));
    if (bytes > 0) line += fmt::format("  {}/s", human_bytes(static_cast<double>(bytes) / seconds));
    if (done < total_)
      line += fmt::format("  {} left", human_duration(static_cast<double>(total_ - done) / rate));
  }
  if (failed > 0) line += "  " + paint_(Colour::kRed, fmt::format("{} failed", failed));
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
}

void ProgressBar::clear() {
  if (watched_ && last_ != Clock::time_point{}) std::fprintf(stderr, "\r\x1b[K");
}

void Table::add(std::vector<std::string> cells) {
  for (auto& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

void Table::add_heading(std::string text) { rows_.push_back({std::move(text)}); }

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings_.size(); ++column) {
    std::size_t width = display_width(headings_[column]);
    for (const auto& row : rows_) {
      if (row.size() > 1) width = std::max(width, display_width(row[column]));
    }
    widths.push_back(width);
  }
  const std::size_t columns = terminal_columns(stdout);
  const Painter paint(stdout);
  const auto print_row = [&](const std::vector<std::string>& cells, bool heading) {
    std::string line;
    std::size_t used = 0;
    for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
      line += fit(cells[i], widths[i]) + "  ";
      used += widths[i] + 2;
    }
    const auto& last = cells.back();
    line +=
        columns > used && display_width(last) > columns - used ? fit(last, columns - used) : last;
    while (line.ends_with(' ')) line.pop_back();
    out << (heading ? paint(Colour::kDim, line) : line) << "\n";
  };
  print_row(headings_, true);
  for (const auto& row : rows_) {
    if (row.size() == 1) {
      out << "\n" << paint(Colour::kBold, row.front()) << "\n";
    } else {
      print_row(row, false);
    }
  }
}

}  // namespace classifier
