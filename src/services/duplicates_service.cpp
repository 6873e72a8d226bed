#include "services/duplicates_service.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace classifier {
namespace {

using std::chrono::steady_clock;

// Measured on photos that were resized, recompressed, turned by 1 degree and cropped by 5 %, and on
// photos of the same kinds of things.
constexpr double kSameLook = 0.9;
// Below this variance a picture has no structure that could be compared.
constexpr double kFlat = 4;
constexpr double kSameBrightness = 8;
constexpr std::size_t kAtOnce = 500;
// Pairs beyond this are of libraries in which nearly everything is alike.
constexpr std::size_t kMostPairs = 20'000'000;
// Groups that took long are kept for longer, though images changed.
constexpr int kKeepFor = 10;
constexpr double kClearlyMore = 1.02;

struct Pair {
  std::size_t a = 0;
  std::size_t b = 0;
  float similarity = 0;
};

std::int64_t pixels_of(const CatalogueEntry& entry) {
  return static_cast<std::int64_t>(entry.facts.width) * entry.facts.height;
}

double mean_of(const Look& look) {
  const auto& values = look.brightness;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

bool look_the_same(const Look& a, const Look& b) {
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
  if (squares_a < flat && squares_b < flat) return std::abs(mean_a - mean_b) < kSameBrightness;
  return products >= kSameLook * std::sqrt(squares_a * squares_b);
}

DuplicatesService::~DuplicatesService() { stopping_ = true; }

Result<DuplicatesPage> DuplicatesService::find(float min_similarity, std::size_t offset,
                                               std::size_t limit,
                                               std::chrono::milliseconds patience) {
  const auto version = ports_.catalogue.version();
  if (!version) return std::unexpected(version.error());
  std::shared_ptr<const Groups> groups;
  {
    std::unique_lock lock(mutex_);
    // A later page is of the list that the first one is of.
    const bool later = offset > 0 && groups_ && groups_->min_similarity == min_similarity;
    if (!later && !looking_ && (!groups_ || !is_fresh(*groups_, min_similarity, *version))) {
      looking_ = true;
      thread_ = std::jthread(
          [this, min_similarity, version = *version] { look(min_similarity, version); });
    }
    found_.wait_for(lock, later ? std::chrono::milliseconds(0) : patience,
                    [this] { return !looking_; });
    if (!later && looking_) {
      return fail(ErrorCode::kUnavailable,
                  "duplicates are being looked for: ask again in a few seconds");
    }
    groups = groups_;
  }
  if (!groups->outcome) return std::unexpected(groups->outcome.error());
  DuplicatesPage page;
  page.total = static_cast<std::int64_t>(groups->groups.size());
  std::size_t at = offset;
  for (; at < groups->groups.size() && page.groups.size() < limit; ++at) {
    auto group = resolve(groups->groups[at]);
    if (!group) return std::unexpected(group.error());
    // Images that were deleted meanwhile are left out.
    if (group->images.size() > 1) page.groups.push_back(std::move(*group));
  }
  if (at < groups->groups.size()) page.next = at;
  return page;
}

bool DuplicatesService::is_fresh(const Groups& groups, float min_similarity,
                                 const std::string& version) const {
  if (groups.min_similarity != min_similarity || !groups.outcome) return false;
  return groups.version == version ? steady_clock::now() < groups.at + std::chrono::minutes(1)
                                   : steady_clock::now() < groups.at + groups.took * kKeepFor;
}

void DuplicatesService::look(float min_similarity, const std::string& version) {
  Groups groups;
  groups.min_similarity = min_similarity;
  groups.version = version;
  const auto start = steady_clock::now();
  auto found = groups_of(min_similarity);
  groups.at = steady_clock::now();
  groups.took = groups.at - start;
  if (found) {
    groups.groups = std::move(*found);
  } else {
    groups.outcome = std::unexpected(found.error());
  }
  {
    const std::scoped_lock lock(mutex_);
    groups_ = std::make_shared<const Groups>(std::move(groups));
    looking_ = false;
  }
  found_.notify_all();
}

Result<std::vector<DuplicatesService::Group>> DuplicatesService::groups_of(float min_similarity) {
  std::vector<std::string> contents;  // that are in some pair, or that several images have
  std::unordered_map<std::string, std::size_t> numbers;
  const auto number_of = [&](const std::string& content) {
    const auto [place, added] = numbers.try_emplace(content, contents.size());
    if (added) contents.push_back(content);
    return place->second;
  };
  std::string last;
  auto visited =
      ports_.changes.visit_contents([&](std::span<const std::string> piece) -> Result<void> {
        for (const auto& content : piece) {
          if (content == last) number_of(content);
          last = content;
        }
        return {};
      });
  if (!visited) return std::unexpected(visited.error());
  std::vector<Pair> pairs;
  std::unordered_map<std::size_t, Look> looks;
  if (const auto model = ports_.seeing.model()) {
    auto compared = ports_.vectors.similar_pairs(
        model->fingerprint, min_similarity,
        [&](const std::string& a, const std::string& b, float similarity) {
          if (pairs.size() < kMostPairs) pairs.push_back({number_of(a), number_of(b), similarity});
        },
        [this] { return stopping_.load(); });
    if (!compared) return std::unexpected(compared.error());
    std::unordered_set<std::size_t> in_pairs;
    for (const auto& pair : pairs) in_pairs.insert({pair.a, pair.b});
    const std::vector<std::size_t> needed(in_pairs.begin(), in_pairs.end());
    for (std::span<const std::size_t> rest = needed; !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), kAtOnce));
      std::vector<std::string> hashes;
      for (const std::size_t number : some) hashes.push_back(contents[number]);
      const auto seen = ports_.embeddings.get(model->fingerprint, hashes);
      if (!seen) return std::unexpected(seen.error());
      for (std::size_t i = 0; i < some.size(); ++i) {
        if ((*seen)[i]) looks.emplace(some[i], (*seen)[i]->look);
      }
      rest = rest.subspan(some.size());
    }
  }
  std::erase_if(pairs, [&](const Pair& pair) {
    const auto a = looks.find(pair.a);
    const auto b = looks.find(pair.b);
    return a == looks.end() || b == looks.end() || !look_the_same(a->second, b->second);
  });
  // What each content is worth keeping for.
  struct Worth {
    std::int64_t pixels = 0;
    double sharpness = 0;
    double bytes_per_pixel = 0;
    std::uint64_t bytes = 0;
    std::size_t images = 0;
  };
  std::vector<Worth> worth(contents.size());
  for (std::span<const std::string> rest = contents; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kAtOnce));
    const auto entries = ports_.catalogue.having(some, {});
    if (!entries) return std::unexpected(entries.error());
    for (const auto& entry : *entries) {
      Worth& value = worth[numbers.at(entry.sha256)];
      value.pixels = pixels_of(entry);
      value.bytes = entry.size;
      if (value.pixels > 0)
        value.bytes_per_pixel = static_cast<double>(entry.size) / static_cast<double>(value.pixels);
      ++value.images;
    }
    rest = rest.subspan(some.size());
  }
  for (const auto& [number, look] : looks) worth[number].sharpness = look.sharpness;
  const auto better = [&](std::size_t a, std::size_t b) {
    const Worth& left = worth[a];
    const Worth& right = worth[b];
    if (left.pixels != right.pixels) return left.pixels > right.pixels;
    if (left.sharpness != right.sharpness) return left.sharpness > right.sharpness;
    if (left.bytes_per_pixel != right.bytes_per_pixel)
      return left.bytes_per_pixel > right.bytes_per_pixel;
    return contents[a] < contents[b];
  };
  std::vector<std::vector<std::pair<std::size_t, float>>> neighbours(contents.size());
  for (const auto& pair : pairs) {
    neighbours[pair.a].emplace_back(pair.b, pair.similarity);
    neighbours[pair.b].emplace_back(pair.a, pair.similarity);
  }
  std::vector<std::size_t> order(contents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, better);
  // The best one takes all that are like it: so each is like the one that is to be kept, and not
  // only like one that is like it.
  std::vector<bool> taken(contents.size(), false);
  std::vector<std::pair<std::uint64_t, Group>> groups;  // by bytes that the copies take
  for (const std::size_t best : order) {
    if (taken[best] || worth[best].images == 0) continue;
    taken[best] = true;
    Group group{{contents[best], 1}};
    std::size_t images = worth[best].images;
    std::uint64_t bytes = worth[best].bytes * (worth[best].images - 1);
    std::ranges::sort(neighbours[best],
                      [&](const auto& a, const auto& b) { return better(a.first, b.first); });
    for (const auto& [other, similarity] : neighbours[best]) {
      if (taken[other] || worth[other].images == 0) continue;
      taken[other] = true;
      group.push_back({contents[other], similarity});
      images += worth[other].images;
      bytes += worth[other].bytes * worth[other].images;
    }
    if (images > 1) groups.emplace_back(bytes, std::move(group));
  }
  std::ranges::stable_sort(groups, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Group> sorted;
  sorted.reserve(groups.size());
  for (auto& [bytes, group] : groups) sorted.push_back(std::move(group));
  return sorted;
}

Result<DuplicateGroup> DuplicatesService::resolve(const Group& group) {
  std::vector<std::string> contents;
  std::unordered_map<std::string_view, float> similarities;
  for (const auto& [content, similarity] : group) {
    contents.push_back(content);
    similarities.emplace(content, similarity);
  }
  auto entries = ports_.catalogue.having(contents, {});
  if (!entries) return std::unexpected(entries.error());
  DuplicateGroup resolved;
  for (auto& entry : *entries) {
    const float similarity = similarities.at(entry.sha256);
    resolved.images.push_back({.entry = std::move(entry), .similarity = similarity});
  }
  const auto& images = resolved.images;
  if (images.size() < 2) return resolved;
  const CatalogueEntry& best = images.front().entry;
  const auto next = std::ranges::find_if(
      images, [&](const DuplicateImage& image) { return image.entry.sha256 != best.sha256; });
  resolved.identical = next == images.end();
  const auto bytes_per_pixel = [](const CatalogueEntry& entry) {
    return static_cast<double>(entry.size) /
           static_cast<double>(std::max<std::int64_t>(pixels_of(entry), 1));
  };
  if (resolved.identical) {
    resolved.reason = "the files are identical: the first that was added";
  } else if (pixels_of(best) > pixels_of(next->entry)) {
    resolved.reason = fmt::format("the largest: {} × {}", best.facts.width, best.facts.height);
  } else if (bytes_per_pixel(best) > kClearlyMore * bytes_per_pixel(next->entry)) {
    resolved.reason = "the least compressed of those with most pixels";
  } else {
    resolved.reason = "the sharpest of those with most pixels";
  }
  return resolved;
}

}  // namespace classifier
