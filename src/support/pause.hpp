// Waiting that a stop cuts short.
#pragma once

#include <chrono>
#include <stop_token>

namespace classifier {

// Returns false where the stop was requested before the time was over.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace classifier
