#include "services/indexer.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "support/pause.hpp"

namespace classifier {
namespace {

using std::chrono::steady_clock;

constexpr int kLowestPriority = 19;
// Few, so that a job that comes meanwhile waits little.
constexpr std::size_t kSeenAtOnce = 16;
constexpr std::size_t kForgetAtOnce = 1'000;
// Counting a million takes a second: it may take a tenth of the time.
constexpr int kCountShare = 10;
constexpr std::chrono::seconds kCountAgain{2};

}  // namespace

void Indexer::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Indexer::stop() { thread_ = {}; }

Result<void> Indexer::index_all() {
  if (seeing_ == nullptr) {
    return fail(ErrorCode::kUnavailable,
                "this process runs no models: send it to `classifier serve`");
  }
  const auto model = seeing_->model();
  if (!model) return std::unexpected(model.error());
  std::vector<std::string> missing;
  auto visited = visit_images(*model, [&](const std::string& content, bool known) {
    if (!known) missing.push_back(content);
  });
  if (!visited) return visited;
  for (std::span<const std::string> rest = missing; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kForgetAtOnce));
    if (auto wanted = ports_.changes.want_seen(some); !wanted) return wanted;
    rest = rest.subspan(some.size());
  }
  wanted_ = true;
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();  // others wait for a count
  return {};
}

Result<IndexState> Indexer::state() {
  if (seeing_ == nullptr) {
    return fail(ErrorCode::kUnavailable, "this process runs no models: ask `classifier serve`");
  }
  const auto model = seeing_->model();
  if (!model) return std::unexpected(model.error());
  const auto page = ports_.catalogue.list({}, ImageOrder::kKey, 0, 0);
  if (!page) return std::unexpected(page.error());
  const auto indexed = count_indexed(*model);
  if (!indexed) return std::unexpected(indexed.error());
  const auto unseen = ports_.changes.num_unseen();
  if (!unseen) return std::unexpected(unseen.error());
  const bool busy = *unseen > 0 && (uploads_ || wanted_);
  return IndexState{.model = model->name,
                    .indexed = *indexed,
                    .total = page->total,
                    .pending = busy ? *unseen : 0,
                    .busy = busy};
}

// Calls `use` with the content of each image, and whether the model remembers it.
Result<void> Indexer::visit_images(const SearchModel& model,
                                   const std::function<void(const std::string&, bool known)>& use) {
  return ports_.changes.visit_contents([&](std::span<const std::string> contents) -> Result<void> {
    const auto known = ports_.embeddings.has(model.fingerprint, contents);
    if (!known) return std::unexpected(known.error());
    for (std::size_t i = 0; i < contents.size(); ++i) use(contents[i], (*known)[i]);
    return {};
  });
}

// Images, not contents, so that it can be compared with how many there are.
Result<std::int64_t> Indexer::count_indexed(const SearchModel& model) {
  const auto version = ports_.catalogue.version();
  if (!version) return std::unexpected(version.error());
  const std::int64_t seen = seen_;
  const auto start = steady_clock::now();
  {
    std::unique_lock lock(mutex_);
    const bool known = counted_ && counted_->fingerprint == model.fingerprint;
    // One counts; others have what was counted before.
    if (known && counting_) return counted_->indexed;
    changed_.wait(lock, [this] { return !counting_; });
    if (counted_ && counted_->fingerprint == model.fingerprint) {
      const bool same = counted_->version == *version && counted_->seen == seen;
      const auto keep = std::max<steady_clock::duration>(kCountAgain, counted_->took * kCountShare);
      if (start < counted_->at + (same ? keep : counted_->took * kCountShare))
        return counted_->indexed;
    }
    counting_ = true;
  }
  std::int64_t indexed = 0;
  auto visited =
      visit_images(model, [&](const std::string&, bool known) { indexed += known ? 1 : 0; });
  const auto end = steady_clock::now();
  const std::scoped_lock lock(mutex_);
  counting_ = false;
  changed_.notify_all();
  if (!visited) return std::unexpected(visited.error());
  counted_ = Counted{.version = *version,
                     .seen = seen,
                     .at = end,
                     .took = end - start,
                     .fingerprint = model.fingerprint,
                     .indexed = indexed};
  return indexed;
}

void Indexer::run(const std::stop_token& stop) {
  // On Linux the niceness belongs to the thread. If it cannot be raised, nothing else changes.
  std::ignore = ::nice(kLowestPriority);
  while (!stop.stop_requested()) {
    forget_gone();
    if (see_some(stop)) continue;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, pause_, [this] { return woken_; });
    woken_ = false;
  }
}

bool Indexer::see_some(const std::stop_token& stop) {
  if (seeing_ == nullptr || (!uploads_ && !wanted_)) return false;
  // Before looking: what index_all() adds meanwhile is wanted.
  const bool wanted = wanted_.exchange(false);
  const auto contents = ports_.changes.unseen(kSeenAtOnce);
  if (wanted && (!contents || !contents->empty())) wanted_ = true;
  if (!contents) {
    complain("reading which images are to be indexed", contents.error());
    return false;
  }
  if (contents->empty() || stop.stop_requested() || !idle_()) return false;
  const auto model = seeing_->model();
  if (!model) {
    complain("indexing images", model.error());
    return false;
  }
  std::vector<std::string> all;
  for (const auto& content : *contents) all.push_back(content.sha256);
  const auto known = ports_.embeddings.has(model->fingerprint, all);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < contents->size(); ++i) {
    const bool is_known = known && (*known)[i];
    if (!is_known && !(*contents)[i].key.empty()) keys.push_back((*contents)[i].key);
  }
  const auto failed = seeing_->remember(*model, keys);
  // What could not be stored or fetched for now waits on.
  const auto now_known = ports_.embeddings.has(model->fingerprint, all);
  std::vector<std::string> done;
  for (std::size_t i = 0; i < contents->size(); ++i) {
    const auto& [sha256, key] = (*contents)[i];
    if (key.empty() || failed.contains(key) || (now_known && (*now_known)[i]))
      done.push_back(sha256);
  }
  if (auto marked = ports_.changes.mark_seen(done); !marked) {
    complain("noting which images are indexed", marked.error());
    return false;
  }
  seen_ += static_cast<std::int64_t>(done.size());
  return !done.empty();
}

void Indexer::forget_gone() {
  const auto gone = ports_.changes.gone(kForgetAtOnce);
  if (!gone || gone->empty()) return;
  if (auto forgotten = ports_.embeddings.forget(*gone); !forgotten) {
    complain("forgetting images that are gone", forgotten.error());
    return;
  }
  std::ignore = ports_.changes.mark_forgotten(*gone);
}

// Once for each message, until there is another one.
void Indexer::complain(std::string_view what, const Error& error) {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(complained_, error.message) != error.message)
    spdlog::warn("{} failed: {}", what, error.message);
}

}  // namespace classifier
