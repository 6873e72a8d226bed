// Points in time as the API writes them: RFC 3339, UTC, milliseconds.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace classifier {

using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

// "2026-01-31T12:00:00.000Z"
std::string to_rfc3339(TimePoint time);

// "20260131-120000", as in the keys of uploads.
std::string to_compact(TimePoint time);

}  // namespace classifier
