#include "domain/time.hpp"

#include <cmath>
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
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  double second = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%lfZ", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return TimePoint{std::chrono::sys_days(date) + std::chrono::hours(hour) +
                   std::chrono::minutes(minute) +
                   std::chrono::milliseconds(std::llround(second * 1e3))};
}

std::string to_compact(TimePoint time) { return format("%04d%02u%02u-%02d%02d%02d", split(time)); }

}  // namespace classifier
