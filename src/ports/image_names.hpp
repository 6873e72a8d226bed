// The port to the names that users gave their images.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"

namespace classifier {

// Thread-safe; several processes may use the same names.
class ImageNames {
 public:
  virtual ~ImageNames() = default;

  // The name and batch of an image that will be uploaded; see CatalogueEntry. Kept for a day at
  // least, and from the upload on as long as the image is there.
  virtual Result<void> announce(std::string_view key, std::string_view name, std::string_view batch,
                                TimePoint now) = 0;

  // The names of the keys, in their order; empty where there is none.
  virtual Result<std::vector<std::string>> names(std::span<const std::string> keys) = 0;

  // The image is removed.
  virtual Result<void> forget(std::string_view key) = 0;
};

}  // namespace classifier
