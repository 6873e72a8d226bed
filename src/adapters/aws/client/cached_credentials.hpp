// Credentials that are cached until they are about to expire.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "adapters/aws/client/credentials.hpp"
#include "domain/error.hpp"
#include "ports/clock.hpp"

namespace classifier::aws {

class CachedCredentials final : public CredentialsSource {
 public:
  // `fetch` may block; one thread at a time calls it. `clock` must outlive this.
  CachedCredentials(const Clock& clock, std::function<Result<Credentials>()> fetch);

  Result<Credentials> get() override;
  void reject(const Credentials& refused) override;

 private:
  bool usable(TimePoint now) const;
  bool fresh(TimePoint now) const;
  void take(const Result<Credentials>& fetched);

  const Clock& clock_;
  const std::function<Result<Credentials>()> fetch_;
  std::mutex mutex_;
  std::condition_variable fetched_;
  // All below are guarded by mutex_.
  bool fetching_ = false;
  std::optional<Credentials> kept_;
  TimePoint refresh_at_ = TimePoint::max();    // of kept_
  TimePoint usable_until_ = TimePoint::max();  // of kept_
  std::optional<Error> failure_;               // of the last fetch
  TimePoint next_try_;                         // after a failure
};

}  // namespace classifier::aws
