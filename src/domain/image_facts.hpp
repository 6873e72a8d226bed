// What the header of an image file says.
#pragma once

#include <optional>
#include <string>

#include "domain/time.hpp"

namespace classifier {

struct ImageFacts {
  std::string content_type;  // "image/jpeg"; empty: not an image of a supported type
  // In pixels, as displayed: after the Exif orientation. Both are 0 where they are unknown.
  int width = 0;
  int height = 0;
  // Exif has the time of the camera's clock. With its offset from UTC, which newer cameras and most
  // phones write, this is the time in UTC; without it the clock is taken to show UTC.
  std::optional<TimePoint> taken_at;
};

}  // namespace classifier
