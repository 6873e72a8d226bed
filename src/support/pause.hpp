// A pause that a stop request ends.
#pragma once

#include <chrono>
#include <stop_token>

namespace classifier {

// Returns false if the stop was requested.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace classifier
