#include "adapters/inference/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace classifier {
namespace {

void divide(std::span<float> values, double divisor) {
  if (!(divisor > 0)) return;
  for (float& value : values) value = static_cast<float>(value / divisor);
}

}  // namespace

void softmax(std::span<float> values, float scale) {
  if (values.empty()) return;
  const float most = *std::ranges::max_element(values);
  double sum = 0;
  for (float& value : values) {
    value = std::exp(scale * (value - most));
    sum += value;
  }
  divide(values, sum);
}

void normalize_sum(std::span<float> values) {
  divide(values, std::accumulate(values.begin(), values.end(), 0.0));
}

void normalize_length(std::span<float> values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  divide(values, std::sqrt(squares));
}

std::vector<ScoredLabel> highest(std::span<const float> scores, std::size_t count) {
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
  std::ranges::partial_sort(order, end, [&](std::uint32_t a, std::uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  std::vector<ScoredLabel> top;
  top.reserve(static_cast<std::size_t>(end - order.begin()));
  for (auto index = order.begin(); index != end; ++index)
    top.push_back({*index, std::clamp(scores[*index], 0.0F, 1.0F)});
  return top;
}

Predictions named(std::span<const ScoredLabel> scored, std::span<const std::string> labels) {
  Predictions predictions;
  predictions.reserve(scored.size());
  for (const auto& [label, score] : scored) predictions.push_back({labels[label], score});
  return predictions;
}

}  // namespace classifier
