#include "adapters/aws/retry.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <random>

namespace classifier::aws {

bool RetryBudget::take(int cost) {
  const std::scoped_lock lock(mutex_);
  if (tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void RetryBudget::give_back() {
  const std::scoped_lock lock(mutex_);
  tokens_ = std::min(tokens_ + 1, capacity_);
}

std::chrono::milliseconds backoff(std::chrono::milliseconds base, std::chrono::milliseconds max,
                                  int failures) {
  thread_local std::minstd_rand generator(std::random_device{}());
  const std::int64_t longest =
      std::min<std::int64_t>(base.count() << std::clamp(failures - 1, 0, 20), max.count());
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(
      0, std::max<std::int64_t>(longest, 0))(generator));
}

std::chrono::milliseconds retry_after(const std::map<std::string, std::string>& headers) {
  const auto header = headers.find("retry-after");
  if (header == headers.end()) return {};
  const std::string& text = header->second;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return std::chrono::seconds(std::clamp(seconds, 0, 3'600));
}

}  // namespace classifier::aws
