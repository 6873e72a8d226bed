#include "adapters/embedded/photo_order.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace classifier {
namespace {

constexpr std::int64_t kMaxBlock = 2'000;

void bind(SQLite::Statement& statement, int index, const PhotoPlace& place) {
  if (const auto* number = std::get_if<std::int64_t>(&place.value)) {
    statement.bind(index, *number);
  } else if (const auto* text = std::get_if<std::string>(&place.value)) {
    statement.bind(index, *text);
  } else {
    const auto& bytes = std::get<PhotoPlace::Bytes>(place.value).bytes;
    statement.bind(index, bytes.data(), static_cast<int>(bytes.size()));
  }
  statement.bind(index + 1, place.id);
}

PhotoPlace read_place(const PhotoOrder& order, SQLite::Statement& row, int column) {
  PhotoPlace place;
  if (order.number == 0) {
    place.value = row.getColumn(column).getString();
  } else if (order.number == 2) {
    place.value = PhotoPlace::Bytes{row.getColumn(column).getString()};
  } else {
    place.value = row.getColumn(column).getInt64();
  }
  place.id = row.getColumn(column + 1).getInt64();
  return place;
}

// The SQL with {0} and {1} replaced by the order's columns, prepared once.
SQLite::Statement& prepare(SqliteConnection& connection, const PhotoOrder& order,
                           const char* pattern) {
  // Connections keep the texts' addresses, and move from thread to thread.
  static std::mutex mutex;
  static std::map<std::pair<const char*, int>, const std::string> texts;
  const std::scoped_lock lock(mutex);
  const auto [text, is_new] = texts.try_emplace(
      {pattern, order.number}, fmt::format(fmt::runtime(pattern), order.column, order.tie));
  return connection.prepare(text->second.c_str());
}

struct Block {
  PhotoPlace low;
  std::int64_t count = 0;
};

std::optional<Block> block_of(SqliteConnection& connection, const PhotoOrder& order,
                              const PhotoPlace& place) {
  auto& query = connection.prepare(
      "SELECT low, low_id, n FROM photo_blocks WHERE ord = ?1 AND (low, low_id) <= (?2, ?3) "
      "ORDER BY low DESC, low_id DESC LIMIT 1");
  query.bind(1, order.number);
  bind(query, 2, place);
  if (!query.executeStep()) return std::nullopt;
  return Block{read_place(order, query, 0), query.getColumn(2).getInt64()};
}

void set_count(SqliteConnection& connection, const PhotoOrder& order, const Block& block) {
  auto& update = connection.prepare(
      "INSERT OR REPLACE INTO photo_blocks(ord, low, low_id, n) VALUES(?1, ?2, ?3, ?4)");
  update.bind(1, order.number);
  bind(update, 2, block.low);
  update.bind(4, block.count);
  update.exec();
}

// How many are before the place.
std::int64_t rank(SqliteConnection& connection, const PhotoOrder& order, const PhotoPlace& place) {
  const auto block = block_of(connection, order, place);
  if (!block) return 0;
  auto& before = connection.prepare(
      "SELECT coalesce(sum(n), 0) FROM photo_blocks WHERE ord = ?1 AND (low, low_id) < (?2, ?3)");
  before.bind(1, order.number);
  bind(before, 2, block->low);
  before.executeStep();
  auto& within =
      prepare(connection, order,
              "SELECT count(*) FROM photos WHERE ({0}, {1}) >= (?1, ?2) AND ({0}, {1}) < "
              "(?3, ?4)");
  bind(within, 1, block->low);
  bind(within, 3, place);
  within.executeStep();
  return before.getColumn(0).getInt64() + within.getColumn(0).getInt64();
}

std::int64_t count_all(SqliteConnection& connection) {
  auto& query = connection.prepare("SELECT coalesce(sum(n), 0) FROM photo_blocks WHERE ord = 0");
  query.executeStep();
  return query.getColumn(0).getInt64();
}

PhotoPlace after(PhotoPlace place) {
  if (place.id != std::numeric_limits<std::int64_t>::max()) ++place.id;
  return place;
}

std::int64_t rank_of_end(SqliteConnection& connection, const PhotoOrder& order,
                         const PhotoRange& range) {
  return range.to ? rank(connection, order, after(*range.to)) : count_all(connection);
}

// The block with the photo of this rank, and how many come before the block.
std::optional<std::pair<Block, std::int64_t>> block_at(SqliteConnection& connection,
                                                       const PhotoOrder& order,
                                                       std::int64_t wanted) {
  auto& query = connection.prepare(
      "SELECT low, low_id, n FROM photo_blocks WHERE ord = ? ORDER BY low, low_id");
  query.bind(1, order.number);
  std::int64_t before = 0;
  while (query.executeStep()) {
    const std::int64_t count = query.getColumn(2).getInt64();
    if (wanted < before + count)
      return std::pair(Block{read_place(order, query, 0), count}, before);
    before += count;
  }
  return std::nullopt;
}

// The `number`th place of a block, from 0.
std::optional<PhotoPlace> place_in(SqliteConnection& connection, const PhotoOrder& order,
                                   const Block& block, std::int64_t number) {
  auto& query =
      prepare(connection, order,
              "SELECT {0}, {1} FROM photos WHERE ({0}, {1}) >= (?1, ?2) ORDER BY {0}, {1} "
              "LIMIT 1 OFFSET ?3");
  bind(query, 1, block.low);
  query.bind(3, number);
  if (!query.executeStep()) return std::nullopt;
  return read_place(order, query, 0);
}

// Reads the ids that `query` gives first; `use` may run other statements, but not this one.
void each_row(SQLite::Statement& query, const std::function<bool(std::int64_t)>& use) {
  while (query.executeStep())
    if (!use(query.getColumn(0).getInt64())) break;
}

}  // namespace

const PhotoOrder& photo_order(ImageOrder order) {
  switch (order) {
    case ImageOrder::kKey:
      return kPhotoOrders[0];
    case ImageOrder::kNewest:
    case ImageOrder::kOldest:
      return kPhotoOrders[1];
    case ImageOrder::kName:
      return kPhotoOrders[2];
    case ImageOrder::kTaken:
      return kPhotoOrders[3];
    case ImageOrder::kSize:
      break;
  }
  return kPhotoOrders[4];
}

void count_in_block(SqliteConnection& connection, const PhotoOrder& order, const PhotoPlace& place,
                    int change) {
  auto block = block_of(connection, order, place);
  if (!block) return;
  block->count += change;
  // The least block of an order stays, so that each place has one.
  if (block->count <= 0 && block->low.id >= 0) {
    auto& removal =
        connection.prepare("DELETE FROM photo_blocks WHERE ord = ?1 AND low = ?2 AND low_id = ?3");
    removal.bind(1, order.number);
    bind(removal, 2, block->low);
    removal.exec();
    return;
  }
  if (block->count <= kMaxBlock) {
    set_count(connection, order, *block);
    return;
  }
  auto middle = place_in(connection, order, *block, block->count / 2);
  if (!middle) return;
  const Block second{std::move(*middle), block->count - block->count / 2};
  block->count /= 2;
  set_count(connection, order, *block);
  set_count(connection, order, second);
}

PhotoPlace place_of(SqliteConnection& connection, const PhotoOrder& order, std::int64_t id) {
  auto& query = prepare(connection, order, "SELECT {0}, {1} FROM photos WHERE id = ?");
  query.bind(1, id);
  return query.executeStep() ? read_place(order, query, 0) : PhotoPlace{};
}

std::int64_t count_in_range(SqliteConnection& connection, const PhotoOrder& order,
                            const PhotoRange& range) {
  const std::int64_t from = range.from ? rank(connection, order, *range.from) : 0;
  return std::max<std::int64_t>(rank_of_end(connection, order, range) - from, 0);
}

void each_in_range(SqliteConnection& connection, const PhotoOrder& order, const PhotoRange& range,
                   bool falling, const std::function<bool(std::int64_t)>& use) {
  // Only the bounds that there are, so that SQLite uses the index for them.
  static constexpr std::array<std::array<const char*, 4>, 2> kQueries{
      {{"SELECT id FROM photos ORDER BY {0}, {1}",
        "SELECT id FROM photos WHERE ({0}, {1}) >= (?1, ?2) ORDER BY {0}, {1}",
        "SELECT id FROM photos WHERE ({0}, {1}) <= (?3, ?4) ORDER BY {0}, {1}",
        "SELECT id FROM photos WHERE ({0}, {1}) >= (?1, ?2) AND ({0}, {1}) <= (?3, ?4) "
        "ORDER BY {0}, {1}"},
       {"SELECT id FROM photos ORDER BY {0} DESC, {1} DESC",
        "SELECT id FROM photos WHERE ({0}, {1}) >= (?1, ?2) ORDER BY {0} DESC, {1} DESC",
        "SELECT id FROM photos WHERE ({0}, {1}) <= (?3, ?4) ORDER BY {0} DESC, {1} DESC",
        "SELECT id FROM photos WHERE ({0}, {1}) >= (?1, ?2) AND ({0}, {1}) <= (?3, ?4) "
        "ORDER BY {0} DESC, {1} DESC"}}};
  auto& query = prepare(connection, order,
                        kQueries[falling ? 1 : 0][(range.from ? 1 : 0) + (range.to ? 2 : 0)]);
  if (range.from) bind(query, 1, *range.from);
  if (range.to) bind(query, 3, *range.to);
  each_row(query, use);
}

void each_from(SqliteConnection& connection, const PhotoOrder& order, const PhotoRange& range,
               bool falling, std::int64_t offset, const std::function<bool(std::int64_t)>& use) {
  const std::int64_t first = range.from ? rank(connection, order, *range.from) : 0;
  const std::int64_t wanted =
      falling ? rank_of_end(connection, order, range) - 1 - offset : first + offset;
  if (wanted < first) return;
  const auto found = block_at(connection, order, wanted);
  if (!found) return;
  const auto place = place_in(connection, order, found->first, wanted - found->second);
  if (!place) return;
  PhotoRange rest = range;
  (falling ? rest.to : rest.from) = place;
  each_in_range(connection, order, rest, falling, use);
}

}  // namespace classifier
