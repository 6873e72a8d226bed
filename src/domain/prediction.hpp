// The predictions of a model for one image.
#pragma once

#include <string>
#include <vector>

namespace classifier {

struct Prediction {
  std::string label;
  float score = 0;  // probability; the scores of all labels of the model or job add up to 1
  friend bool operator==(const Prediction&, const Prediction&) = default;
};

// By falling score, at most `top_k`.
using Predictions = std::vector<Prediction>;

}  // namespace classifier
