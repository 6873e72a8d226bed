#include "adapters/inference/label_check.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstddef>

#include "domain/text.hpp"

namespace classifier {
namespace {

// Rounding differs a little from one inference to the next.
constexpr float kSame = 0.9999F;
// Chosen by measurement: docs/starter-models.md.
constexpr float kNear = 0.60F;

float cosine(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

std::vector<std::string> indistinct_labels(std::span<const float> embeddings,
                                           std::span<const std::string> labels) {
  std::vector<std::string> sentences;
  const std::size_t columns = labels.empty() ? 0 : embeddings.size() / labels.size();
  const auto row = [&](std::size_t i) { return embeddings.subspan(i * columns, columns); };
  std::vector<bool> told(labels.size(), false);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (told[i]) continue;
    std::vector<std::string> same{labels[i]};
    for (std::size_t k = i + 1; k < labels.size(); ++k) {
      if (told[k] || cosine(row(i), row(k)) < kSame) continue;
      told[k] = true;
      same.push_back(labels[k]);
    }
    if (same.size() == 1) continue;
    sentences.push_back(fmt::format(
        "the model cannot tell {} apart, as it cannot with words that it does not know, "
        "so their scores are equal: use other words",
        quoted_list(same)));
  }
  return sentences;
}

std::string unknown_labels(std::span<const float> embeddings, std::span<const std::string> labels,
                           std::span<const float> classes) {
  if (labels.empty() || classes.empty()) return {};
  const std::size_t columns = embeddings.size() / labels.size();
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = embeddings.subspan(i * columns, columns);
    float nearest = -1;
    for (std::size_t at = 0; at < classes.size(); at += columns)
      nearest = std::max(nearest, cosine(label, classes.subspan(at, columns)));
    if (nearest < kNear) unknown.push_back(labels[i]);
  }
  if (unknown.empty()) return {};
  return fmt::format(
      "the starter model cannot see {}: it knows ImageNet's classes by their English names, and "
      "none of them is near, so {} scores mean little; for such labels get the official model: "
      "classifier models fetch --source official",
      quoted_list(unknown), unknown.size() == 1 ? "its" : "their");
}

}  // namespace classifier
