// Turns the outputs of models into predictions. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "domain/prediction.hpp"
#include "domain/seen_image.hpp"

namespace classifier {

// Replaces each x by exp(scale × x) / Σ exp(scale × x), without overflow. `values` may be empty.
void softmax(std::span<float> values, float scale = 1);

// Divides values by their sum, so that quantized probabilities sum to 1. No effect unless the sum
// is above 0.
void normalize_sum(std::span<float> values);

// Divides values by their Euclidean length. No effect where that is 0.
void normalize_length(std::span<float> values);

// The `count` highest scores with their positions, in descending order; equal scores by rising
// position. Scores are clamped to 0 to 1.
std::vector<ScoredLabel> highest(std::span<const float> scores, std::size_t count);

// `scored` with the names of its labels, all of which are positions in `labels`.
Predictions named(std::span<const ScoredLabel> scored, std::span<const std::string> labels);

}  // namespace classifier
