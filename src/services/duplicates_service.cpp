#include "services/duplicates_service.hpp"

#include <algorithm>
#include <exception>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace classifier {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kAtOnce = 500;
constexpr std::size_t kPairsAtOnce = 200'000;
// Pairs of one picture. Of thousands that are the same, such as of a fixed camera, groups of so
// many are made, and not pairs of each with each.
constexpr std::size_t kMostAlike = 200;
// Groups that took long are kept for longer, though images changed.
constexpr int kKeepFor = 10;

std::int64_t pixels_of(const CatalogueEntry& entry) {
  return static_cast<std::int64_t>(entry.facts.width) * entry.facts.height;
}

}  // namespace

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
    const auto deadline = steady_clock::now() + patience;
    while (!later && (!groups_ || !is_fresh(*groups_, min_similarity, *version))) {
      // Where another question is being looked for, that ends first.
      const bool ours = !std::exchange(looking_, true);
      if (ours) {
        thread_ = std::jthread(
            [this, min_similarity, version = *version] { look(min_similarity, version); });
      }
      if (!found_.wait_until(lock, deadline, [this] { return !looking_; })) {
        return fail(ErrorCode::kUnavailable,
                    "duplicates are being looked for: ask again in a few seconds");
      }
      if (groups_->min_similarity == min_similarity) break;  // fresh, or why it failed
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
  auto found = [&]() -> Result<std::vector<Group>> {
    try {
      return groups_of(min_similarity);
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kExhausted,
                  std::string("looking for duplicates failed: ") + exception.what());
    }
  }();
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
  std::vector<AlikePair> pairs;
  std::unordered_map<std::size_t, Look> looks;  // of contents in pairs
  if (const auto model = ports_.seeing.model()) {
    // Those before `confirmed` are of the same picture. The others are looked at in pieces, since a
    // model finds many more alike than there are.
    std::size_t confirmed = 0;
    Result<void> confirmation;
    std::atomic<bool> failed{false};
    const auto confirm = [&] {
      if (confirmation)
        confirmation = confirm_pairs(*model, contents, confirmed, pairs, looks, min_similarity);
      confirmed = pairs.size();
      failed = !confirmation;
    };
    auto compared = ports_.vectors.similar_pairs(
        model->fingerprint, min_similarity - kCosineSlack,
        [&](const std::string& a, const std::string& b, float similarity) {
          pairs.push_back({number_of(a), number_of(b), similarity});
          if (pairs.size() >= confirmed + kPairsAtOnce) confirm();
        },
        [&] { return stopping_.load() || failed.load(); });
    confirm();
    if (!compared) return std::unexpected(compared.error());
    if (!confirmation) return std::unexpected(confirmation.error());
  }
  std::vector<Picture> pictures(contents.size());
  for (std::span<const std::string> rest = contents; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kAtOnce));
    const auto entries = ports_.catalogue.having(some, {});
    if (!entries) return std::unexpected(entries.error());
    for (const auto& entry : *entries) {
      Picture& picture = pictures[numbers.at(entry.sha256)];
      picture.pixels = pixels_of(entry);
      picture.bytes = entry.size;
      ++picture.files;
    }
    rest = rest.subspan(some.size());
  }
  for (const auto& [number, look] : looks) pictures[number].sharpness = look.sharpness;
  std::vector<Group> groups;
  for (const auto& alike : group_alike(pictures, pairs)) {
    Group& group = groups.emplace_back(Group{.why = alike.why, .members = {}});
    for (const auto& [number, similarity] : alike.members)
      group.members.push_back({contents[number], similarity});
  }
  return groups;
}

// Removes the pairs from `begin` on that are not of the same picture, and sets the similarity of
// the others. `looks` keeps those of contents in pairs only.
Result<void> DuplicatesService::confirm_pairs(const SearchModel& model,
                                              const std::vector<std::string>& contents,
                                              std::size_t begin, std::vector<AlikePair>& pairs,
                                              std::unordered_map<std::size_t, Look>& looks,
                                              float min_similarity) {
  const auto fresh = std::span(pairs).subspan(begin);
  std::unordered_set<std::size_t> missing;
  for (const auto& pair : fresh) {
    for (const std::size_t number : {pair.a, pair.b}) {
      if (!looks.contains(number)) missing.insert(number);
    }
  }
  std::unordered_map<std::size_t, Look> read;
  const std::vector<std::size_t> needed(missing.begin(), missing.end());
  for (std::span<const std::size_t> rest = needed; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kAtOnce));
    std::vector<std::string> hashes;
    for (const std::size_t number : some) hashes.push_back(contents[number]);
    const auto seen = ports_.embeddings.get(model.fingerprint, hashes);
    if (!seen) return std::unexpected(seen.error());
    for (std::size_t i = 0; i < some.size(); ++i) {
      if ((*seen)[i]) read.emplace(some[i], (*seen)[i]->look);
    }
    rest = rest.subspan(some.size());
  }
  const auto look_of = [&](std::size_t number) -> const Look* {
    if (const auto known = looks.find(number); known != looks.end()) return &known->second;
    const auto found = read.find(number);
    return found == read.end() ? nullptr : &found->second;
  };
  std::unordered_map<std::size_t, std::size_t> num_pairs;
  for (const AlikePair& pair : std::span(pairs).first(begin)) {
    ++num_pairs[pair.a];
    ++num_pairs[pair.b];
  }
  std::size_t kept = begin;
  for (const AlikePair& pair : fresh) {
    const Look* const a = look_of(pair.a);
    const Look* const b = look_of(pair.b);
    if (a == nullptr || b == nullptr) continue;
    const auto similarity = same_picture(pair.similarity, *a, *b, min_similarity);
    if (!similarity || num_pairs[pair.a] >= kMostAlike || num_pairs[pair.b] >= kMostAlike) continue;
    ++num_pairs[pair.a];
    ++num_pairs[pair.b];
    pairs[kept++] = {pair.a, pair.b, *similarity};
    for (const std::size_t number : {pair.a, pair.b}) {
      if (const auto found = read.find(number); found != read.end()) looks.insert(*found);
    }
  }
  pairs.resize(kept);
  return {};
}

Result<DuplicateGroup> DuplicatesService::resolve(const Group& group) {
  std::vector<std::string> contents;
  std::unordered_map<std::string_view, float> similarities;
  for (const auto& [content, similarity] : group.members) {
    contents.push_back(content);
    similarities.emplace(content, similarity);
  }
  auto entries = ports_.catalogue.having(contents, {});
  if (!entries) return std::unexpected(entries.error());
  DuplicateGroup resolved;
  // The others are known to be like the first one only.
  if (entries->empty() || entries->front().sha256 != group.members.front().content) return resolved;
  for (auto& entry : *entries) {
    const float similarity = similarities.at(entry.sha256);
    resolved.images.push_back({.entry = std::move(entry), .similarity = similarity});
  }
  const auto& images = resolved.images;
  if (images.size() < 2) return resolved;
  const CatalogueEntry& best = images.front().entry;
  resolved.identical = std::ranges::all_of(
      images, [&](const DuplicateImage& image) { return image.entry.sha256 == best.sha256; });
  resolved.reason = reason_to_keep(resolved.identical ? Kept::kFirst : group.why, best.facts.width,
                                   best.facts.height);
  return resolved;
}

}  // namespace classifier
