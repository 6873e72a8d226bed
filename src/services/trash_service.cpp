#include "services/trash_service.hpp"

#include <spdlog/fmt/fmt.h>

namespace classifier {
namespace {

// At once, so that others who use the trash wait for less than a tenth of a second.
constexpr std::size_t kPiece = 250;

}  // namespace

Result<TimePoint> TrashService::put(std::string_view key) {
  if (retention_.count() == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "there is no trash, since TRASH_RETENTION_DAYS is 0: delete the image for good, "
                "without trash=true");
  }
  if (!image_content_type(key)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no image \"{}\" in the store", key.substr(0, 200)));
  }
  const TimePoint now = clock_.now();
  const TimePoint expires_at = now + retention_;
  if (auto put = trash_.put(key, now, expires_at); !put) return std::unexpected(put.error());
  return expires_at;
}

Result<RestoredImages> TrashService::restore(std::span<const std::string> keys) {
  const auto outcomes = trash_.restore(keys);
  if (!outcomes) return std::unexpected(outcomes.error());
  RestoredImages images;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto& list = (*outcomes)[i] == Restored::kYes     ? images.restored
                 : (*outcomes)[i] == Restored::kTaken ? images.taken
                                                      : images.missing;
    list.push_back(keys[i]);
  }
  return images;
}

Result<std::size_t> TrashService::empty() {
  return remove_until(clock_.now(), TimePoint::max(), {});
}

Result<std::size_t> TrashService::remove_expired(const std::stop_token& stop) {
  const TimePoint now = clock_.now();
  return remove_until(now, now, stop);
}

Result<std::size_t> TrashService::remove_until(TimePoint deleted, TimePoint expires,
                                               const std::stop_token& stop) {
  std::size_t total = 0;
  while (!stop.stop_requested()) {
    const auto removed = trash_.remove_until(deleted, expires, kPiece);
    if (!removed) return std::unexpected(removed.error());
    if (removed->empty()) break;
    for (const auto& image : *removed) images_.forget(image);
    total += removed->size();
  }
  return total;
}

}  // namespace classifier
