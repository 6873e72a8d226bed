#include "adapters/embedded/sqlite_catalogue.hpp"

#include <spdlog/fmt/fmt.h>
#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <utility>

#include "adapters/embedded/photo_order.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/collation.hpp"

namespace classifier {
namespace {

constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();
// The most entries that are ordered one by one; more are met by going along the index.
constexpr std::int64_t kFew = 4'000;
constexpr std::size_t kKeysAtOnce = 5'000;  // of visit()

constexpr const char* kColumns =
    "p.id, p.key, p.name, p.size, p.modified, p.uploaded, p.taken, p.width, p.height, p.type, "
    "p.etag, p.sha256, b.name ";

CatalogueEntry read_entry(SQLite::Statement& row) {
  CatalogueEntry entry;
  entry.key = row.getColumn(1).getString();
  entry.name = row.getColumn(2).getString();
  entry.size = static_cast<std::uint64_t>(row.getColumn(3).getInt64());
  entry.last_modified = from_ms(row.getColumn(4).getInt64());
  entry.uploaded_at = from_ms(row.getColumn(5).getInt64());
  if (const auto taken = row.getColumn(6).getInt64(); taken != kNoTime)
    entry.facts.taken_at = from_ms(taken);
  entry.facts.width = row.getColumn(7).getInt();
  entry.facts.height = row.getColumn(8).getInt();
  entry.facts.content_type = row.getColumn(9).getString();
  entry.etag = row.getColumn(10).getString();
  if (!row.getColumn(11).isNull()) entry.sha256 = to_hex(row.getColumn(11).getString());
  entry.batch = row.getColumn(12).getString();
  return entry;
}

std::string folder_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  std::string folder(name.substr(0, slash == std::string_view::npos ? 0 : slash));
  while (folder.ends_with('/')) folder.pop_back();
  return folder;
}

// The id of a text in a table of texts; a new one where there is none.
std::int64_t id_of(SqliteConnection& connection, const char* find, const char* insert,
                   const std::string& text) {
  auto& query = connection.prepare(find);
  query.bindNoCopy(1, text);
  if (query.executeStep()) return query.getColumn(0).getInt64();
  auto& added = connection.prepare(insert);
  added.bindNoCopy(1, text);
  added.exec();
  return connection.database().getLastInsertRowid();
}

std::int64_t batch_id(SqliteConnection& connection, const std::string& batch) {
  return batch.empty() ? 0
                       : id_of(connection, "SELECT id FROM photo_batches WHERE name = ?",
                               "INSERT INTO photo_batches(name) VALUES(?)", batch);
}

std::int64_t folder_id(SqliteConnection& connection, const std::string& folder) {
  return id_of(connection, "SELECT id FROM photo_folders WHERE path = ?",
               "INSERT INTO photo_folders(path) VALUES(?)", folder);
}

void count_in_folder(SqliteConnection& connection, std::int64_t folder, int change) {
  auto& update = connection.prepare("UPDATE photo_folders SET n = n + ? WHERE id = ?");
  update.bind(1, change);
  update.bind(2, folder);
  update.exec();
  if (change > 0) return;
  auto& removal = connection.prepare("DELETE FROM photo_folders WHERE id = ? AND n <= 0");
  removal.bind(1, folder);
  removal.exec();
}

// Runs a statement that takes the bytes of a content.
void run_for_content(SqliteConnection& connection, const char* sql, const std::string& sha256) {
  const std::string bytes = from_hex(sha256);
  auto& statement = connection.prepare(sql);
  statement.bindNoCopy(1, bytes.data(), static_cast<int>(bytes.size()));
  statement.exec();
}

// What places a photo in the orders.
struct Placed {
  std::int64_t id = 0;
  std::int64_t folder = 0;
  std::string key, sort_name;
  std::int64_t uploaded = 0, taken = 0, size = 0;

  PhotoPlace in(const PhotoOrder& order) const {
    switch (order.number) {
      case 0:
        return {key, id};
      case 1:
        return {uploaded, id};
      case 2:
        return {PhotoPlace::Bytes{sort_name}, id};
      case 3:
        return {taken, id};
      default:
        return {size, id};
    }
  }
};

void count_in_blocks(SqliteConnection& connection, const Placed& photo, int change) {
  for (const auto& order : kPhotoOrders) count_in_block(connection, order, photo.in(order), change);
}

struct OldPhoto {
  Placed placed;
  std::string name, etag, batch, sha256;
};

std::optional<OldPhoto> find_old(SqliteConnection& connection, const std::string& key) {
  auto& query = connection.prepare(
      "SELECT p.id, p.folder, p.sort_name, p.uploaded, p.taken, p.size, p.name, p.etag, b.name, "
      "p.sha256 FROM photos p LEFT JOIN photo_batches b ON b.id = p.batch WHERE p.key = ?");
  query.bindNoCopy(1, key);
  if (!query.executeStep()) return std::nullopt;
  OldPhoto old;
  old.placed = {.id = query.getColumn(0).getInt64(),
                .folder = query.getColumn(1).getInt64(),
                .key = key,
                .sort_name = query.getColumn(2).getString(),
                .uploaded = query.getColumn(3).getInt64(),
                .taken = query.getColumn(4).getInt64(),
                .size = query.getColumn(5).getInt64()};
  old.name = query.getColumn(6).getString();
  old.etag = query.getColumn(7).getString();
  old.batch = query.getColumn(8).getString();
  if (!query.getColumn(9).isNull()) old.sha256 = to_hex(query.getColumn(9).getString());
  return old;
}

void remove_row(SqliteConnection& connection, const Placed& photo) {
  auto& removal = connection.prepare("DELETE FROM photos WHERE id = ?");
  removal.bind(1, photo.id);
  removal.exec();
  count_in_blocks(connection, photo, -1);
  count_in_folder(connection, photo.folder, -1);
}

// The announced name and batch, which are then part of the entry.
std::pair<std::string, std::string> take_announced(SqliteConnection& connection,
                                                   const std::string& key) {
  std::pair<std::string, std::string> announced;
  auto& query = connection.prepare("SELECT name, batch FROM photo_announced WHERE key = ?");
  query.bindNoCopy(1, key);
  if (!query.executeStep()) return announced;
  announced = {query.getColumn(0).getString(), query.getColumn(1).getString()};
  query.reset();
  auto& removal = connection.prepare("DELETE FROM photo_announced WHERE key = ?");
  removal.bindNoCopy(1, key);
  removal.exec();
  return announced;
}

std::int64_t next_id(SqliteConnection& connection) {
  auto& query = connection.prepare("SELECT coalesce(max(id), 0) + 1 FROM photos");
  query.executeStep();
  return query.getColumn(0).getInt64();
}

void put_one(SqliteConnection& connection, const CatalogueEntry& entry) {
  auto [name, batch] = take_announced(connection, entry.key);
  const auto old = find_old(connection, entry.key);
  if (!entry.name.empty()) name = entry.name;
  if (!entry.batch.empty()) batch = entry.batch;
  if (old && name.empty()) name = old->name;
  if (old && batch.empty()) batch = old->batch;
  if (name.empty()) name = entry.key;
  Placed photo{
      .id = old ? old->placed.id : next_id(connection),
      .folder = 0,
      .key = entry.key,
      .sort_name = collation_key(name),
      // An image that was only looked at again keeps its place.
      .uploaded = old && old->etag == entry.etag ? old->placed.uploaded : to_ms(entry.uploaded_at),
      .taken = entry.facts.taken_at ? to_ms(*entry.facts.taken_at) : kNoTime,
      .size = static_cast<std::int64_t>(entry.size)};
  // An entry without the content says nothing new of a file whose content is known.
  if (old && old->etag == entry.etag && entry.sha256.empty() && name == old->name &&
      batch == old->batch) {
    return;
  }
  if (old) remove_row(connection, old->placed);
  photo.folder = folder_id(connection, folder_of(name));
  const std::int64_t batch_number = batch_id(connection, batch);
  auto& insert = connection.prepare(
      "INSERT INTO photos(id, seq, key, name, sort_name, folder, batch, size, modified, uploaded, "
      "taken, width, height, type, etag, sha256) "
      "VALUES(?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
  insert.bind(1, photo.id);
  insert.bindNoCopy(2, photo.key);
  insert.bindNoCopy(3, name);
  insert.bindNoCopy(4, photo.sort_name.data(), static_cast<int>(photo.sort_name.size()));
  insert.bind(5, photo.folder);
  insert.bind(6, batch_number);
  insert.bind(7, photo.size);
  insert.bind(8, to_ms(entry.last_modified));
  insert.bind(9, photo.uploaded);
  insert.bind(10, photo.taken);
  insert.bind(11, entry.facts.width);
  insert.bind(12, entry.facts.height);
  insert.bindNoCopy(13, entry.facts.content_type);
  insert.bindNoCopy(14, entry.etag);
  const std::string& hash =
      entry.sha256.empty() && old && old->etag == entry.etag ? old->sha256 : entry.sha256;
  const std::string bytes = from_hex(hash);
  if (!bytes.empty()) insert.bindNoCopy(15, bytes.data(), static_cast<int>(bytes.size()));
  insert.exec();
  count_in_blocks(connection, photo, 1);
  count_in_folder(connection, photo.folder, 1);
}

void new_version(SqliteConnection& connection) {
  connection.prepare("UPDATE photo_state SET version = version + 1").exec();
}

// Expressions of FTS5: words that all begin words of a name; with `whole` the first ones are whole.
std::string all_words(std::span<const std::string> words, bool whole = false) {
  std::string query;
  for (std::size_t i = 0; i < words.size(); ++i) {
    query.append(i == 0 ? "(\"" : " AND \"").append(words[i]).append("\"");
    if (!whole || i + 1 == words.size()) query.append(" *");
  }
  return query + ")";
}

// The terms of a search; empty without any. With `wide` a number is also looked for as the groups
// of digits that thousands marks would make, which may be anywhere in a name; nullopt where that is
// the same.
std::optional<std::string> word_query(std::string_view text, bool wide) {
  std::string query;
  bool wider = false;
  for (const auto& term : search_terms(text)) {
    std::string ways = all_words(term.words);
    if (term.words.size() > 1) ways += " OR " + all_words({&term.number, 1});
    const auto groups =
        term.words.size() > 1 ? std::vector<std::string>() : thousands_of(term.number);
    if (wide && !groups.empty()) ways += " OR " + all_words(groups, true);
    wider = wider || !groups.empty();
    query.append(query.empty() ? "(" : " AND (").append(ways).append(")");
  }
  if (wide && !wider) return std::nullopt;
  return query;
}

// A set of ids.
class IdSet {
 public:
  explicit IdSet(std::int64_t largest) : bits_(static_cast<std::size_t>(largest) / 64 + 1) {}
  void add(std::int64_t id) {
    auto& word = bits_[static_cast<std::size_t>(id) / 64];
    const std::uint64_t bit = 1ULL << (static_cast<std::uint64_t>(id) % 64);
    if ((word & bit) == 0) ++count_;
    word |= bit;
  }
  bool has(std::int64_t id) const {
    const auto word = static_cast<std::size_t>(id) / 64;
    return word < bits_.size() && (bits_[word] >> (static_cast<std::uint64_t>(id) % 64) & 1) != 0;
  }
  void keep(const IdSet& other) {
    count_ = 0;
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      bits_[i] &= other.bits_[i];
      count_ += std::popcount(bits_[i]);
    }
  }
  std::int64_t count() const { return count_; }
  template <class Use>
  void each(Use use) const {
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      for (std::uint64_t word = bits_[i]; word != 0; word &= word - 1)
        use(static_cast<std::int64_t>(i * 64) + std::countr_zero(word));
    }
  }

 private:
  std::vector<std::uint64_t> bits_;
  std::int64_t count_ = 0;
};

// What a filter admits: a range of the order, and in it, unless there is none, a set of ids.
struct Selection {
  const PhotoOrder* order = nullptr;
  bool falling = false;
  PhotoRange range;
  std::optional<IdSet> ids;
};

// The least text that is greater than all texts with this prefix; nullopt if there is none.
std::optional<std::string> after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

PhotoRange key_range(const std::string& prefix, const std::string& after) {
  PhotoRange range;
  range.from = after < prefix ? PhotoPlace{prefix, std::numeric_limits<std::int64_t>::min()}
                              : PhotoPlace{after, std::numeric_limits<std::int64_t>::max()};
  if (const auto end = after_prefix(prefix))
    range.to = PhotoPlace{*end, std::numeric_limits<std::int64_t>::min()};
  return range;
}

PhotoRange taken_range(const ImageFilter& filter) {
  PhotoRange range;
  if (filter.undated) {
    range.from = PhotoPlace{kNoTime, std::numeric_limits<std::int64_t>::min()};
    range.to = PhotoPlace{kNoTime, std::numeric_limits<std::int64_t>::max()};
    return range;
  }
  // Without a time, a photo is in no range of times.
  range.from = PhotoPlace{filter.taken_from ? to_ms(*filter.taken_from) : kNoTime + 1,
                          std::numeric_limits<std::int64_t>::min()};
  if (filter.taken_to)
    range.to = PhotoPlace{to_ms(*filter.taken_to), std::numeric_limits<std::int64_t>::max()};
  return range;
}

// Whether the filter admits the entry by its key and the time it was taken.
bool admits(const ImageFilter& filter, const CatalogueEntry& entry) {
  const auto& taken = entry.facts.taken_at;
  const bool in_time = filter.undated ? !taken
                                      : (!filter.taken_from && !filter.taken_to) ||
                                            (taken && taken >= filter.taken_from &&
                                             (!filter.taken_to || taken <= filter.taken_to));
  return in_time && entry.key.starts_with(filter.prefix) &&
         (filter.after.empty() || entry.key > filter.after);
}

class Selector {
 public:
  Selector(SqliteConnection& connection, const ImageFilter& filter)
      : connection_(connection), filter_(filter) {}

  Selection select(ImageOrder order) {
    Selection selection;
    selection.order = &photo_order(order);
    selection.falling =
        order == ImageOrder::kNewest || order == ImageOrder::kTaken || order == ImageOrder::kSize;
    if (!filter_.prefix.empty() || !filter_.after.empty()) {
      const PhotoRange range = key_range(filter_.prefix, filter_.after);
      if (order == ImageOrder::kKey) {
        selection.range = range;
      } else {
        add_range(kPhotoOrders[0], range);
      }
    }
    if (filter_.taken_from || filter_.taken_to || filter_.undated) {
      if (order == ImageOrder::kTaken) {
        selection.range = taken_range(filter_);
      } else {
        add_range(kPhotoOrders[3], taken_range(filter_));
      }
    }
    add_folder();
    add_batch();
    add_words();
    selection.ids = std::move(ids_);
    return selection;
  }

 private:
  template <class Fill>
  void add(Fill fill) {
    auto& largest = connection_.prepare("SELECT coalesce(max(id), 0) FROM photos");
    largest.executeStep();
    IdSet ids(largest.getColumn(0).getInt64());
    fill(ids);
    if (ids_) {
      ids_->keep(ids);
    } else {
      ids_ = std::move(ids);
    }
  }

  void add_query(SQLite::Statement& query, IdSet& ids) {
    while (query.executeStep()) ids.add(query.getColumn(0).getInt64());
    query.reset();
  }

  void add_range(const PhotoOrder& order, const PhotoRange& range) {
    add([&](IdSet& ids) {
      each_in_range(connection_, order, range, false, [&](std::int64_t id) {
        ids.add(id);
        return true;
      });
    });
  }

  void add_folder() {
    if (!filter_.folder || filter_.folder->empty()) return;
    add([&](IdSet& ids) {
      auto& query = connection_.prepare(
          "SELECT p.id FROM photo_folders f JOIN photos p ON p.folder = f.id "
          "WHERE f.path = ?1 OR (f.path > ?1 || '/' AND f.path < ?1 || '0')");
      query.bindNoCopy(1, *filter_.folder);
      add_query(query, ids);
    });
  }

  void add_batch() {
    if (filter_.batch.empty()) return;
    add([&](IdSet& ids) {
      auto& query = connection_.prepare(
          "SELECT p.id FROM photo_batches b JOIN photos p ON p.batch = b.id WHERE b.name = ?");
      query.bindNoCopy(1, filter_.batch);
      add_query(query, ids);
    });
  }

  void add_words() {
    if (trim(filter_.words).empty()) return;
    const auto words = word_query(filter_.words, false);
    const auto wide = word_query(filter_.words, true);
    add([&](IdSet& ids) {
      if (words->empty()) return;  // such as "!": no name has a word like that
      add_matches(*words, [&](std::int64_t id) { ids.add(id); });
      if (!wide) return;
      std::vector<std::int64_t> maybe;
      add_matches(*wide, [&](std::int64_t id) {
        if (!ids.has(id)) maybe.push_back(id);
      });
      const NameMatcher matcher(filter_.words);
      auto& name = connection_.prepare("SELECT name FROM photos WHERE id = ?");
      for (const std::int64_t id : maybe) {
        name.bind(1, id);
        if (name.executeStep() && matcher.fits(name.getColumn(0).getString())) ids.add(id);
        name.reset();
      }
    });
  }

  template <class Use>
  void add_matches(const std::string& words, Use use) {
    auto& query = connection_.prepare("SELECT rowid FROM photo_words WHERE photo_words MATCH ?");
    query.bindNoCopy(1, words);
    try {
      while (query.executeStep()) use(query.getColumn(0).getInt64());
      query.reset();
    } catch (const SQLite::Exception& exception) {
      // FTS5 knows an older Unicode, and may see two words where there is one: it finds none.
      if (exception.getErrorCode() != SQLITE_ERROR) throw;
    }
  }

  SqliteConnection& connection_;
  const ImageFilter& filter_;
  std::optional<IdSet> ids_;
};

// Calls `use(id)` for what is selected, in order, beginning at `offset`, until it returns false.
// Returns how many are selected.
template <class Use>
std::int64_t go_through(SqliteConnection& connection, const Selection& selection,
                        std::int64_t offset, Use use) {
  const PhotoOrder& order = *selection.order;
  if (!selection.ids) {
    const std::int64_t total = count_in_range(connection, order, selection.range);
    if (offset < total)
      each_from(connection, order, selection.range, selection.falling, offset, use);
    return total;
  }
  const IdSet& ids = *selection.ids;
  if (ids.count() > kFew && selection.range.whole()) {
    std::int64_t place = 0;
    if (offset < ids.count()) {
      each_in_range(connection, order, selection.range, selection.falling,
                    [&](std::int64_t id) { return !ids.has(id) || place++ < offset || use(id); });
    }
    return ids.count();
  }
  std::vector<PhotoPlace> places;
  if (selection.range.whole()) {
    ids.each([&](std::int64_t id) { places.push_back(place_of(connection, order, id)); });
    std::ranges::sort(places);
  } else {
    std::int64_t total = 0;
    bool more = true;
    each_in_range(connection, order, selection.range, selection.falling, [&](std::int64_t id) {
      if (ids.has(id) && total++ >= offset && more) more = use(id);
      return true;
    });
    return total;
  }
  if (selection.falling) std::ranges::reverse(places);
  for (auto i = static_cast<std::size_t>(offset); i < places.size(); ++i)
    if (!use(places[i].id)) break;
  return ids.count();
}

}  // namespace

void put_entry(SqliteConnection& connection, const CatalogueEntry& entry) {
  put_one(connection, entry);
  new_version(connection);
}

CatalogueEntry entry_of_version(SqliteConnection& connection, const std::string& key,
                                const std::string& etag) {
  static const std::string sql = std::string("SELECT ") + kColumns +
                                 "FROM photos p LEFT JOIN photo_batches b ON b.id = p.batch "
                                 "WHERE p.key = ?";
  auto& query = connection.prepare(sql.c_str());
  query.bindNoCopy(1, key);
  CatalogueEntry entry;
  if (query.executeStep()) {
    CatalogueEntry found = read_entry(query);
    if (found.etag == etag) return found;
    entry.name = std::move(found.name);
    entry.batch = std::move(found.batch);
    return entry;
  }
  auto& announced = connection.prepare("SELECT name, batch FROM photo_announced WHERE key = ?");
  announced.bindNoCopy(1, key);
  if (announced.executeStep()) {
    entry.name = announced.getColumn(0).getString();
    entry.batch = announced.getColumn(1).getString();
  }
  return entry;
}

SqliteCatalogue::SqliteCatalogue(SqliteDatabase& database, std::function<void()> before_reading)
    : database_(database), before_reading_(std::move(before_reading)), epoch_(random_hex(8)) {}

Result<void> SqliteCatalogue::announce(std::string_view key, std::string_view name,
                                       std::string_view batch, TimePoint now) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& insert = connection.prepare(
        "INSERT OR REPLACE INTO photo_announced(key, name, batch, at) VALUES(?, ?, ?, ?)");
    insert.bind(1, std::string(key));
    insert.bind(2, std::string(name));
    insert.bind(3, std::string(batch));
    insert.bind(4, to_ms(now));
    insert.exec();
    return {};
  });
}

Result<std::vector<std::string>> SqliteCatalogue::names(std::span<const std::string> keys) {
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<std::string>> {
    std::vector<std::string> names;
    for (const auto& key : keys) {
      auto& query = connection.prepare(
          "SELECT name FROM photos WHERE key = ?1 UNION ALL SELECT name FROM photo_announced WHERE "
          "key = ?1");
      query.bindNoCopy(1, key);
      names.push_back(query.executeStep() ? query.getColumn(0).getString() : std::string());
    }
    return names;
  });
}

Result<void> SqliteCatalogue::forget(std::string_view key) {
  const std::string text(key);
  return remove({&text, 1});
}

Result<void> SqliteCatalogue::put(std::span<const CatalogueEntry> entries) {
  if (entries.empty()) return {};
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    for (const auto& entry : entries) put_one(connection, entry);
    new_version(connection);
    return {};
  });
}

Result<void> SqliteCatalogue::remove(std::span<const std::string> keys) {
  return remove(keys, false);
}

// With `may_return` the contents are not forgotten.
Result<void> SqliteCatalogue::remove(std::span<const std::string> keys, bool may_return) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    bool changed = false;
    for (const auto& key : keys) {
      const auto old = find_old(connection, key);
      if (!old) continue;
      remove_row(connection, old->placed);
      if (may_return && !old->sha256.empty())
        run_for_content(connection, "DELETE FROM photo_gone WHERE sha256 = ?", old->sha256);
      changed = true;
    }
    if (changed) new_version(connection);
    return {};
  });
}

Result<bool> SqliteCatalogue::has_content(std::string_view sha256) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<bool> {
    const std::string bytes = from_hex(sha256);
    auto& query = connection.prepare("SELECT 1 FROM photos WHERE sha256 = ? LIMIT 1");
    query.bindNoCopy(1, bytes.data(), static_cast<int>(bytes.size()));
    return query.executeStep();
  });
}

Result<void> SqliteCatalogue::set_aside(std::span<const std::string> keys, TimePoint until) {
  auto kept =
      database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
        for (const auto& key : keys) {
          auto& insert = connection.prepare(
              "INSERT OR REPLACE INTO photo_announced(key, name, batch, at) SELECT p.key, p.name, "
              "coalesce(b.name, ''), ?2 FROM photos p LEFT JOIN photo_batches b ON b.id = p.batch "
              "WHERE p.key = ?1 AND p.name <> p.key");
          insert.bindNoCopy(1, key);
          insert.bind(2, to_ms(until));
          insert.exec();
        }
        return {};
      });
  if (!kept) return kept;
  return remove(keys, true);
}

Result<std::vector<NewContent>> SqliteCatalogue::unseen(std::size_t limit) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<NewContent>> {
    auto& query = connection.prepare(
        "SELECT u.sha256, (SELECT key FROM photos p WHERE p.sha256 = u.sha256 LIMIT 1) "
        "FROM photo_unseen u ORDER BY u.id DESC LIMIT ?");
    query.bind(1, static_cast<std::int64_t>(limit));
    std::vector<NewContent> contents;
    while (query.executeStep()) {
      contents.push_back({.sha256 = to_hex(query.getColumn(0).getString()),
                          .key = query.getColumn(1).getString()});
    }
    return contents;
  });
}

Result<void> SqliteCatalogue::mark_seen(std::span<const std::string> contents) {
  return for_contents("DELETE FROM photo_unseen WHERE sha256 = ?", contents);
}

Result<std::int64_t> SqliteCatalogue::num_unseen() {
  return database_.read([&](SqliteConnection& connection) -> Result<std::int64_t> {
    auto& query = connection.prepare("SELECT count(*) FROM photo_unseen");
    query.executeStep();
    return query.getColumn(0).getInt64();
  });
}

Result<void> SqliteCatalogue::want_seen(std::span<const std::string> contents) {
  return for_contents(
      "INSERT OR IGNORE INTO photo_unseen(id, sha256) VALUES("
      "(SELECT coalesce(min(id), 0) - 1 FROM photo_unseen), ?)",
      contents);
}

Result<void> SqliteCatalogue::visit_contents(
    const std::function<Result<void>(std::span<const std::string>)>& use) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<void> {
    auto& query =
        connection.prepare("SELECT sha256 FROM photos WHERE sha256 IS NOT NULL ORDER BY sha256");
    std::vector<std::string> piece;
    Result<void> used;
    while (used && query.executeStep()) {
      piece.push_back(to_hex(query.getColumn(0).getString()));
      if (piece.size() < kKeysAtOnce) continue;
      used = use(piece);
      piece.clear();
    }
    if (used && !piece.empty()) used = use(piece);
    return used;
  });
}

Result<std::vector<std::string>> SqliteCatalogue::gone(std::size_t limit) {
  std::vector<std::string> contents;
  std::vector<std::string> back;  // that came again, or another image has
  auto read = database_.read([&](SqliteConnection& connection) -> Result<void> {
    auto& query = connection.prepare(
        "SELECT g.sha256, EXISTS(SELECT 1 FROM photos p WHERE p.sha256 = g.sha256) "
        "FROM photo_gone g LIMIT ?");
    query.bind(1, static_cast<std::int64_t>(limit));
    while (query.executeStep()) {
      (query.getColumn(1).getInt() == 0 ? contents : back)
          .push_back(to_hex(query.getColumn(0).getString()));
    }
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (auto marked = mark_forgotten(back); !marked) return std::unexpected(marked.error());
  return contents;
}

Result<void> SqliteCatalogue::mark_forgotten(std::span<const std::string> contents) {
  return for_contents("DELETE FROM photo_gone WHERE sha256 = ?", contents);
}

Result<void> SqliteCatalogue::for_contents(const char* sql, std::span<const std::string> contents) {
  if (contents.empty()) return {};
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    for (const auto& content : contents) run_for_content(connection, sql, content);
    return {};
  });
}

Result<std::vector<CatalogueEntry>> SqliteCatalogue::find(std::span<const std::string> keys) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<CatalogueEntry>> {
    static const std::string sql =
        std::string("SELECT ") + kColumns +
        "FROM photos p LEFT JOIN photo_batches b ON b.id = p.batch WHERE p.key = ?";
    std::vector<CatalogueEntry> entries;
    for (const auto& key : keys) {
      auto& query = connection.prepare(sql.c_str());
      query.bindNoCopy(1, key);
      if (query.executeStep()) entries.push_back(read_entry(query));
    }
    return entries;
  });
}

Result<std::vector<CatalogueEntry>> SqliteCatalogue::having(std::span<const std::string> contents,
                                                            const ImageFilter& filter) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<CatalogueEntry>> {
    static const std::string sql =
        std::string("SELECT ") + kColumns +
        "FROM photos p LEFT JOIN photo_batches b ON b.id = p.batch WHERE p.sha256 = ? ORDER BY "
        "p.id";
    // What the entries themselves say needs no list of all that fit.
    ImageFilter others = filter;
    others.prefix.clear();
    others.after.clear();
    others.taken_from = others.taken_to = std::nullopt;
    others.undated = false;
    const Selection selection = Selector(connection, others).select(ImageOrder::kKey);
    std::vector<CatalogueEntry> entries;
    for (const auto& sha256 : contents) {
      const std::string bytes = from_hex(sha256);
      auto& query = connection.prepare(sql.c_str());
      query.bindNoCopy(1, bytes.data(), static_cast<int>(bytes.size()));
      while (query.executeStep()) {
        if (selection.ids && !selection.ids->has(query.getColumn(0).getInt64())) continue;
        CatalogueEntry entry = read_entry(query);
        if (admits(filter, entry)) entries.push_back(std::move(entry));
      }
    }
    return entries;
  });
}

Result<CataloguePage> SqliteCatalogue::list(const ImageFilter& filter, ImageOrder order,
                                            std::int64_t offset, std::size_t limit) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<CataloguePage> {
    static const std::string sql =
        std::string("SELECT ") + kColumns +
        "FROM photos p LEFT JOIN photo_batches b ON b.id = p.batch WHERE p.id = ?";
    CataloguePage page;
    const Selection selection = Selector(connection, filter).select(order);
    std::vector<std::int64_t> ids;
    page.total = go_through(connection, selection, offset, [&](std::int64_t id) {
      if (ids.size() < limit) ids.push_back(id);
      return ids.size() < limit;
    });
    for (const std::int64_t id : ids) {
      auto& query = connection.prepare(sql.c_str());
      query.bind(1, id);
      if (query.executeStep()) page.entries.push_back(read_entry(query));
    }
    auto& state = connection.prepare("SELECT version FROM photo_state");
    state.executeStep();
    page.version = fmt::format("{}-{}", epoch_, state.getColumn(0).getInt64());
    return page;
  });
}

Result<void> SqliteCatalogue::visit(
    const ImageFilter& filter, ImageOrder order,
    const std::function<Result<void>(std::span<const std::string>)>& use) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<void> {
    const Selection selection = Selector(connection, filter).select(order);
    std::vector<std::string> piece;
    Result<void> used;
    go_through(connection, selection, 0, [&](std::int64_t id) {
      auto& query = connection.prepare("SELECT key FROM photos WHERE id = ?");
      query.bind(1, id);
      if (!query.executeStep()) return true;
      piece.push_back(query.getColumn(0).getString());
      if (piece.size() < kKeysAtOnce) return true;
      used = use(piece);
      piece.clear();
      return used.has_value();
    });
    if (used && !piece.empty()) used = use(piece);
    return used;
  });
}

Result<std::vector<FolderCount>> SqliteCatalogue::folders(const std::optional<std::string>& after,
                                                          std::size_t limit) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<FolderCount>> {
    auto& query = connection.prepare(
        "SELECT path, n FROM photo_folders WHERE n > 0 AND (?1 IS NULL OR path > ?1) "
        "ORDER BY path LIMIT ?2");
    if (after) query.bindNoCopy(1, *after);
    query.bind(2, static_cast<std::int64_t>(limit));
    std::vector<FolderCount> folders;
    while (query.executeStep())
      folders.push_back({query.getColumn(0).getString(), query.getColumn(1).getInt64()});
    return folders;
  });
}

Result<std::vector<BatchCount>> SqliteCatalogue::batches(const std::optional<BatchCount>& after,
                                                         std::size_t limit) {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<BatchCount>> {
    auto& query = connection.prepare(
        after ? "SELECT name, n, first, last FROM photo_batches WHERE n > 0 AND (last, name) < "
                "(?2, ?3) ORDER BY last DESC, name DESC LIMIT ?1"
              : "SELECT name, n, first, last FROM photo_batches WHERE n > 0 "
                "ORDER BY last DESC, name DESC LIMIT ?1");
    query.bind(1, static_cast<std::int64_t>(limit));
    if (after) {
      query.bind(2, to_ms(after->last_uploaded));
      query.bindNoCopy(3, after->batch);
    }
    std::vector<BatchCount> batches;
    while (query.executeStep()) {
      batches.push_back({.batch = query.getColumn(0).getString(),
                         .images = query.getColumn(1).getInt64(),
                         .first_uploaded = from_ms(query.getColumn(2).getInt64()),
                         .last_uploaded = from_ms(query.getColumn(3).getInt64())});
    }
    return batches;
  });
}

Result<std::vector<MonthCount>> SqliteCatalogue::months() {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<MonthCount>> {
    auto& query =
        connection.prepare("SELECT month, n FROM photo_months WHERE n > 0 ORDER BY month DESC");
    std::vector<MonthCount> months;
    while (query.executeStep())
      months.push_back({query.getColumn(0).getString(), query.getColumn(1).getInt64()});
    return months;
  });
}

Result<std::string> SqliteCatalogue::version() {
  if (before_reading_) before_reading_();
  return database_.read([&](SqliteConnection& connection) -> Result<std::string> {
    auto& state = connection.prepare("SELECT version FROM photo_state");
    state.executeStep();
    return fmt::format("{}-{}", epoch_, state.getColumn(0).getInt64());
  });
}

bool SqliteCatalogue::complete() {
  if (before_reading_) before_reading_();
  return !behind_ && looked_at_all();
}

bool SqliteCatalogue::looked_at_all() {
  const auto complete = database_.read([](SqliteConnection& connection) -> Result<bool> {
    auto& state = connection.prepare("SELECT complete FROM photo_state");
    state.executeStep();
    return state.getColumn(0).getInt() != 0;
  });
  return complete.value_or(false);
}

Result<std::vector<bool>> SqliteCatalogue::current(std::span<const std::string> keys,
                                                   std::span<const std::string> etags) {
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<bool>> {
    std::vector<bool> known;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      auto& query = connection.prepare("SELECT 1 FROM photos WHERE key = ? AND etag = ?");
      query.bindNoCopy(1, keys[i]);
      query.bindNoCopy(2, etags[i]);
      known.push_back(query.executeStep());
    }
    return known;
  });
}

Result<std::vector<std::string>> SqliteCatalogue::keys_after(std::string_view after,
                                                             std::size_t limit) {
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<std::string>> {
    auto& query = connection.prepare("SELECT key FROM photos WHERE key > ? ORDER BY key LIMIT ?");
    query.bind(1, std::string(after));
    query.bind(2, static_cast<std::int64_t>(limit));
    std::vector<std::string> keys;
    while (query.executeStep()) keys.push_back(query.getColumn(0).getString());
    return keys;
  });
}

Result<std::vector<std::pair<std::int64_t, std::string>>> SqliteCatalogue::unread(
    std::int64_t after, std::size_t limit) {
  using Rows = std::vector<std::pair<std::int64_t, std::string>>;
  return database_.read([&](SqliteConnection& connection) -> Result<Rows> {
    auto& query = connection.prepare(
        "SELECT id, key FROM photos WHERE sha256 IS NULL AND id > ? ORDER BY id LIMIT ?");
    query.bind(1, after);
    query.bind(2, static_cast<std::int64_t>(limit));
    Rows rows;
    while (query.executeStep())
      rows.emplace_back(query.getColumn(0).getInt64(), query.getColumn(1).getString());
    return rows;
  });
}

Result<void> SqliteCatalogue::set_complete() {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    if (connection.prepare("UPDATE photo_state SET complete = 1 WHERE complete = 0").exec() > 0)
      new_version(connection);
    return {};
  });
}

Result<void> SqliteCatalogue::forget_announced(TimePoint time) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& removal = connection.prepare("DELETE FROM photo_announced WHERE at < ?");
    removal.bind(1, to_ms(time));
    removal.exec();
    return {};
  });
}

}  // namespace classifier
