// What the header of an image file says.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "domain/time.hpp"

namespace classifier {

// How much of a file is read for its facts: see read_image_facts().
constexpr std::size_t kImageHeaderBytes = 256 << 10;

// What the camera wrote. Texts are UTF-8 without control characters, with at most 200 characters;
// empty: unknown. Numbers are positive and possible.
struct CameraFacts {
  std::string make;
  std::string model;
  std::string lens;
  std::optional<double> exposure_s;
  std::optional<double> f_number;
  std::optional<int> iso;
  std::optional<double> focal_length_mm;  // of the lens itself
  friend bool operator==(const CameraFacts&, const CameraFacts&) = default;
};

struct ImageFacts {
  std::string content_type;  // "image/jpeg"; empty: not an image of a supported type
  // In pixels, as displayed: after the Exif orientation. Both are 0 where they are unknown.
  int width = 0;
  int height = 0;
  // Exif has the time of the camera's clock. With its offset from UTC, which newer cameras and most
  // phones write, this is the time in UTC; without it the clock is taken to show UTC.
  std::optional<TimePoint> taken_at;
  CameraFacts camera = {};  // NOLINT(readability-redundant-member-init); not in the catalogue
};

}  // namespace classifier
