// Delays before retries.
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace classifier {

// base × 2^(failures - 1), at most `max`; `failures` counts from 1.
std::chrono::milliseconds exponential_backoff(std::chrono::milliseconds base,
                                              std::chrono::milliseconds max, int failures);

// Uniformly random from 0 to `longest`: spreads the retries of many clients the most.
std::chrono::milliseconds full_jitter(std::chrono::milliseconds longest);

// Uniformly random from half of `longest` to `longest`: never retries at once.
std::chrono::milliseconds equal_jitter(std::chrono::milliseconds longest);

// The Retry-After field of an HTTP answer, from 0 seconds to an hour; 0 without a valid one. Names
// in `headers` are in lower case.
std::chrono::milliseconds retry_after(const std::map<std::string, std::string>& headers);

}  // namespace classifier
