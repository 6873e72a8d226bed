// How long to wait before something that failed is tried again.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace classifier {

// base × 2^(failures - 1), at most `max`; `failures` counts from 1.
std::chrono::milliseconds exponential_backoff(std::chrono::milliseconds base,
                                              std::chrono::milliseconds max, int failures);

// Uniformly random from 0 to `longest`: spreads many clients of one service the most.
std::chrono::milliseconds full_jitter(std::chrono::milliseconds longest);

// Uniformly random from half of `longest` to `longest`: never tries again at once.
std::chrono::milliseconds equal_jitter(std::chrono::milliseconds longest);

// The Retry-After field of an HTTP answer, in seconds from 0 to an hour; 0 without a valid one.
// Names of `headers` are in lower case.
std::chrono::milliseconds retry_after(const std::map<std::string, std::string>& headers);

}  // namespace classifier
