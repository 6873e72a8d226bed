// Points in time: RFC 3339, UTC, milliseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace classifier {

using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

// To and from milliseconds since the epoch, the form in stores.
constexpr std::int64_t to_ms(TimePoint time) { return time.time_since_epoch().count(); }
constexpr TimePoint from_ms(std::int64_t ms) { return TimePoint{std::chrono::milliseconds{ms}}; }

// "2026-01-31T12:00:00.000Z"
std::string to_rfc3339(TimePoint time);

// Parses "2026-01-31T12:00:00Z", with or without a fraction of the second; nullopt for anything
// else.
std::optional<TimePoint> parse_rfc3339(const std::string& text);

// "20260131-120000", as in the keys of uploads.
std::string to_compact(TimePoint time);

}  // namespace classifier
