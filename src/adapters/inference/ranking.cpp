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

Predictions rank(std::span<const float> scores, std::span<const std::string> labels,
                 std::size_t top_k) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0UL);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(top_k, order.size()));
  std::ranges::partial_sort(order, end, [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  Predictions predictions;
  predictions.reserve(static_cast<std::size_t>(end - order.begin()));
  for (auto index = order.begin(); index != end; ++index) {
    predictions.push_back({labels[*index], std::clamp(scores[*index], 0.0F, 1.0F)});
  }
  return predictions;
}

}  // namespace classifier
