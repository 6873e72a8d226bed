#include "domain/time.hpp"

#include <algorithm>
#include <cstdio>

namespace classifier {
namespace {

struct Parts {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> clock;
};

Parts split(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return {std::chrono::year_month_day{day},
          std::chrono::hh_mm_ss<std::chrono::milliseconds>{time - day}};
}

std::string format(const char* pattern, const Parts& parts) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, pattern, static_cast<int>(parts.date.year()),
                                 static_cast<unsigned>(parts.date.month()),
                                 static_cast<unsigned>(parts.date.day()),
                                 static_cast<int>(parts.clock.hours().count()),
                                 static_cast<int>(parts.clock.minutes().count()),
                                 static_cast<int>(parts.clock.seconds().count()),
                                 static_cast<int>(parts.clock.subseconds().count()));
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

std::string to_rfc3339(TimePoint time) {
  return format("%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", split(time));
}

std::optional<TimePoint> parse_rfc3339(const std::string& text) {
  // "d" is a digit. A fraction of the second may follow.
  constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kPattern.size() || text.back() != 'Z') return std::nullopt;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 0; i < kPattern.size(); ++i) {
    if (kPattern[i] == 'd' ? !is_digit(text[i]) : text[i] != kPattern[i]) return std::nullopt;
  }
  const std::string_view fraction(text.data() + kPattern.size(), text.size() - kPattern.size() - 1);
  if (!fraction.empty() && (fraction[0] != '.' || fraction.size() == 1 ||
                            !std::ranges::all_of(fraction.substr(1), is_digit)))
    return std::nullopt;
  const auto number = [&](std::size_t from, std::size_t size) {
    return std::stoi(text.substr(from, size));
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  // 60 is a leap second.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::string thousandths =
      (std::string(fraction.empty() ? "." : fraction) + "000").substr(1, 3);
  return TimePoint{std::chrono::sys_days(date) + std::chrono::hours(hour) +
                   std::chrono::minutes(minute) + std::chrono::seconds(second) +
                   std::chrono::milliseconds(std::stoi(thousandths))};
}

std::string to_compact(TimePoint time) { return format("%04d%02u%02u-%02d%02d%02d", split(time)); }

}  // namespace classifier
