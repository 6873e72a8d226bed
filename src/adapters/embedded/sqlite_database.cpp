#include "adapters/embedded/sqlite_database.hpp"

#include <spdlog/fmt/fmt.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include "adapters/embedded/durable_file.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 30'000;
// 8 MB in one transaction, so that other writers do not wait long.
constexpr const char* kGiveBack = "PRAGMA incremental_vacuum(2000)";
// Checking a larger file would make the start slow.
constexpr std::uintmax_t kMaxCheckedBytes = 64ULL << 20;

// images and outcomes are separate tables, so that a finished image appends a row instead of
// growing one in place, and so that an image has counted exactly if it has an outcome. job_counts
// keeps GET /jobs fast with a million jobs.
constexpr const char* kSchema1 = R"sql(
CREATE TABLE jobs(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  type INTEGER NOT NULL,
  status INTEGER NOT NULL,
  model TEXT NOT NULL,
  top_k INTEGER NOT NULL,
  threshold REAL NOT NULL,
  total INTEGER NOT NULL,
  classified INTEGER NOT NULL DEFAULT 0,
  unknown INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  error TEXT,
  retry_count INTEGER NOT NULL DEFAULT 0,
  sent_next INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_by_status ON jobs(status, seq);
CREATE INDEX jobs_by_type ON jobs(type, seq);
CREATE INDEX jobs_by_type_status ON jobs(type, status, seq);
CREATE INDEX jobs_unsent ON jobs(seq) WHERE sent_next < total;

CREATE TABLE job_labels(job INTEGER PRIMARY KEY REFERENCES jobs(seq), labels TEXT NOT NULL);

CREATE TABLE job_counts(type INTEGER NOT NULL, status INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(type, status)) WITHOUT ROWID;
CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
  INSERT INTO job_counts VALUES(new.type, new.status, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER jobs_status_changed AFTER UPDATE OF status ON jobs WHEN old.status <> new.status BEGIN
  UPDATE job_counts SET count = count - 1 WHERE type = old.type AND status = old.status;
  INSERT INTO job_counts VALUES(new.type, new.status, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TABLE idempotency(key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, job INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE images(job INTEGER NOT NULL, idx INTEGER NOT NULL, key TEXT NOT NULL, filename TEXT,
  PRIMARY KEY(job, idx)) WITHOUT ROWID;

CREATE TABLE outcomes(job INTEGER NOT NULL, idx INTEGER NOT NULL, state INTEGER NOT NULL, ms REAL NOT NULL,
  predictions TEXT, output_key TEXT, error_code INTEGER, error TEXT,
  PRIMARY KEY(job, idx)) WITHOUT ROWID;
CREATE INDEX outcomes_failed ON outcomes(job, idx) WHERE state = 2;

CREATE TABLE queue(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  hidden INTEGER NOT NULL DEFAULT 0,
  visible_at INTEGER NOT NULL DEFAULT 0,
  sent_at INTEGER NOT NULL,
  receives INTEGER NOT NULL DEFAULT 0,
  owner TEXT,
  UNIQUE(job, idx, generation)
);
CREATE INDEX queue_visible ON queue(rank, id) WHERE hidden = 0;
CREATE INDEX queue_hidden ON queue(visible_at) WHERE hidden = 1;

CREATE TABLE dead_letters(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  reason TEXT NOT NULL,
  receives INTEGER NOT NULL,
  buried_at INTEGER NOT NULL
);
)sql";

// Allows jobs to be removed.
constexpr const char* kSchema2 = R"sql(
CREATE INDEX jobs_final ON jobs(created_at) WHERE status >= 3;
CREATE INDEX idempotency_by_job ON idempotency(job);
CREATE INDEX dead_letters_by_job ON dead_letters(job);
CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs BEGIN
  UPDATE job_counts SET count = count - 1 WHERE type = old.type AND status = old.status;
END;
)sql";

// Tells receivers that died with a message from attempts that failed. A receive counts as a loss
// until the message is given back.
constexpr const char* kSchema3 = R"sql(
ALTER TABLE queue ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;
UPDATE queue SET losses = receives;
)sql";

// The catalogue of images, and names in jobs. photo_blocks cuts each order of photos into blocks of
// consecutive rows and counts them, so that any place is found without reading what is before it;
// `low` and `low_id` are the least place of a block. Numbers of the orders: sqlite_catalogue.cpp.
// `seq` is `id` again: SQLite does not use an index for (taken, id) > (?, ?) where id is the rowid.
// A photo without a time has the least number as `taken`, since NULL cannot be compared.
constexpr const char* kSchema4 = R"sql(
CREATE TABLE photos(
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  sort_name BLOB NOT NULL,
  folder INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  size INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  uploaded INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  type TEXT NOT NULL,
  etag TEXT NOT NULL,
  sha256 BLOB
);
CREATE INDEX photos_uploaded ON photos(uploaded, seq);
CREATE INDEX photos_name ON photos(sort_name, seq);
CREATE INDEX photos_taken ON photos(taken, seq);
CREATE INDEX photos_size ON photos(size, seq);
CREATE INDEX photos_folder ON photos(folder);
CREATE INDEX photos_batch ON photos(batch);
CREATE INDEX photos_content ON photos(sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX photos_unread ON photos(id) WHERE sha256 IS NULL;

CREATE VIRTUAL TABLE photo_words USING fts5(name, content='photos', content_rowid='id',
  detail=none, columnsize=0, prefix='2 3 4', tokenize='unicode61 remove_diacritics 2');
CREATE TRIGGER photos_inserted AFTER INSERT ON photos BEGIN
  INSERT INTO photo_words(rowid, name) VALUES(new.id, new.name);
END;
CREATE TRIGGER photos_deleted AFTER DELETE ON photos BEGIN
  INSERT INTO photo_words(photo_words, rowid, name) VALUES('delete', old.id, old.name);
END;

CREATE TABLE photo_blocks(ord INTEGER NOT NULL, low NOT NULL, low_id INTEGER NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY(ord, low, low_id)) WITHOUT ROWID;
INSERT INTO photo_blocks VALUES
  (0, '', -1, 0), (1, -9223372036854775808, -1, 0), (2, x'', -1, 0),
  (3, -9223372036854775808, -1, 0), (4, -9223372036854775808, -1, 0);

CREATE TABLE photo_folders(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE,
  n INTEGER NOT NULL DEFAULT 0);
CREATE TABLE photo_batches(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE photo_announced(key TEXT PRIMARY KEY, name TEXT NOT NULL, batch TEXT NOT NULL,
  at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX photo_announced_at ON photo_announced(at);

CREATE TABLE photo_state(id INTEGER PRIMARY KEY CHECK(id = 0), version INTEGER NOT NULL,
  complete INTEGER NOT NULL);
INSERT INTO photo_state VALUES(0, 0, 0);

ALTER TABLE images ADD COLUMN name TEXT;
CREATE TABLE job_drafts(seq INTEGER PRIMARY KEY, owner TEXT NOT NULL);
)sql";

// Named label sets, and how many photos each upload and each month has, so that lists of both read
// no photos. `month` is "2024-07" by the time taken, or '' without one; SQLite's division rounds
// towards zero, so times before 1970 need the remainder taken off first.
constexpr const char* kSchema5 = R"sql(
CREATE TABLE label_sets(name TEXT PRIMARY KEY, labels TEXT NOT NULL, updated_at INTEGER NOT NULL,
  version TEXT NOT NULL);

ALTER TABLE photo_batches ADD COLUMN n INTEGER NOT NULL DEFAULT 0;
ALTER TABLE photo_batches ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
ALTER TABLE photo_batches ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
CREATE INDEX photos_batch_uploaded ON photos(batch, uploaded);
DROP INDEX photos_batch;
UPDATE photo_batches SET
  n = (SELECT count(*) FROM photos WHERE batch = photo_batches.id),
  first = coalesce((SELECT min(uploaded) FROM photos WHERE batch = photo_batches.id), 0),
  last = coalesce((SELECT max(uploaded) FROM photos WHERE batch = photo_batches.id), 0);
DELETE FROM photo_batches WHERE n = 0;
CREATE INDEX photo_batches_last ON photo_batches(last, name);

CREATE TABLE photo_months(month TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO photo_months SELECT
  CASE WHEN taken = -9223372036854775808 THEN '' ELSE
    coalesce(strftime('%Y-%m', (taken - (taken % 1000 + 1000) % 1000) / 1000, 'unixepoch'), '') END
  AS month, count(*) FROM photos GROUP BY month;

CREATE TRIGGER photos_counted AFTER INSERT ON photos BEGIN
  UPDATE photo_batches SET first = CASE n WHEN 0 THEN new.uploaded ELSE min(first, new.uploaded) END,
    last = CASE n WHEN 0 THEN new.uploaded ELSE max(last, new.uploaded) END, n = n + 1
    WHERE id = new.batch;
  INSERT INTO photo_months VALUES(
    CASE WHEN new.taken = -9223372036854775808 THEN '' ELSE
      coalesce(strftime('%Y-%m', (new.taken - (new.taken % 1000 + 1000) % 1000) / 1000, 'unixepoch'),
        '') END, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER photos_uncounted AFTER DELETE ON photos BEGIN
  UPDATE photo_batches SET n = n - 1,
    first = coalesce((SELECT min(uploaded) FROM photos WHERE batch = old.batch), 0),
    last = coalesce((SELECT max(uploaded) FROM photos WHERE batch = old.batch), 0)
    WHERE id = old.batch;
  DELETE FROM photo_batches WHERE id = old.batch AND n <= 0;
  UPDATE photo_months SET n = n - 1 WHERE month =
    CASE WHEN old.taken = -9223372036854775808 THEN '' ELSE
      coalesce(strftime('%Y-%m', (old.taken - (old.taken % 1000 + 1000) % 1000) / 1000, 'unixepoch'),
        '') END;
END;
)sql";

// The trash. `file` is where the image is, relative to the folder of the bucket; the others are
// those of its entry in photos. `name` may be empty. Few indexes, since each deletion writes and
// syncs them all; the second one answers what the trash has and takes.
constexpr const char* kSchema6 = R"sql(
CREATE TABLE photo_trash(
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  file TEXT NOT NULL,
  name TEXT NOT NULL,
  batch TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  uploaded INTEGER NOT NULL,
  taken INTEGER,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  type TEXT NOT NULL,
  etag TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  expires INTEGER NOT NULL
);
CREATE INDEX photo_trash_key ON photo_trash(key);
CREATE INDEX photo_trash_deleted ON photo_trash(deleted, expires, size);
)sql";

// Names of jobs, and removed jobs whose rows are removed piece by piece. `copies` of a job that a
// user deleted are removed as well; of one that is old they stay.
constexpr const char* kSchema7 = R"sql(
ALTER TABLE jobs ADD COLUMN name TEXT;
CREATE TABLE job_removals(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, total INTEGER NOT NULL,
  removed_at INTEGER NOT NULL, copies INTEGER NOT NULL, purged INTEGER NOT NULL DEFAULT 0);
)sql";

// How many images of a job were answered from memory; contents that came, and wait to be seen; and
// those of images that went, which may be forgotten unless another image has them.
constexpr const char* kSchema8 = R"sql(
ALTER TABLE jobs ADD COLUMN reused INTEGER NOT NULL DEFAULT 0;

CREATE TABLE photo_unseen(id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE);
CREATE TRIGGER photos_came AFTER INSERT ON photos WHEN new.sha256 IS NOT NULL BEGIN
  INSERT OR IGNORE INTO photo_unseen(sha256) VALUES(new.sha256);
END;
CREATE TABLE photo_gone(sha256 BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER photos_went AFTER DELETE ON photos WHEN old.sha256 IS NOT NULL BEGIN
  INSERT OR IGNORE INTO photo_gone VALUES(old.sha256);
END;
)sql";

// Files of all versions are in use.
constexpr std::array kUpgrades{kSchema1, kSchema2, kSchema3, kSchema4,
                               kSchema5, kSchema6, kSchema7, kSchema8};

int version_of(const SqliteSchema& schema) { return static_cast<int>(schema.upgrades.size()); }

fs::path wal_of(const fs::path& file) { return file.string() + "-wal"; }

Error damaged(const fs::path& file, std::string_view what) {
  return {ErrorCode::kInternal,
          fmt::format("the database {} is damaged ({}): restore a copy of it, or move it and its "
                      "-wal away to begin with no jobs; the images are not touched",
                      file.string(), one_line(what))};
}

// The content of a new database, so that its file appears complete or not at all. Its application
// id is random, so that the write-ahead log of another database can be recognised.
std::string new_database(const SqliteSchema& schema) {
  const auto id = std::stoul(random_hex(8), nullptr, 16) & 0x7fff'ffffU;
  SQLite::Database memory(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  // Lets shrink() return free pages. This cannot be turned on later.
  memory.exec("PRAGMA auto_vacuum=INCREMENTAL");
  memory.exec("PRAGMA page_size=" + std::to_string(schema.page_bytes));
  for (const char* const upgrade : schema.upgrades) memory.exec(upgrade);
  memory.exec("PRAGMA user_version=" + std::to_string(version_of(schema)));
  memory.exec("PRAGMA application_id=" + std::to_string(id));
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> bytes(
      sqlite3_serialize(memory.getHandle(), "main", &size, 0), sqlite3_free);
  return bytes ? std::string(bytes.get(), bytes.get() + size) : std::string();
}

Result<void> create_if_missing(const fs::path& file, const SqliteSchema& schema) {
  std::error_code ignored;
  if (fs::exists(file, ignored)) return {};
  if (fs::exists(wal_of(file), ignored)) {
    return fail(
        ErrorCode::kInternal,
        fmt::format("{} exists without its database: restore the copy of {} that it belongs "
                    "to, or move it away",
                    wal_of(file).string(), file.string()));
  }
  const std::string content = new_database(schema);
  if (content.empty()) return fail(ErrorCode::kExhausted, "out of memory for a new database");
  return create_durable_file(file, content, 0644);
}

// The application id in the file itself, without its write-ahead log. Read directly, because SQLite
// would apply the log. Offsets: https://www.sqlite.org/fileformat2.html#the_database_header
Result<std::uint32_t> read_application_id(const fs::path& file) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  constexpr std::size_t kHeader = 100;
  constexpr std::size_t kApplicationId = 68;  // four bytes, big-endian
  std::ifstream in(file, std::ios::binary);
  if (!in) return io_error("cannot read " + file.string(), errno);
  std::string header(kHeader, '\0');
  in.read(header.data(), kHeader);
  if (in.gcount() == 0) return std::unexpected(damaged(file, "it is empty"));
  if (in.gcount() < static_cast<std::streamsize>(kHeader) || !header.starts_with(kMagic))
    return std::unexpected(damaged(file, "it is not an SQLite file"));
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i)
    id = id << 8 | static_cast<unsigned char>(header[kApplicationId + i]);
  return id;
}

// Upgrades a file of an earlier version in one transaction. Another process may do it first.
Result<void> upgrade(SQLite::Database& database, const SqliteSchema& schema) {
  const int newest = version_of(schema);
  const auto version = [&] { return database.execAndGet("PRAGMA user_version").getInt(); };
  if (version() == newest) return {};
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  for (int next = version(); next < newest; ++next)
    database.exec(schema.upgrades[static_cast<std::size_t>(next)]);
  database.exec("PRAGMA user_version=" + std::to_string(newest));
  transaction.commit();
  return {};
}

Result<void> check_schema(SQLite::Database& database, const fs::path& file,
                          const SqliteSchema& schema) {
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version > version_of(schema)) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("{} was written by a newer version of this program (schema {}, this one "
                    "reads up to {}): upgrade, or set another DATA_DIR",
                    file.string(), version, version_of(schema)));
  }
  SQLite::Statement table(database, "SELECT count(*) FROM sqlite_schema WHERE name = ?");
  table.bind(1, schema.table);
  table.executeStep();
  if (version < 1 || table.getColumn(0).getInt() == 0) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} is a database of another program: move it away, or set another "
                            "DATA_DIR",
                            file.string()));
  }
  return {};
}

// Checks, before anything is written, that the file and its write-ahead log belong together and are
// not damaged.
Result<void> check_database(SQLite::Database& database, const fs::path& file,
                            std::uint32_t application_id, const SqliteSchema& schema) {
  // With the log applied. A log of a file that grew contains the page of the header.
  if (static_cast<std::uint32_t>(database.execAndGet("PRAGMA application_id").getInt()) !=
      application_id) {
    return fail(ErrorCode::kInternal,
                fmt::format("{} belongs to another database and was not applied: move it away, or "
                            "restore both files from one copy",
                            wal_of(file).string()));
  }
  if (auto ours = check_schema(database, file, schema); !ours) return ours;
  std::error_code ignored;
  if (fs::file_size(file, ignored) > kMaxCheckedBytes) return {};
  const std::string found = database.execAndGet("PRAGMA quick_check(1)").getString();
  sqlite3_db_release_memory(database.getHandle());  // the check has filled the page cache
  return found == "ok" ? Result<void>() : std::unexpected(damaged(file, found));
}

}  // namespace

SqliteConnection::SqliteConnection(const std::filesystem::path& file, int flags)
    : database_(file.string(), flags, kBusyTimeoutMs) {}

SQLite::Statement& SqliteConnection::prepare(const char* sql) {
  auto& statement = statements_[sql];
  if (!statement) statement = std::make_unique<SQLite::Statement>(database_, sql);
  statement->reset();
  statement->clearBindings();
  return *statement;
}

void SqliteConnection::reset_statements() noexcept {
  for (const auto& [sql, statement] : statements_) statement->tryReset();
}

Error sqlite_error(const std::filesystem::path& file, const SQLite::Exception& exception) {
  const std::string where = file.string() + ": " + exception.what();
  switch (exception.getErrorCode()) {
    case SQLITE_FULL:
      return {ErrorCode::kExhausted,
              fmt::format("the disk is full, nothing was changed ({}): free some space", where)};
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return {
          ErrorCode::kUnavailable,
          fmt::format("the data folder cannot be written ({}): check its owner and mode, or set "
                      "another DATA_DIR",
                      where)};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(file, exception.what());
    default:
      return {ErrorCode::kUnavailable, fmt::format("the database did not answer ({})", where)};
  }
}

SqliteDatabase::SqliteDatabase(std::filesystem::path file) : file_(std::move(file)) {}

const SqliteSchema kJobsSchema{.upgrades = kUpgrades, .table = "jobs"};

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::filesystem::path& file,
                                                             const SqliteSchema& schema) {
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(file));
  auto ready = database->guarded([&]() -> Result<void> {
    if (auto made = create_if_missing(file, schema); !made) return made;
    const auto application_id = read_application_id(file);
    if (!application_id) return std::unexpected(application_id.error());
    database->writer_ = std::make_unique<SqliteConnection>(file, SQLite::OPEN_READWRITE);
    auto& writer = database->writer_->database();
    // Closing a database that is refused must not apply its log.
    const auto checkpoint_on_close = [&](bool on) {
      sqlite3_db_config(writer.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
    };
    checkpoint_on_close(false);
    if (auto good = check_database(writer, file, *application_id, schema); !good) return good;
    checkpoint_on_close(true);
    writer.exec("PRAGMA journal_mode=WAL");
    writer.exec("PRAGMA journal_size_limit=67108864");
    return upgrade(writer, schema);
  });
  if (!ready) return std::unexpected(ready.error());
  return database;
}

Result<void> SqliteDatabase::shrink() {
  const auto free_pages = [this] {
    return read([](SqliteConnection& connection) -> Result<std::int64_t> {
      return connection.database().execAndGet("PRAGMA freelist_count").getInt64();
    });
  };
  auto free = free_pages();
  while (free && *free > 0) {
    auto given_back = write(Durability::kOrdered, [](SqliteConnection& connection) -> Result<bool> {
      connection.database().exec(kGiveBack);
      return true;
    });
    if (!given_back) return std::unexpected(given_back.error());
    const std::int64_t before = *free;
    free = free_pages();
    if (free && *free >= before) break;  // created with schema 1: it keeps its size
  }
  if (!free) return std::unexpected(free.error());
  return {};
}

Result<void> SqliteDatabase::whole() const {
  const std::scoped_lock lock(damage_mutex_);
  return damage_ ? Result<void>(std::unexpected(*damage_)) : Result<void>();
}

Error SqliteDatabase::note(const SQLite::Exception& exception) {
  Error error = sqlite_error(file_, exception);
  if (exception.getErrorCode() == SQLITE_CORRUPT || exception.getErrorCode() == SQLITE_NOTADB) {
    const std::scoped_lock lock(damage_mutex_);
    if (!damage_) damage_ = error;
  }
  return error;
}

// If no other thread commits, this one commits all writes that wait.
void SqliteDatabase::commit(Write& write) {
  std::unique_lock lock(write_mutex_);
  waiting_.push_back(&write);
  write_done_.wait(lock, [&] { return write.done || !committing_; });
  if (write.done) return;
  committing_ = true;
  const std::vector<Write*> together = std::exchange(waiting_, {});
  lock.unlock();
  commit_together(together);
  lock.lock();
  committing_ = false;
  for (Write* const each : together) each->done = true;
  lock.unlock();
  write_done_.notify_all();
}

void SqliteDatabase::commit_together(std::span<Write* const> writes) {
  const bool full = std::ranges::any_of(
      writes, [](const Write* write) { return write->durability == Durability::kFull; });
  const auto committed = guarded([&]() -> Result<void> {
    auto& database = writer_->database();
    database.exec(full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const StatementGuard guard(*writer_);
    bool any = false;
    for (Write* const write : writes) any = run_one(*write, writes.size() == 1) || any;
    writer_->reset_statements();
    if (any) transaction.commit();
    return {};
  });
  if (committed) return;
  for (Write* const write : writes) write->error = committed.error();
}

// Whether there is something to commit. A write that fails beside others is rolled back alone.
bool SqliteDatabase::run_one(Write& write, bool alone) {
  auto& database = writer_->database();
  if (!alone) database.exec("SAVEPOINT one");
  bool keep = false;
  try {
    keep = write.run(*writer_);
  } catch (const SQLite::Exception& exception) {
    // If SQLite has rolled back the whole transaction, all writes in it fail.
    if (sqlite3_get_autocommit(database.getHandle()) != 0) throw;
    write.error = note(exception);
  } catch (...) {
    write.thrown = std::current_exception();
  }
  writer_->reset_statements();
  if (alone) return keep;
  if (!keep) database.exec("ROLLBACK TO one");
  database.exec("RELEASE one");
  return keep;
}

SqliteDatabase::Reader::Reader(SqliteDatabase& database) : owner(database) {
  {
    const std::scoped_lock lock(owner.readers_mutex_);
    if (!owner.idle_readers_.empty()) {
      connection = std::move(owner.idle_readers_.back());
      owner.idle_readers_.pop_back();
    }
  }
  if (!connection)
    connection = std::make_unique<SqliteConnection>(owner.file_, SQLite::OPEN_READONLY);
}

SqliteDatabase::Reader::~Reader() {
  const std::scoped_lock lock(owner.readers_mutex_);
  owner.idle_readers_.push_back(std::move(connection));
}

}  // namespace classifier
