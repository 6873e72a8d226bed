#include "support/backoff.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

#include "domain/text.hpp"

namespace classifier {
namespace {

constexpr int kMaxDoublings = 20;
constexpr std::int64_t kLongestRetryAfter = 3'600;  // seconds

std::chrono::milliseconds random_between(std::int64_t shortest, std::int64_t longest) {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(shortest, longest)(generator));
}

}  // namespace

std::chrono::milliseconds exponential_backoff(std::chrono::milliseconds base,
                                              std::chrono::milliseconds max, int failures) {
  return std::min<std::chrono::milliseconds>(
      base * (1LL << std::clamp(failures - 1, 0, kMaxDoublings)), max);
}

std::chrono::milliseconds full_jitter(std::chrono::milliseconds longest) {
  return random_between(0, std::max<std::int64_t>(longest.count(), 0));
}

std::chrono::milliseconds equal_jitter(std::chrono::milliseconds longest) {
  const std::int64_t whole = std::max<std::int64_t>(longest.count(), 0);
  return random_between(whole - whole / 2, whole);
}

std::chrono::milliseconds retry_after(const std::map<std::string, std::string>& headers) {
  const auto header = headers.find("retry-after");
  if (header == headers.end()) return {};
  return std::chrono::seconds(
      std::clamp<std::int64_t>(parse_integer(header->second).value_or(0), 0, kLongestRetryAfter));
}

}  // namespace classifier
