#include "adapters/embedded/sqlite_embeddings.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <system_error>
#include <tuple>
#include <utility>

#include "domain/half.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// Numbers are in the byte order of the machine: the file does not leave it. `used` is the day,
// counted from 1970, of the last use of any row of the block. `removed` are rows that may still be
// in vector files. `files` are those of FileHashes.
constexpr const char* kSeenSchema1 = R"sql(
CREATE TABLE models(id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE seen(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  vector BLOB NOT NULL,
  top BLOB NOT NULL,
  look BLOB NOT NULL,
  warning TEXT NOT NULL
);
CREATE UNIQUE INDEX seen_content ON seen(sha256, model);
CREATE INDEX seen_model ON seen(model);
CREATE TABLE removed(id INTEGER PRIMARY KEY, model INTEGER NOT NULL);
CREATE INDEX removed_model ON removed(model);
CREATE TRIGGER seen_removed AFTER DELETE ON seen BEGIN
  INSERT INTO removed VALUES(old.id, old.model);
END;
CREATE TABLE blocks(block INTEGER PRIMARY KEY, used INTEGER NOT NULL);
CREATE INDEX blocks_used ON blocks(used, block);
CREATE TABLE files(path BLOB PRIMARY KEY, version TEXT NOT NULL, sha256 BLOB NOT NULL) WITHOUT ROWID;
)sql";
constexpr std::array kSeenUpgrades{kSeenSchema1};
const SqliteSchema kSeenSchema{.upgrades = kSeenUpgrades, .table = "seen", .page_bytes = 16'384};

// The size of the file is looked at once, and after so many images.
constexpr std::size_t kImagesBetweenChecks = 256;

template <class T>
std::string bytes_of(const T& values) {
  return std::string(reinterpret_cast<const char*>(values.data()),
                     values.size() * sizeof(typename T::value_type));
}

std::string vector_bytes(std::span<const float> values) {
  std::vector<std::uint16_t> halves(values.size());
  std::ranges::transform(values, halves.begin(), to_half);
  return bytes_of(halves);
}

std::string look_bytes(const Look& look) {
  std::string bytes = bytes_of(look.brightness);
  bytes.append(reinterpret_cast<const char*>(&look.sharpness), sizeof(look.sharpness));
  return bytes;
}

void bind_blob(SQLite::Statement& statement, int index, const std::string& bytes) {
  statement.bindNoCopy(index, bytes.data(), static_cast<int>(bytes.size()));
}

// Into values of T; what does not fill one is left out.
template <class T>
std::vector<T> read_blob(const SQLite::Column& column) {
  std::vector<T> values(static_cast<std::size_t>(column.getBytes()) / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), column.getBlob(), values.size() * sizeof(T));
  return values;
}

std::vector<float> read_vector(const SQLite::Column& column) {
  const auto halves = read_blob<std::uint16_t>(column);
  std::vector<float> values(halves.size());
  std::ranges::transform(halves, values.begin(), from_half);
  return values;
}

SeenImage read_seen(SQLite::Statement& row) {
  SeenImage seen;
  seen.vector = read_vector(row.getColumn(1));
  seen.top = read_blob<ScoredLabel>(row.getColumn(2));
  const auto look = read_blob<std::uint8_t>(row.getColumn(3));
  if (look.size() == seen.look.brightness.size() + sizeof(seen.look.sharpness)) {
    std::copy_n(look.begin(), seen.look.brightness.size(), seen.look.brightness.begin());
    std::memcpy(&seen.look.sharpness, &look[seen.look.brightness.size()],
                sizeof(seen.look.sharpness));
  }
  seen.warning = row.getColumn(4).getString();
  return seen;
}

fs::path damage_mark(const fs::path& file) { return file.string() + "-damaged"; }

void remove_files(const fs::path& file) {
  for (const char* const ending : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    fs::remove(file.string() + ending, ignored);
  }
}

}  // namespace

Result<std::unique_ptr<SqliteEmbeddings>> SqliteEmbeddings::open(const fs::path& file,
                                                                 std::uint64_t max_bytes,
                                                                 const Clock& clock) {
  // Damage of a large file is found only when it is read, and then noted for the next start.
  std::error_code error;
  const bool damaged = fs::exists(damage_mark(file), error);
  auto database = damaged ? Result<std::unique_ptr<SqliteDatabase>>(
                                fail(ErrorCode::kInternal, "damage was found before"))
                          : SqliteDatabase::open(file, kSeenSchema);
  if (!database && database.error().code == ErrorCode::kInternal) {
    spdlog::warn(
        "what was remembered of images is lost, and they will be looked at again: {} is "
        "damaged",
        file.string());
    remove_files(file);
    fs::remove(damage_mark(file), error);
    database = SqliteDatabase::open(file, kSeenSchema);
  }
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<SqliteEmbeddings>(
      new SqliteEmbeddings(std::move(*database), max_bytes, clock));
}

Result<std::int64_t> SqliteEmbeddings::number_of(std::string_view model) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = numbers_.find(std::string(model)); known != numbers_.end())
      return known->second;
  }
  const auto number = database_->read([&](SqliteConnection& connection) -> Result<std::int64_t> {
    auto& query = connection.prepare("SELECT id FROM models WHERE fingerprint = ?");
    query.bind(1, std::string(model));
    return query.executeStep() ? query.getColumn(0).getInt64() : 0;
  });
  if (number && *number != 0) {
    const std::scoped_lock lock(mutex_);
    numbers_[std::string(model)] = *number;
  }
  return number;
}

Result<std::vector<std::optional<SeenImage>>> SqliteEmbeddings::get(
    std::string_view model, std::span<const std::string> contents) {
  using Answer = std::vector<std::optional<SeenImage>>;
  const auto number = number_of(model);
  if (!number) return std::unexpected(number.error());
  if (*number == 0) return Answer(contents.size());
  std::unordered_set<std::int64_t> blocks;
  auto found = database_->read([&](SqliteConnection& connection) -> Result<Answer> {
    Answer answer(contents.size());
    auto& query = connection.prepare(
        "SELECT id, vector, top, look, warning FROM seen WHERE sha256 = ? AND model = ?");
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const std::string content = from_hex(contents[i]);
      query.reset();
      bind_blob(query, 1, content);
      query.bind(2, *number);
      if (!query.executeStep()) continue;
      blocks.insert(query.getColumn(0).getInt64() / kBlock);
      answer[i] = read_seen(query);
    }
    return answer;
  });
  if (found) {
    note_use(blocks);
  } else if (!database_->whole()) {
    std::ofstream(damage_mark(database_->file())) << found.error().message << "\n";
  }
  return found;
}

Result<void> SqliteEmbeddings::put(std::string_view model, std::span<const Remembered> images) {
  auto stored =
      database_->write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
        auto& add_model = connection.prepare("INSERT OR IGNORE INTO models(fingerprint) VALUES(?)");
        add_model.bind(1, std::string(model));
        add_model.exec();
        auto& insert = connection.prepare(
            "INSERT OR IGNORE INTO seen(model, sha256, vector, top, look, warning) VALUES("
            "(SELECT id FROM models WHERE fingerprint = ?1), ?2, ?3, ?4, ?5, ?6)");
        auto& block = connection.prepare(
            "INSERT INTO blocks(block, used) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET used = ?2 "
            "WHERE used < ?2");
        insert.bind(1, std::string(model));
        std::int64_t last_block = -1;
        for (const auto& [sha256, seen] : images) {
          const std::string content = from_hex(sha256);
          const std::string vector = vector_bytes(seen.vector);
          const std::string top = bytes_of(seen.top);
          const std::string look = look_bytes(seen.look);
          insert.reset();
          bind_blob(insert, 2, content);
          bind_blob(insert, 3, vector);
          bind_blob(insert, 4, top);
          bind_blob(insert, 5, look);
          insert.bindNoCopy(6, seen.warning);
          if (insert.exec() == 0) continue;
          const std::int64_t in = connection.database().getLastInsertRowid() / kBlock;
          if (std::exchange(last_block, in) == in) continue;
          block.reset();
          block.bind(1, in);
          block.bind(2, today());
          block.exec();
        }
        return {};
      });
  if (!stored) return stored;
  {
    const std::scoped_lock lock(mutex_);
    unchecked_ += images.size();
    if (unchecked_ < kImagesBetweenChecks) return {};
    unchecked_ = 0;
  }
  return make_room();
}

Result<void> SqliteEmbeddings::forget(std::span<const std::string> contents) {
  if (contents.empty()) return {};
  return database_->write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& removal = connection.prepare("DELETE FROM seen WHERE sha256 = ?");
    for (const auto& sha256 : contents) {
      const std::string content = from_hex(sha256);
      removal.reset();
      bind_blob(removal, 1, content);
      removal.exec();
    }
    return {};
  });
}

Result<std::vector<bool>> SqliteEmbeddings::has(std::string_view model,
                                                std::span<const std::string> contents) {
  const auto number = number_of(model);
  if (!number) return std::unexpected(number.error());
  return database_->read([&](SqliteConnection& connection) -> Result<std::vector<bool>> {
    std::vector<bool> answer;
    answer.reserve(contents.size());
    auto& query = connection.prepare("SELECT 1 FROM seen WHERE sha256 = ? AND model = ?");
    for (const auto& sha256 : contents) {
      const std::string content = from_hex(sha256);
      query.reset();
      bind_blob(query, 1, content);
      query.bind(2, *number);
      answer.push_back(query.executeStep());
    }
    return answer;
  });
}

Result<std::vector<NewVectorRow>> SqliteEmbeddings::rows_after(std::string_view model,
                                                               std::int64_t id, std::size_t limit) {
  const auto number = number_of(model);
  if (!number) return std::unexpected(number.error());
  return database_->read([&](SqliteConnection& connection) -> Result<std::vector<NewVectorRow>> {
    auto& query = connection.prepare(
        "SELECT id, vector, sha256 FROM seen INDEXED BY seen_model WHERE id > ? AND model = ? "
        "ORDER BY id LIMIT ?");
    query.bind(1, id);
    query.bind(2, *number);
    query.bind(3, static_cast<std::int64_t>(limit));
    std::vector<NewVectorRow> rows;
    while (query.executeStep()) {
      rows.push_back({.id = query.getColumn(0).getInt64(),
                      .content = query.getColumn(2).getString(),
                      .vector = read_vector(query.getColumn(1))});
    }
    return rows;
  });
}

Result<std::int64_t> SqliteEmbeddings::last_id() {
  return database_->read([&](SqliteConnection& connection) -> Result<std::int64_t> {
    auto& query = connection.prepare("SELECT coalesce(max(id), 0) FROM seen");
    query.executeStep();
    return query.getColumn(0).getInt64();
  });
}

Result<std::vector<std::int64_t>> SqliteEmbeddings::removed(std::string_view model) {
  const auto number = number_of(model);
  if (!number) return std::unexpected(number.error());
  return database_->read([&](SqliteConnection& connection) -> Result<std::vector<std::int64_t>> {
    auto& query = connection.prepare("SELECT id FROM removed WHERE model = ? ORDER BY id");
    query.bind(1, *number);
    std::vector<std::int64_t> ids;
    while (query.executeStep()) ids.push_back(query.getColumn(0).getInt64());
    return ids;
  });
}

Result<void> SqliteEmbeddings::mark_removed(std::span<const std::int64_t> ids) {
  return database_->write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& removal = connection.prepare("DELETE FROM removed WHERE id = ?");
    for (const std::int64_t id : ids) {
      removal.reset();
      removal.bind(1, id);
      removal.exec();
    }
    return {};
  });
}

Result<std::vector<NewVectorRow>> SqliteEmbeddings::rows(std::span<const std::int64_t> ids) {
  using Answer = std::vector<NewVectorRow>;
  return database_->read([&](SqliteConnection& connection) -> Result<Answer> {
    Answer answer(ids.size());
    auto& query = connection.prepare("SELECT vector, sha256 FROM seen WHERE id = ?");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      query.reset();
      query.bind(1, ids[i]);
      if (!query.executeStep()) continue;
      answer[i] = {.id = ids[i],
                   .content = query.getColumn(1).getString(),
                   .vector = read_vector(query.getColumn(0))};
    }
    return answer;
  });
}

Result<std::string> SqliteEmbeddings::identity() {
  return database_->read([](SqliteConnection& connection) -> Result<std::string> {
    return std::to_string(connection.database().execAndGet("PRAGMA application_id").getInt64());
  });
}

// Of blocks whose use was not noted today. If it fails, they go a little earlier.
void SqliteEmbeddings::note_use(const std::unordered_set<std::int64_t>& blocks) {
  const std::int64_t day = today();
  std::vector<std::int64_t> news;
  {
    const std::scoped_lock lock(mutex_);
    for (const std::int64_t block : blocks) {
      if (std::exchange(used_days_[block], day) != day) news.push_back(block);
    }
  }
  if (news.empty()) return;
  std::ignore =
      database_->write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
        auto& update = connection.prepare("UPDATE blocks SET used = ?2 WHERE block = ?1");
        for (const std::int64_t block : news) {
          update.reset();
          update.bind(1, block);
          update.bind(2, day);
          update.exec();
        }
        return {};
      });
}

Result<void> SqliteEmbeddings::make_room() {
  const auto is_full = [this] {
    return database_->read([this](SqliteConnection& connection) -> Result<bool> {
      auto& database = connection.database();
      const auto pages = database.execAndGet("PRAGMA page_count").getInt64() -
                         database.execAndGet("PRAGMA freelist_count").getInt64();
      const auto size = database.execAndGet("PRAGMA page_size").getInt64();
      return std::cmp_greater(pages * size, max_bytes_);
    });
  };
  bool removed_any = false;
  while (true) {
    const auto full = is_full();
    if (!full) return std::unexpected(full.error());
    if (!*full) break;
    // One block at a time, so that other writers wait little.
    const auto removed =
        database_->write(Durability::kOrdered, [](SqliteConnection& connection) -> Result<bool> {
          auto& oldest =
              connection.prepare("SELECT block FROM blocks ORDER BY used, block LIMIT 1");
          if (!oldest.executeStep()) return false;
          const std::int64_t number = oldest.getColumn(0).getInt64();
          auto& rows =
              connection.prepare("DELETE FROM seen WHERE id >= ?1 * ?2 AND id < (?1 + 1) * ?2");
          rows.bind(1, number);
          rows.bind(2, kBlock);
          rows.exec();
          auto& block = connection.prepare("DELETE FROM blocks WHERE block = ?");
          block.bind(1, number);
          block.exec();
          return true;
        });
    if (!removed) return std::unexpected(removed.error());
    if (!*removed) break;
    removed_any = true;
  }
  return removed_any ? database_->shrink() : Result<void>();
}

std::int64_t SqliteEmbeddings::today() const {
  return std::chrono::floor<std::chrono::days>(clock_.now()).time_since_epoch().count();
}

}  // namespace classifier
