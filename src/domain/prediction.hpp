// What a model says of one image.
#pragma once

#include <string>
#include <vector>

namespace classifier {

struct Prediction {
  std::string label;
  float score = 0;  // probability, 0 to 1; sums to 1 over all labels of the model or job
  friend bool operator==(const Prediction&, const Prediction&) = default;
};

// Falling score; at most the `top_k` that was asked for.
using Predictions = std::vector<Prediction>;

}  // namespace classifier
