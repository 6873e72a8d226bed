#include "adapters/aws/client/signing_clock.hpp"

#include <curl/curl.h>
#include <spdlog/spdlog.h>

#include <chrono>

namespace classifier::aws {
namespace {

using std::chrono::milliseconds;

// AWS tolerates at least five minutes; smaller differences may be the time that the answer took.
constexpr milliseconds kLeastSkew{60'000};

}  // namespace

TimePoint SigningClock::now() const { return clock_.now() + milliseconds(offset_ms_.load()); }

bool SigningClock::correct(const std::string& date, TimePoint signed_at) {
  const std::time_t seconds = curl_getdate(date.c_str(), nullptr);
  if (seconds <= 0) return false;
  const TimePoint theirs{std::chrono::seconds(seconds)};
  if (std::chrono::abs(theirs - signed_at) < kLeastSkew) return false;
  const milliseconds offset = theirs - clock_.now();
  const milliseconds before(offset_ms_.exchange(offset.count()));
  if (std::chrono::abs(offset - before) >= kLeastSkew) {
    spdlog::warn(
        "the clock of this machine is {} s {} that of AWS: requests are signed with the corrected "
        "time; set the clock",
        std::chrono::abs(std::chrono::round<std::chrono::seconds>(offset)).count(),
        offset.count() > 0 ? "behind" : "ahead of");
  }
  return true;
}

}  // namespace classifier::aws
