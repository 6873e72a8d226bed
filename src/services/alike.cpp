#include "services/alike.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace classifier {
namespace {

constexpr float kSameLook = 0.9F;
// Below this variance a picture has no structure that could be compared.
constexpr double kFlat = 4;
constexpr double kSameBrightness = 8;
// A picture that has less of the sharpness of another one is blurred; the blocks of strong
// compression add some to it.
constexpr float kBlurred = 0.6F;

double mean_of(const Look& look) {
  const auto& values = look.brightness;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Whether the picture at `a` is rather to be kept, but for its sharpness.
bool is_better(std::span<const Picture> pictures, std::size_t a, std::size_t b) {
  const Picture& left = pictures[a];
  const Picture& right = pictures[b];
  if (left.pixels != right.pixels) return left.pixels > right.pixels;
  if (left.bytes != right.bytes) return left.bytes > right.bytes;
  return a < b;
}

using Neighbours = std::vector<std::pair<std::size_t, float>>;

// Puts the one to keep first, if the first one is blurred: the best of those with as many pixels
// that are sharp, and alike to all others.
void prefer_sharp(std::span<const Picture> pictures, std::span<const Neighbours> neighbours,
                  AlikeGroup& group) {
  const auto& members = group.members;
  const Picture& first = pictures[members.front().first];
  float sharpest = 0;
  for (const auto& [number, similarity] : members) {
    if (pictures[number].pixels == first.pixels)
      sharpest = std::max(sharpest, pictures[number].sharpness);
  }
  if (first.sharpness >= kBlurred * sharpest) return;
  for (const auto& [number, similarity] : members) {
    const Picture& picture = pictures[number];
    if (picture.pixels != first.pixels || picture.sharpness < kBlurred * sharpest) continue;
    Neighbours others{{number, 1.0F}};
    for (const auto& member : members) {
      const auto pair =
          std::ranges::find(neighbours[number], member.first, &Neighbours::value_type::first);
      if (pair != neighbours[number].end()) others.push_back(*pair);
    }
    if (others.size() < members.size()) continue;
    group.members = std::move(others);
    group.why = Kept::kSharpest;
    return;
  }
}

}  // namespace

float correlation(const Look& a, const Look& b) {
  const double mean_a = mean_of(a);
  const double mean_b = mean_of(b);
  double products = 0;
  double squares_a = 0;
  double squares_b = 0;
  for (std::size_t i = 0; i < a.brightness.size(); ++i) {
    const double of_a = a.brightness[i] - mean_a;
    const double of_b = b.brightness[i] - mean_b;
    products += of_a * of_b;
    squares_a += of_a * of_a;
    squares_b += of_b * of_b;
  }
  const double flat = kFlat * static_cast<double>(a.brightness.size());
  if (squares_a < flat && squares_b < flat)
    return std::abs(mean_a - mean_b) < kSameBrightness ? 1.0F : 0.0F;
  const double squares = squares_a * squares_b;
  return squares > 0 ? static_cast<float>(products / std::sqrt(squares)) : 0.0F;
}

std::optional<float> same_picture(float cosine, const Look& a, const Look& b,
                                  float min_similarity) {
  const float alike = correlation(a, b);
  const float similarity = std::max(cosine, alike);
  if (alike < kSameLook || cosine < min_similarity - kCosineSlack || similarity < min_similarity)
    return std::nullopt;
  return similarity;
}

std::vector<AlikeGroup> group_alike(std::span<const Picture> pictures,
                                    std::span<const AlikePair> pairs) {
  std::vector<Neighbours> neighbours(pictures.size());
  for (const auto& pair : pairs) {
    neighbours[pair.a].emplace_back(pair.b, pair.similarity);
    neighbours[pair.b].emplace_back(pair.a, pair.similarity);
  }
  std::vector<std::size_t> order(pictures.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto better = [&](std::size_t a, std::size_t b) { return is_better(pictures, a, b); };
  std::ranges::sort(order, better);
  std::vector<bool> taken(pictures.size(), false);
  std::vector<std::pair<std::uint64_t, AlikeGroup>> groups;  // with the bytes of the others
  for (const std::size_t best : order) {
    if (taken[best] || pictures[best].files == 0) continue;
    taken[best] = true;
    AlikeGroup group{.why = Kept::kFirst, .members = {{best, 1.0F}}};
    std::size_t files = pictures[best].files;
    std::uint64_t bytes = pictures[best].bytes * (files - 1);
    std::ranges::sort(neighbours[best], better, &Neighbours::value_type::first);
    for (const auto& [other, similarity] : neighbours[best]) {
      if (taken[other] || pictures[other].files == 0) continue;
      taken[other] = true;
      if (group.members.size() == 1) {
        group.why = pictures[best].pixels > pictures[other].pixels ? Kept::kLargest
                                                                   : Kept::kLeastCompressed;
      }
      group.members.emplace_back(other, similarity);
      files += pictures[other].files;
      bytes += pictures[other].bytes * pictures[other].files;
    }
    if (files < 2) continue;
    prefer_sharp(pictures, neighbours, group);
    groups.emplace_back(bytes, std::move(group));
  }
  std::ranges::sort(groups, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first
                              : a.second.members.front() < b.second.members.front();
  });
  std::vector<AlikeGroup> sorted;
  sorted.reserve(groups.size());
  for (auto& [bytes, group] : groups) sorted.push_back(std::move(group));
  return sorted;
}

std::string reason_to_keep(Kept why, int width, int height) {
  switch (why) {
    case Kept::kFirst:
      return "the first that was added";
    case Kept::kLargest:
      return fmt::format("the largest: {} × {}", width, height);
    case Kept::kSharpest:
      return "the sharpest of the largest";
    case Kept::kLeastCompressed:
      return "the least compressed of the largest";
  }
  return {};
}

}  // namespace classifier
