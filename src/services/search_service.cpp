#include "services/search_service.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "domain/text.hpp"
#include "domain/vectors.hpp"

namespace classifier {
namespace {

// So few images are compared one by one.
constexpr std::size_t kFew = 2'000;
// How many neighbours are asked for at first, and how much more where the filter admits too few.
constexpr std::size_t kFirst = 100;
constexpr std::size_t kMore = 10;

}  // namespace

Result<Found> SearchService::by_text(std::string_view text, const ImageFilter& filter,
                                     std::size_t limit) {
  const std::string wanted = trim(text);
  if (wanted.empty())
    return fail(ErrorCode::kInvalidArgument, "q is empty: say what the photos show");
  if (!is_utf8(wanted) || has_control_character(wanted)) {
    return fail(ErrorCode::kInvalidArgument,
                "q must be UTF-8 without control characters: say what the photos show");
  }
  if (wanted.size() > kMaxText) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("q has {} bytes; at most {} are allowed", wanted.size(), kMaxText));
  }
  const auto model = ports_.seeing.model();
  if (!model) return std::unexpected(model.error());
  const std::string known_as = model->fingerprint + wanted;
  auto vector = texts_.find(known_as);
  if (!vector) {
    auto embedded = ports_.classifier.embed_text(model->name, wanted);
    if (!embedded) return std::unexpected(embedded.error());
    vector = texts_.insert(known_as, std::move(*embedded));
  }
  auto found = find(*model, *vector, filter, limit, "");
  if (!found) return found;
  for (const auto& info : ports_.classifier.models()) {
    if (info.name == model->name) found->threshold = info.search_threshold;
  }
  return found;
}

Result<Found> SearchService::like_stored(const std::string& key, const ImageFilter& filter,
                                         std::size_t limit) {
  const auto model = ports_.seeing.model();
  if (!model) return std::unexpected(model.error());
  const auto seen = ports_.seeing.stored(*model, key);
  if (!seen) return std::unexpected(seen.error());
  return find(*model, seen->vector, filter, limit, key);
}

Result<Found> SearchService::like_given(std::span<const std::byte> image, const ImageFilter& filter,
                                        std::size_t limit) {
  const auto model = ports_.seeing.model();
  if (!model) return std::unexpected(model.error());
  const auto seen = ports_.seeing.given(*model, image);
  if (!seen) return std::unexpected(seen.error());
  return find(*model, seen->vector, filter, limit, "");
}

Result<Found> SearchService::find(const SearchModel& model, std::span<const float> vector,
                                  const ImageFilter& filter, std::size_t limit,
                                  std::string_view but) {
  Found found;
  auto state = ports_.indexer.state();
  if (!state) return std::unexpected(state.error());
  found.index = std::move(*state);
  if (found.index.indexed == 0 && found.index.total > 0) {
    return fail(ErrorCode::kConflict,
                found.index.pending > 0
                    ? fmt::format("nothing is indexed yet: {} images are being looked at; try "
                                  "again in a moment",
                                  found.index.pending)
                    : std::string("nothing is indexed yet: `classifier index`, or POST /index, "
                                  "has the images looked at"));
  }
  auto images = nearest(model, vector, filter, limit + (but.empty() ? 0 : 1));
  if (!images) return std::unexpected(images.error());
  found.images = std::move(*images);
  std::erase_if(found.images, [&](const FoundImage& image) { return image.entry.key == but; });
  if (found.images.size() > limit) found.images.resize(limit);
  return found;
}

Result<std::vector<FoundImage>> SearchService::nearest(const SearchModel& model,
                                                       std::span<const float> vector,
                                                       const ImageFilter& filter,
                                                       std::size_t limit) {
  // The filter comes first where it admits few, so that none of them is missed.
  const auto admitted = ports_.catalogue.list(filter, ImageOrder::kKey, 0, 0);
  if (!admitted) return std::unexpected(admitted.error());
  if (std::cmp_less_equal(admitted->total, kFew)) {
    const auto page = ports_.catalogue.list(filter, ImageOrder::kKey, 0, kFew);
    if (!page) return std::unexpected(page.error());
    return among(model, vector, page->entries);
  }
  for (std::size_t count = std::max(kFirst, 2 * limit);; count *= kMore) {
    const auto neighbours = ports_.vectors.nearest(model.fingerprint, vector, count);
    if (!neighbours) return std::unexpected(neighbours.error());
    std::vector<std::string> contents;
    std::unordered_map<std::string_view, float> similarities;
    for (const auto& neighbour : *neighbours) {
      contents.push_back(neighbour.sha256);
      similarities.emplace(neighbour.sha256, neighbour.similarity);
    }
    auto entries = ports_.catalogue.having(contents, filter);
    if (!entries) return std::unexpected(entries.error());
    if (entries->size() < limit && neighbours->size() == count) continue;
    std::vector<FoundImage> images;
    for (auto& entry : *entries) {
      const float similarity = similarities.at(entry.sha256);
      images.push_back({.entry = std::move(entry), .similarity = similarity});
    }
    return images;
  }
}

// Those of the entries whose content is remembered.
Result<std::vector<FoundImage>> SearchService::among(const SearchModel& model,
                                                     std::span<const float> vector,
                                                     const std::vector<CatalogueEntry>& entries) {
  std::vector<std::string> contents;
  std::vector<const CatalogueEntry*> known;
  for (const auto& entry : entries) {
    if (entry.sha256.empty()) continue;
    contents.push_back(entry.sha256);
    known.push_back(&entry);
  }
  const auto seen = ports_.embeddings.get(model.fingerprint, contents);
  if (!seen) return std::unexpected(seen.error());
  std::vector<FoundImage> images;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const auto& image = (*seen)[i];
    if (image && image->vector.size() == vector.size())
      images.push_back({.entry = *known[i], .similarity = dot(image->vector, vector)});
  }
  std::ranges::stable_sort(images, std::greater<>(), &FoundImage::similarity);
  return images;
}

}  // namespace classifier
