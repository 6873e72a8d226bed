// How a prepared image looks.
#pragma once

#include "domain/seen_image.hpp"
#include "ports/classifier.hpp"

namespace classifier {

// `image` has at least Look::kSide pixels on each side; smaller ones give an empty Look.
Look look_of(const PreparedImage& image);

}  // namespace classifier
