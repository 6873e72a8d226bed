#include "adapters/aws/client/cached_credentials.hpp"

#include <algorithm>
#include <utility>

namespace classifier::aws {
namespace {

using namespace std::chrono_literals;

constexpr auto kRefreshBefore = 5min;
// New credentials are used for at least this long, even if they look expired: this machine's clock
// may be wrong.
constexpr auto kLeastUse = 1min;
// After a failed fetch, calls within this time do not fetch again.
constexpr auto kPauseAfterFailure = 5s;

}  // namespace

CachedCredentials::CachedCredentials(const Clock& clock, std::function<Result<Credentials>()> fetch)
    : clock_(clock), fetch_(std::move(fetch)) {}

bool CachedCredentials::usable(TimePoint now) const { return kept_ && now < usable_until_; }

bool CachedCredentials::fresh(TimePoint now) const { return usable(now) && now < refresh_at_; }

Result<Credentials> CachedCredentials::get() {
  std::unique_lock lock(mutex_);
  while (true) {
    const TimePoint now = clock_.now();
    const bool pause = failure_ && now < next_try_;
    if (fresh(now) || (usable(now) && (fetching_ || pause))) return *kept_;
    if (!fetching_ && pause) return std::unexpected(*failure_);
    if (!fetching_) break;
    fetched_.wait(lock);
  }
  fetching_ = true;
  lock.unlock();
  auto fetched = fetch_();
  lock.lock();
  fetching_ = false;
  take(fetched);
  fetched_.notify_all();
  if (!fetched && usable(clock_.now())) return *kept_;
  return fetched;
}

void CachedCredentials::take(const Result<Credentials>& fetched) {
  const TimePoint now = clock_.now();
  if (!fetched) {
    failure_ = fetched.error();
    next_try_ = now + kPauseAfterFailure;
    return;
  }
  failure_.reset();
  kept_ = *fetched;
  refresh_at_ = usable_until_ = TimePoint::max();
  if (kept_->expires_at) {
    usable_until_ = std::max(*kept_->expires_at, now + kLeastUse);
    refresh_at_ = std::max(*kept_->expires_at - kRefreshBefore, now + kLeastUse);
  }
}

void CachedCredentials::reject(const Credentials& refused) {
  const std::scoped_lock lock(mutex_);
  if (kept_ == refused) kept_.reset();
}

}  // namespace classifier::aws
