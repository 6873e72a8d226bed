// Deletes images so that they can be taken back for a while.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "ports/clock.hpp"
#include "ports/trash.hpp"
#include "services/image_service.hpp"

namespace classifier {

// Of each key, in one of the lists, in their order.
struct RestoredImages {
  std::vector<std::string> restored;
  std::vector<std::string> missing;  // not in the trash
  std::vector<std::string> taken;    // another image has the key meanwhile
};

// Thread-safe.
class TrashService {
 public:
  // `retention`: how long an image stays in the trash; 0: none is put into it.
  TrashService(Trash& trash, ImageService& images, const Clock& clock, std::chrono::days retention)
      : trash_(trash), images_(images), clock_(clock), retention_(retention) {}

  // Moves an image into the trash; returns when it expires. kNotFound: there is no such image;
  // kInvalidArgument: there is no trash.
  Result<TimePoint> put(std::string_view key);

  Result<TrashPage> list(std::size_t limit, std::string_view after) {
    return trash_.list(limit, after);
  }
  Result<std::unique_ptr<ObjectReader>> open(std::string_view key) { return trash_.open(key); }
  Result<RestoredImages> restore(std::span<const std::string> keys);

  // Removes for good what is in the trash when it is called; returns how many images.
  Result<std::size_t> empty();

  // Removes for good what has expired, until `stop` is requested; returns how many images.
  Result<std::size_t> remove_expired(const std::stop_token& stop = {});

 private:
  Result<std::size_t> remove_until(TimePoint deleted, TimePoint expires,
                                   const std::stop_token& stop);

  Trash& trash_;
  ImageService& images_;
  const Clock& clock_;
  std::chrono::days retention_;
};

}  // namespace classifier
