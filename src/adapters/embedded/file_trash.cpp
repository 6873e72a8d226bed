#include "adapters/embedded/file_trash.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "adapters/embedded/durable_file.hpp"
#include "adapters/embedded/sqlite_catalogue.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// Within the folder of temporary files, which no list, scan or watch looks into.
constexpr const char* kTrashFolder = ".tmp/trash";
constexpr const char* kTrashLock = ".tmp/trash.lock";
constexpr std::size_t kMaxTrashName = 255;  // bytes
constexpr std::size_t kTrashDigits = 32;
// Of files whose expiry is not known any more.
constexpr std::chrono::days kAdopted{30};

// Between processes and threads. Images may be put into the trash at the same time (LOCK_SH); what
// takes them out, or looks for what was left undone, is alone (LOCK_EX).
Result<Fd> lock_trash(const fs::path& bucket, int how) {
  const fs::path file = bucket / kTrashLock;
  Fd fd(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) return io_error("cannot write " + file.string(), errno);
  while (::flock(fd.get(), how) != 0)
    if (errno != EINTR) return io_error("cannot lock " + file.string(), errno);
  return fd;
}

// The name of a file in the trash. It has the key, if there is room, for a trash whose database is
// lost.
std::string new_trash_name(std::string_view key) {
  const std::string id = random_hex(kTrashDigits);
  const std::string name = id + "-" + percent_encode(key);
  return name.size() <= kMaxTrashName ? name : id;
}

std::optional<std::string> key_in(const std::string& file_name) {
  if (file_name.size() < kTrashDigits + 2 || file_name[kTrashDigits] != '-') return std::nullopt;
  return percent_decode(std::string_view(file_name).substr(kTrashDigits + 1));
}

// The position of a page, "<deleted>-<id>".
struct TrashPosition {
  std::int64_t deleted = std::numeric_limits<std::int64_t>::max();
  std::int64_t id = std::numeric_limits<std::int64_t>::max();
};

Result<TrashPosition> read_trash_position(std::string_view text) {
  TrashPosition position;
  if (text.empty()) return position;
  const char* const end = text.data() + text.size();
  const auto deleted = std::from_chars(text.data(), text.data() + text.size(), position.deleted);
  if (deleted.ec == std::errc() && deleted.ptr != end && *deleted.ptr == '-') {
    const auto id = std::from_chars(deleted.ptr + 1, end, position.id);
    if (id.ec == std::errc() && id.ptr == end) return position;
  }
  return fail(ErrorCode::kInvalidArgument, "next_token is not one that this list returned");
}

constexpr const char* kTrashColumns =
    "id, key, file, name, batch, size, modified, uploaded, taken, width, height, type, etag, "
    "sha256, deleted, expires ";

}  // namespace

struct FileTrash::Row {
  std::int64_t id = 0;
  std::string file;  // within the folder of the bucket
  CatalogueEntry entry;
  TimePoint deleted_at;
  TimePoint expires_at;

  TrashedImage image() const {
    return {.key = entry.key,
            .name = entry.name,
            .size = entry.size,
            .etag = entry.etag,
            .sha256 = entry.sha256,
            .deleted_at = deleted_at,
            .expires_at = expires_at};
  }

  static Row read(SQLite::Statement& query) {
    Row row;
    row.id = query.getColumn(0).getInt64();
    row.entry.key = query.getColumn(1).getString();
    row.file = query.getColumn(2).getString();
    row.entry.name = query.getColumn(3).getString();
    row.entry.batch = query.getColumn(4).getString();
    row.entry.size = static_cast<std::uint64_t>(query.getColumn(5).getInt64());
    row.entry.last_modified = from_ms(query.getColumn(6).getInt64());
    row.entry.uploaded_at = from_ms(query.getColumn(7).getInt64());
    if (!query.getColumn(8).isNull())
      row.entry.facts.taken_at = from_ms(query.getColumn(8).getInt64());
    row.entry.facts.width = query.getColumn(9).getInt();
    row.entry.facts.height = query.getColumn(10).getInt();
    row.entry.facts.content_type = query.getColumn(11).getString();
    row.entry.etag = query.getColumn(12).getString();
    row.entry.sha256 = query.getColumn(13).getString();
    row.deleted_at = from_ms(query.getColumn(14).getInt64());
    row.expires_at = from_ms(query.getColumn(15).getInt64());
    return row;
  }

  static std::vector<Row> read_all(SQLite::Statement& query) {
    std::vector<Row> rows;
    while (query.executeStep()) rows.push_back(read(query));
    return rows;
  }
};

FileTrash::FileTrash(SqliteDatabase& database, FileObjectStore& store, const Clock& clock,
                     std::function<void()> catch_up)
    : database_(database),
      store_(store),
      clock_(clock),
      catch_up_(std::move(catch_up)),
      folder_(store.folder_of(Bucket::kInput)) {}

Result<std::unique_ptr<FileTrash>> FileTrash::open(SqliteDatabase& database, FileObjectStore& store,
                                                   const Clock& clock,
                                                   std::function<void()> catch_up) {
  std::unique_ptr<FileTrash> trash(new FileTrash(database, store, clock, std::move(catch_up)));
  if (auto made = make_durable_folder(trash->folder_ / kTrashFolder); !made)
    return std::unexpected(made.error());
  if (auto recovered = trash->recover(); !recovered) return std::unexpected(recovered.error());
  store.set_trash(
      [trash = trash.get()](std::string_view key) { return trash->find(key).has_value(); });
  return trash;
}

fs::path FileTrash::path_of(const Row& row) const { return folder_ / row.file; }

Result<void> FileTrash::put(std::string_view key, TimePoint now, TimePoint expires_at) {
  const auto held = lock_trash(folder_, LOCK_SH);
  if (!held) return std::unexpected(held.error());
  const auto object = store_.head(Bucket::kInput, key);
  if (!object) return std::unexpected(object.error());
  Row row;
  const fs::path path = folder_ / fs::path(std::string(key));
  struct stat status{};
  struct stat trash{};
  if (::lstat(path.c_str(), &status) != 0 || ::stat((folder_ / kTrashFolder).c_str(), &trash) != 0)
    return io_error("cannot read " + path.string(), errno);
  // A link may be relative, and nothing is moved to another disk: these stay in their folder, under
  // a name that is no image's.
  const bool here = S_ISLNK(status.st_mode) || status.st_dev != trash.st_dev;
  row.file =
      here ? (fs::path(std::string(key)).parent_path() / (".trash-" + random_hex(kTrashDigits)))
                 .string()
           : std::string(kTrashFolder) + "/" + new_trash_name(key);
  const auto known = [&] {
    return database_.read([&](SqliteConnection& connection) -> Result<CatalogueEntry> {
      return entry_of_version(connection, object->key, object->etag);
    });
  };
  auto entry = known();
  if (entry && entry->key.empty() && catch_up_) {  // it was uploaded a moment ago
    catch_up_();
    entry = known();
  }
  if (!entry) return std::unexpected(entry.error());
  row.entry = std::move(*entry);
  if (row.entry.key.empty()) row.entry.uploaded_at = object->last_modified;
  row.entry.key = object->key;
  row.entry.size = object->size;
  row.entry.last_modified = object->last_modified;
  row.entry.etag = object->etag;
  row.deleted_at = now;
  row.expires_at = expires_at;
  if (auto added = add(row); !added) return added;
  auto moved = store_.move_out(key, row.file);
  if (!moved) {
    if (auto forgotten = forget({&row, 1}); !forgotten)
      spdlog::warn("trash: {}", forgotten.error().message);
  }
  return moved;
}

// Durably, before its file is moved: what a power loss takes back of that, recover() repeats.
Result<void> FileTrash::add(const Row& row) {
  return database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<void> {
    auto& insert = connection.prepare(
        "INSERT INTO photo_trash(key, file, name, batch, size, modified, uploaded, taken, width, "
        "height, type, etag, sha256, deleted, expires) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    const CatalogueEntry& entry = row.entry;
    insert.bindNoCopy(1, entry.key);
    insert.bindNoCopy(2, row.file);
    insert.bindNoCopy(3, entry.name);
    insert.bindNoCopy(4, entry.batch);
    insert.bind(5, static_cast<std::int64_t>(entry.size));
    insert.bind(6, to_ms(entry.last_modified));
    insert.bind(7, to_ms(entry.uploaded_at));
    if (entry.facts.taken_at) insert.bind(8, to_ms(*entry.facts.taken_at));
    insert.bind(9, entry.facts.width);
    insert.bind(10, entry.facts.height);
    insert.bindNoCopy(11, entry.facts.content_type);
    insert.bindNoCopy(12, entry.etag);
    insert.bindNoCopy(13, entry.sha256);
    insert.bind(14, to_ms(row.deleted_at));
    insert.bind(15, to_ms(row.expires_at));
    insert.exec();
    return {};
  });
}

// By their files, which no two rows share.
Result<void> FileTrash::forget(std::span<const Row> rows) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    for (const Row& row : rows) {
      auto& removal = connection.prepare("DELETE FROM photo_trash WHERE key = ? AND file = ?");
      removal.bindNoCopy(1, row.entry.key);
      removal.bindNoCopy(2, row.file);
      removal.exec();
    }
    return {};
  });
}

Result<void> FileTrash::keep_for(const Row& row, std::chrono::days time) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& change = connection.prepare(
        "UPDATE photo_trash SET expires = max(expires, ?) WHERE key = ? AND file = ?");
    change.bind(1, to_ms(clock_.now() + time));
    change.bindNoCopy(2, row.entry.key);
    change.bindNoCopy(3, row.file);
    change.exec();
    return {};
  });
}

Result<TrashPage> FileTrash::list(std::size_t limit, std::string_view after) {
  const auto position = read_trash_position(after);
  if (!position) return std::unexpected(position.error());
  return database_.read([&](SqliteConnection& connection) -> Result<TrashPage> {
    static const std::string sql = std::string("SELECT ") + kTrashColumns +
                                   "FROM photo_trash WHERE deleted <= ?1 AND (deleted < ?1 OR id < "
                                   "?2) ORDER BY deleted DESC, id DESC LIMIT ?3";
    auto& query = connection.prepare(sql.c_str());
    query.bind(1, position->deleted);
    query.bind(2, position->id);
    query.bind(3, static_cast<std::int64_t>(limit) + 1);
    std::vector<Row> rows = Row::read_all(query);
    TrashPage page;
    if (rows.size() > limit) {
      rows.resize(limit);
      page.next = fmt::format("{}-{}", to_ms(rows.back().deleted_at), rows.back().id);
    }
    for (const Row& row : rows) page.images.push_back(row.image());
    auto& sum = connection.prepare("SELECT count(*), coalesce(sum(size), 0) FROM photo_trash");
    sum.executeStep();
    page.total = sum.getColumn(0).getInt64();
    page.bytes = static_cast<std::uint64_t>(sum.getColumn(1).getInt64());
    return page;
  });
}

Result<FileTrash::Row> FileTrash::latest(std::string_view key) {
  return database_.read([&](SqliteConnection& connection) -> Result<Row> {
    static const std::string sql =
        std::string("SELECT ") + kTrashColumns +
        "FROM photo_trash WHERE key = ? ORDER BY deleted DESC, id DESC LIMIT 1";
    auto& query = connection.prepare(sql.c_str());
    query.bind(1, std::string(key));
    if (query.executeStep()) return Row::read(query);
    return fail(ErrorCode::kNotFound, fmt::format("the image \"{}\" is not in the trash", key));
  });
}

Result<TrashedImage> FileTrash::find(std::string_view key) {
  const auto row = latest(key);
  if (!row) return std::unexpected(row.error());
  return row->image();
}

Result<std::unique_ptr<ObjectReader>> FileTrash::open(std::string_view key) {
  const auto row = latest(key);
  if (!row) return std::unexpected(row.error());
  return store_.open_file(row->file, key);
}

// The image is at its key, and so is its entry when the rows are gone.
Result<std::vector<Restored>> FileTrash::restore(std::span<const std::string> keys) {
  const auto held = lock_trash(folder_, LOCK_EX);
  if (!held) return std::unexpected(held.error());
  std::vector<Restored> outcomes;
  std::vector<Row> back;
  std::set<std::string> done;
  std::set<fs::path> folders;
  std::optional<Error> error;
  for (const auto& key : keys) {
    // One that is named twice is restored once.
    const auto row =
        done.insert(key).second ? latest(key) : Result<Row>(fail(ErrorCode::kNotFound, ""));
    if (!row && row.error().code != ErrorCode::kNotFound) {
      error = row.error();
      break;
    }
    const auto restored = row ? move_back(*row) : Result<Restored>(Restored::kMissing);
    if (!restored) {
      error = restored.error();
      break;
    }
    outcomes.push_back(*restored);
    if (*restored != Restored::kYes) continue;
    back.push_back(*row);
    folders.insert((folder_ / fs::path(key)).parent_path());
  }
  for (const auto& folder : folders) {
    if (auto synced = sync_folder(folder); !synced && !error) error = synced.error();
  }
  if (!back.empty()) {
    const auto written =
        database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<void> {
          for (const Row& row : back) {
            auto& removal = connection.prepare("DELETE FROM photo_trash WHERE id = ?");
            removal.bind(1, row.id);
            removal.exec();
            put_entry(connection, row.entry);
          }
          return {};
        });
    for (const Row& row : back) store_.returned(row.entry.key);
    if (!written) {
      // As their rows say. What cannot be moved now, the next start moves.
      for (const Row& row : back)
        if (auto moved = store_.move_out(row.entry.key, row.file); !moved)
          spdlog::warn("trash: {}", moved.error().message);
      return std::unexpected(written.error());
    }
  }
  if (error) return std::unexpected(*error);
  return outcomes;
}

Result<Restored> FileTrash::move_back(const Row& row) {
  const auto moved = store_.move_in(row.file, row.entry.key);
  if (moved) return Restored::kYes;
  if (moved.error().code == ErrorCode::kConflict) return Restored::kTaken;
  struct stat status{};
  if (moved.error().code != ErrorCode::kNotFound || ::lstat(path_of(row).c_str(), &status) == 0)
    return std::unexpected(moved.error());
  // It is back already, but the row could not be removed then, such as on a full disk.
  const auto object = store_.head(Bucket::kInput, row.entry.key);
  if (object && object->etag == row.entry.etag) return Restored::kYes;
  if (auto forgotten = forget({&row, 1}); !forgotten) return std::unexpected(forgotten.error());
  return Restored::kMissing;
}

Result<std::vector<TrashedImage>> FileTrash::remove_until(TimePoint deleted, TimePoint expires,
                                                          std::size_t limit) {
  const auto held = lock_trash(folder_, LOCK_EX);
  if (!held) return std::unexpected(held.error());
  auto rows = database_.read([&](SqliteConnection& connection) -> Result<std::vector<Row>> {
    static const std::string sql =
        std::string("SELECT ") + kTrashColumns +
        "FROM photo_trash WHERE deleted <= ? AND expires <= ? ORDER BY deleted LIMIT ?";
    auto& query = connection.prepare(sql.c_str());
    query.bind(1, to_ms(deleted));
    query.bind(2, to_ms(expires));
    query.bind(3, static_cast<std::int64_t>(limit));
    return Row::read_all(query);
  });
  if (!rows) return std::unexpected(rows.error());
  return remove_rows(std::move(*rows));
}

Result<std::vector<TrashedImage>> FileTrash::remove(std::string_view key) {
  const auto held = lock_trash(folder_, LOCK_EX);
  if (!held) return std::unexpected(held.error());
  auto rows = database_.read([&](SqliteConnection& connection) -> Result<std::vector<Row>> {
    static const std::string sql =
        std::string("SELECT ") + kTrashColumns + "FROM photo_trash WHERE key = ?";
    auto& query = connection.prepare(sql.c_str());
    query.bind(1, std::string(key));
    return Row::read_all(query);
  });
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty())
    return fail(ErrorCode::kNotFound, fmt::format("the image \"{}\" is not in the trash", key));
  return remove_rows(std::move(*rows));
}

// The files first: a file without a row would be taken in again.
Result<std::vector<TrashedImage>> FileTrash::remove_rows(std::vector<Row> rows) {
  std::set<fs::path> folders;
  std::vector<TrashedImage> removed;
  std::vector<Row> gone;
  std::optional<std::unexpected<Error>> failure;
  for (Row& row : rows) {
    const fs::path path = path_of(row);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      failure = io_error("cannot delete " + path.string(), errno);
      continue;
    }
    folders.insert(path.parent_path());
    removed.push_back(row.image());
    gone.push_back(std::move(row));
  }
  if (failure && gone.empty()) return *failure;
  if (failure) spdlog::warn("trash: {}", failure->error().message);
  for (const auto& folder : folders)
    if (auto synced = sync_folder(folder); !synced) return std::unexpected(synced.error());
  if (auto forgotten = forget(gone); !forgotten) return std::unexpected(forgotten.error());
  return removed;
}

// A row whose file is not there belongs to a deletion that did not come to the move, or whose move
// a power loss took back, or to a restoration that did not come to the end.
Result<void> FileTrash::recover() {
  const auto held = lock_trash(folder_, LOCK_EX);
  if (!held) return std::unexpected(held.error());
  std::set<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder_ / kTrashFolder, error), end; !error && entry != end;
       entry.increment(error))
    files.insert(std::string(kTrashFolder) + "/" + entry->path().filename().string());
  if (error) return io_error("cannot read " + (folder_ / kTrashFolder).string(), error.value());
  auto lost = database_.read([&](SqliteConnection& connection) -> Result<std::vector<Row>> {
    static const std::string sql = std::string("SELECT ") + kTrashColumns + "FROM photo_trash";
    auto& query = connection.prepare(sql.c_str());
    std::vector<Row> rows;
    while (query.executeStep()) {
      struct stat status{};
      if (files.erase(query.getColumn(2).getString()) > 0) continue;
      Row row = Row::read(query);
      if (::lstat(path_of(row).c_str(), &status) != 0) rows.push_back(std::move(row));
    }
    return rows;
  });
  if (!lost) return std::unexpected(lost.error());
  for (const Row& row : *lost) {
    // Its row stays, and the next start tries again.
    if (auto done = recover(row); !done)
      spdlog::warn("trash: the image {}: {}", row.entry.key, done.error().message);
  }
  for (const auto& file : files)
    if (auto done = adopt(file); !done) return done;
  return {};
}

Result<void> FileTrash::recover(const Row& row) {
  const auto object = store_.head(Bucket::kInput, row.entry.key);
  if (object && object->etag == row.entry.etag) {
    // An older copy of the database may be in place, and the image have been restored since: it
    // must not expire before anybody has seen it in the trash.
    if (auto kept = keep_for(row, kAdopted); !kept) return kept;
    return store_.move_out(row.entry.key, row.file);
  }
  if (!object && object.error().code != ErrorCode::kNotFound)
    return std::unexpected(object.error());
  spdlog::warn("trash: the image {} is not there any more", row.entry.key);
  return forget({&row, 1});
}

Result<void> FileTrash::adopt(const std::string& file) {
  Row row;
  const auto key = key_in(fs::path(file).filename().string());
  if (!key) {
    spdlog::warn("trash: nothing is known of the file {}", (folder_ / file).string());
    return {};
  }
  const auto reader = store_.open_file(file, *key);
  if (!reader) return {};
  row.file = file;
  row.entry.key = *key;
  row.entry.size = (*reader)->info().size;
  row.entry.last_modified = row.entry.uploaded_at = (*reader)->info().last_modified;
  row.entry.etag = (*reader)->info().etag;
  row.deleted_at = clock_.now();
  row.expires_at = row.deleted_at + kAdopted;
  spdlog::warn("trash: the database did not know of the image {}; it is kept until {}", *key,
               to_rfc3339(row.expires_at));
  return add(row);
}

}  // namespace classifier
