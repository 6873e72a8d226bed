// Turns the outputs of models into predictions. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "domain/prediction.hpp"

namespace classifier {

// Replaces each x by exp(scale × x) / Σ exp(scale × x), without overflow. `values` may be empty.
void softmax(std::span<float> values, float scale = 1);

// Divides values by their sum, so that quantized probabilities sum to 1. No effect unless the sum
// is above 0.
void normalize_sum(std::span<float> values);

// Divides values by their Euclidean length. No effect where that is 0.
void normalize_length(std::span<float> values);

// The labels of the `top_k` highest scores, in descending order; equal scores in the order of the
// labels. `scores` and `labels` must have the same length. Scores are clamped to 0 to 1.
Predictions rank(std::span<const float> scores, std::span<const std::string> labels,
                 std::size_t top_k);

}  // namespace classifier
