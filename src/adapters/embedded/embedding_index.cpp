#include "adapters/embedded/embedding_index.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "adapters/embedded/similar_vectors.hpp"
#include "adapters/embedded/vector_kernels.hpp"
#include "domain/text.hpp"
#include "domain/vectors.hpp"

namespace classifier {
namespace {

constexpr std::size_t kRowsAtOnce = 4'096;  // that are added to a file
// The best ones of a scan are compared by the numbers of 16 bits.
constexpr std::size_t kMoreToCompare = 200;
constexpr std::size_t kMostToCompare = 1'000;
// A file of which a larger part is removed is made again.
constexpr std::size_t kRemovedShare = 4;

// A row and its similarity, about.
struct Found {
  float similarity = 0;
  std::size_t row = 0;
  // The best first; of equal ones the earlier row.
  bool operator<(const Found& other) const {
    return similarity != other.similarity ? similarity > other.similarity : row < other.row;
  }
};

// The best `count` of the rows from `begin` to `end`, as a heap.
std::vector<Found> scan(const VectorRows& rows, std::size_t begin, std::size_t end,
                        std::span<const std::int8_t> query, float scale, std::size_t count) {
  constexpr std::size_t kBlock = 256;
  std::vector<Found> best;
  best.reserve(std::min(count, end - begin) + 1);
  std::array<const std::int8_t*, kBlock> vectors{};
  std::array<std::int32_t, kBlock> products{};
  for (; begin < end; begin += kBlock) {
    const std::size_t size = std::min(kBlock, end - begin);
    for (std::size_t i = 0; i < size; ++i) vectors[i] = rows[begin + i].vector;
    multiply_i8(query.data(), {vectors.data(), size}, query.size(), products.data());
    for (std::size_t i = 0; i < size; ++i) {
      const VectorRow row = rows[begin + i];
      const Found found{.similarity = static_cast<float>(products[i]) * row.scale * scale,
                        .row = begin + i};
      if (row.id <= 0 || (best.size() == count && !(found < best.front()))) continue;
      if (best.size() == count) {
        std::pop_heap(best.begin(), best.end());
        best.pop_back();
      }
      best.push_back(found);
      std::push_heap(best.begin(), best.end());
    }
  }
  return best;
}

// The best `count` rows, the best first.
std::vector<Found> scan_all(const VectorRows& rows, std::span<const float> query, std::size_t count,
                            std::size_t threads) {
  std::vector<std::int8_t> rounded(query.size());
  const float scale = round_to_i8(query, rounded.data());
  constexpr std::size_t kFewRows = 20'000;  // not worth a thread
  const std::size_t parts = std::clamp<std::size_t>(rows.size() / kFewRows, 1, threads);
  std::vector<std::vector<Found>> found(parts);
  {
    std::vector<std::jthread> others;
    for (std::size_t part = 1; part < parts; ++part) {
      others.emplace_back([&, part] {
        found[part] = scan(rows, rows.size() * part / parts, rows.size() * (part + 1) / parts,
                           rounded, scale, count);
      });
    }
    found[0] = scan(rows, 0, rows.size() / parts, rounded, scale, count);
  }
  std::vector<Found> best;
  for (const auto& part : found) best.insert(best.end(), part.begin(), part.end());
  std::sort(best.begin(), best.end());
  best.resize(std::min(best.size(), count));
  return best;
}

}  // namespace

Result<std::vector<Neighbour>> EmbeddingIndex::nearest(std::string_view model,
                                                       std::span<const float> query,
                                                       std::size_t count) {
  bool other_rows = false;
  auto found = nearest(model, query, count, other_rows);
  if (!found || !other_rows) return found;
  // The store is another one than it was, such as an older copy of it.
  spdlog::warn("the index has rows that the store has not: it is made again");
  if (auto cleared = begin_anew(model); !cleared) return std::unexpected(cleared.error());
  return nearest(model, query, count, other_rows);
}

Result<void> EmbeddingIndex::begin_anew(std::string_view model) {
  const auto of_model = of(model);
  const std::scoped_lock lock(of_model->catching_up);
  of_model->looked_at = -1;
  if (!of_model->file) return {};
  const auto held = of_model->file->lock();
  if (!held) return std::unexpected(held.error());
  return of_model->file->clear();
}

// Sets `other_rows` where a row of the file has another content in the store.
Result<std::vector<Neighbour>> EmbeddingIndex::nearest(std::string_view model,
                                                       std::span<const float> query,
                                                       std::size_t count, bool& other_rows) {
  const auto all = rows(model, query.size());
  if (!all) return std::unexpected(all.error());
  auto best = scan_all(*all, query, count + kMoreToCompare, threads_);
  const std::size_t compared = std::min(best.size(), kMostToCompare);
  std::vector<std::int64_t> ids;
  for (const auto& found : std::span(best).first(compared)) ids.push_back((*all)[found.row].id);
  const auto compare = embeddings_.rows(ids);
  if (!compare) return std::unexpected(compare.error());
  for (std::size_t i = 0; i < compare->size(); ++i) {
    const auto& row = (*compare)[i];
    other_rows = other_rows || (row.id != 0 && row.content != (*all)[best[i].row].content);
  }
  std::vector<Found> exact;
  exact.reserve(best.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    if (i >= compared) {
      exact.push_back(best[i]);
    } else if (const auto& row = (*compare)[i];
               row.vector.size() == query.size() && row.content == (*all)[best[i].row].content) {
      exact.push_back({.similarity = dot(row.vector, query), .row = best[i].row});
    }
  }
  std::sort(exact.begin(),
            exact.begin() + static_cast<std::ptrdiff_t>(std::min(compared, exact.size())));
  std::vector<Neighbour> neighbours;
  std::unordered_set<std::string_view> known;  // a content that was forgotten and came again
  for (const auto& found : exact) {
    const auto content = (*all)[found.row].content;
    if (neighbours.size() == count) break;
    if (known.insert(content).second)
      neighbours.push_back({.sha256 = to_hex(content), .similarity = found.similarity});
  }
  return neighbours;
}

Result<void> EmbeddingIndex::catch_up(std::string_view model) {
  const auto of_model = of(model);
  return catch_up(*of_model, model);
}

std::shared_ptr<EmbeddingIndex::OfModel> EmbeddingIndex::of(std::string_view model) {
  const std::scoped_lock lock(mutex_);
  auto& of_model = models_[std::string(model)];
  if (!of_model) of_model = std::make_shared<OfModel>();
  return of_model;
}

Result<VectorRows> EmbeddingIndex::rows(std::string_view model, std::size_t dimensions) {
  const auto of_model = of(model);
  if (auto caught_up = catch_up(*of_model, model); !caught_up)
    return std::unexpected(caught_up.error());
  const std::scoped_lock lock(of_model->catching_up);
  if (!of_model->file) return VectorRows();
  if (of_model->file->dimensions() != dimensions) {
    return fail(ErrorCode::kInternal,
                fmt::format("what was remembered has {} numbers, and the question {}",
                            of_model->file->dimensions(), dimensions));
  }
  return of_model->file->read();
}

Result<void> EmbeddingIndex::catch_up(OfModel& of_model, std::string_view model) {
  const std::scoped_lock lock(of_model.catching_up);
  const auto last = embeddings_.last_id();
  if (!last) return std::unexpected(last.error());
  if (!of_model.file) {
    const auto first = embeddings_.rows_after(model, 0, 1);
    if (!first) return std::unexpected(first.error());
    if (first->empty() || first->front().vector.empty()) return {};
    const auto identity = embeddings_.identity();
    if (!identity) return std::unexpected(identity.error());
    constexpr std::size_t kNameDigits = 32;
    of_model.file = std::make_unique<VectorFile>(
        folder_ / (std::string(model.substr(0, kNameDigits)) + ".vectors"),
        std::string(model) + " " + *identity, first->front().vector.size());
  }
  const auto removed = embeddings_.removed(model);
  if (!removed) return std::unexpected(removed.error());
  if (of_model.looked_at == *last && removed->empty()) {
    const auto rows = of_model.file->read();
    if (rows && rows->size() > 0 && rows->size() >= of_model.rows) return {};  // not cut meanwhile
  }
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  const auto held = of_model.file->lock();
  if (!held) return std::unexpected(held.error());
  if (auto rows = of_model.file->read(); !rows) {
    if (rows.error().code != ErrorCode::kInternal) return std::unexpected(rows.error());
    spdlog::warn("{}: the index is made again", rows.error().message);
    if (auto cleared = of_model.file->clear(); !cleared) return cleared;
  } else if (rows->size() == 0) {
    if (auto cleared = of_model.file->clear(); !cleared) return cleared;
  }
  if (!removed->empty()) {
    if (auto done = remove(*of_model.file, *removed); !done) return done;
  }
  if (auto filled = fill(*of_model.file, model, *last); !filled) return filled;
  if (!removed->empty()) {
    if (auto marked = embeddings_.mark_removed(*removed); !marked) return marked;
  }
  const auto rows = of_model.file->read();
  if (!rows) return std::unexpected(rows.error());
  of_model.looked_at = *last;
  of_model.rows = rows->size();
  return {};
}

// The caller holds the file's lock.
Result<void> EmbeddingIndex::remove(VectorFile& file, std::span<const std::int64_t> ids) {
  if (auto done = file.remove(ids); !done) return done;
  const auto rows = file.read();
  if (!rows) return std::unexpected(rows.error());
  std::size_t gone = 0;
  for (std::size_t i = 0; i < rows->size(); ++i) gone += (*rows)[i].id < 0 ? 1 : 0;
  return gone * kRemovedShare > rows->size() ? file.clear() : Result<void>();
}

// Adds what the file does not have yet. The caller holds its lock.
Result<void> EmbeddingIndex::fill(VectorFile& file, std::string_view model, std::int64_t newest) {
  const auto rows = file.read();
  if (!rows) return std::unexpected(rows.error());
  std::int64_t last = rows->size() == 0 ? 0 : std::abs((*rows)[rows->size() - 1].id);
  // A power loss takes back the last commits of the store, whose ids are then given again.
  if (last > newest) {
    if (auto cleared = file.clear(); !cleared) return cleared;
    last = 0;
  }
  while (true) {
    auto more = embeddings_.rows_after(model, last, kRowsAtOnce);
    if (!more) return std::unexpected(more.error());
    if (more->empty()) return {};
    last = more->back().id;
    // Of another exporter with the same fingerprint, which cannot be.
    std::erase_if(*more,
                  [&](const NewVectorRow& row) { return row.vector.size() != file.dimensions(); });
    if (auto added = file.append(*more); !added) return added;
  }
}

Result<void> EmbeddingIndex::similar_pairs(
    std::string_view model, float min_similarity,
    const std::function<void(const std::string&, const std::string&, float)>& use,
    const std::function<bool()>& stopped) {
  const auto of_model = of(model);
  if (auto caught_up = catch_up(*of_model, model); !caught_up) return caught_up;
  VectorRows rows;
  {
    const std::scoped_lock lock(of_model->catching_up);
    if (!of_model->file) return {};
    auto read = of_model->file->read();
    if (!read) return std::unexpected(read.error());
    rows = std::move(*read);
  }
  similar_vectors(
      rows, of_model->file->dimensions(), min_similarity, threads_,
      [&](std::size_t a, std::size_t b, float similarity) {
        use(to_hex(rows[a].content), to_hex(rows[b].content), similarity);
      },
      stopped);
  return {};
}

}  // namespace classifier
