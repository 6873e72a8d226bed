// From a model's numbers to predictions. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "domain/prediction.hpp"

namespace classifier {

// In place: exp(scale × x) / Σ exp(scale × x), without overflow. Empty input stays empty.
void softmax(std::span<float> values, float scale = 1);

// In place: divided by their sum, so that quantized probabilities sum to 1. No effect where the sum
// is 0.
void normalize_sum(std::span<float> values);

// In place: divided by the Euclidean length. No effect where it is 0.
void normalize_length(std::span<float> values);

// The `top_k` labels of the highest scores, falling; equal scores in the order of the labels.
// `scores` and `labels` have one length.
Predictions rank(std::span<const float> scores, std::span<const std::string> labels,
                 std::size_t top_k);

}  // namespace classifier
