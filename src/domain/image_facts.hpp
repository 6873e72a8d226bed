// What the header of an image file says about it.
#pragma once

#include <optional>
#include <string>

#include "domain/time.hpp"

namespace classifier {

struct ImageFacts {
  std::string content_type;  // by content, such as "image/jpeg"; empty: none that is known
  int width = 0;             // in pixels as displayed, after the EXIF orientation; 0: not known
  int height = 0;
  // EXIF has local time, mostly without a zone: without one it is taken as UTC.
  std::optional<TimePoint> taken_at;
};

}  // namespace classifier
