// One SQLite file in WAL mode, shared by the job store and the work queue, so that their commits
// have one order: a power loss may take back the last commits, but never one from the middle.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <condition_variable>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "domain/error.hpp"

namespace classifier {

// One connection with its prepared statements. Not thread-safe.
class SqliteConnection {
 public:
  SqliteConnection(const std::filesystem::path& file, int flags);

  // The statement for this SQL text, reset and without bindings; prepared once.
  SQLite::Statement& prepare(const char* sql);

  // Resets all statements: one that was not read to its end would keep its snapshot, and with it
  // the WAL from being checkpointed.
  void reset_statements() noexcept;

  SQLite::Database& database() { return database_; }

 private:
  SQLite::Database database_;
  std::unordered_map<std::string_view, std::unique_ptr<SQLite::Statement>> statements_;
};

enum class Durability {
  kOrdered,  // survives a crash of the process; a power loss may take it back, and all later ones
  kFull,     // survives a power loss
};

// The Error for an exception of SQLite: kExhausted for a full disk, kInternal for a damaged file,
// kUnavailable for all others.
Error sqlite_error(const std::filesystem::path& file, const SQLite::Exception& exception);

// What a file contains.
struct SqliteSchema {
  // The SQL that makes each version from the one before, the first one from nothing.
  std::span<const char* const> upgrades;
  const char* table;  // that every version has, and files of other programs do not
  int page_bytes = 4'096;
};

// Jobs, their queue and the catalogue.
extern const SqliteSchema kJobsSchema;

// Thread-safe; several processes may open the same file.
class SqliteDatabase {
 public:
  // Opens the file; creates it, with its tables, where it is missing. Refuses, without changing it,
  // a file that is damaged or has the write-ahead log of another database (kInternal), or that
  // belongs to another program or a newer version of this one (kConflict). Files of up to 64 MB are
  // checked completely, larger ones only as far as SQLite does when it opens them.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::filesystem::path& file,
                                                      const SqliteSchema& schema = kJobsSchema);

  // Runs `work(SqliteConnection&) -> Result<T>` as if in a transaction of its own: commits all of
  // it, or nothing if it returns an error. Simultaneous writes of several threads share one commit,
  // and so one wait for the disk (group commit; DeWitt et al., SIGMOD 1984).
  template <class Work>
  auto write(Durability durability, Work&& work) -> std::invoke_result_t<Work, SqliteConnection&> {
    std::optional<std::invoke_result_t<Work, SqliteConnection&>> result;
    Write pending;
    pending.durability = durability;
    pending.run = [&](SqliteConnection& connection) {
      result.emplace(work(connection));
      return result->has_value();
    };
    commit(pending);
    if (pending.thrown) std::rethrow_exception(pending.thrown);
    if (pending.error) return std::unexpected(std::move(*pending.error));
    return std::move(*result);
  }

  // Runs `work(SqliteConnection&) -> Result<T>` on a snapshot. Readers do not wait for writers.
  template <class Work>
  auto read(Work&& work) -> std::invoke_result_t<Work, SqliteConnection&> {
    return guarded([&]() -> std::invoke_result_t<Work, SqliteConnection&> {
      const Reader reader(*this);
      const SQLite::Transaction snapshot(reader.connection->database());
      const StatementGuard guard(*reader.connection);
      return work(*reader.connection);
    });
  }

  // Returns the space of removed rows to the file system.
  Result<void> shrink();

  const std::filesystem::path& file() const { return file_; }

  // An error if damage was found since the start. Only a restart, which checks the file, clears it.
  Result<void> whole() const;

 private:
  // One call of write(). Belongs to the thread that waits for it.
  struct Write {
    Durability durability = Durability::kOrdered;
    std::function<bool(SqliteConnection&)> run;  // false: to be rolled back
    std::optional<Error> error;                  // of the database
    std::exception_ptr thrown;                   // by `work`
    bool done = false;                           // guarded by write_mutex_
  };

  void commit(Write& write);
  void commit_together(std::span<Write* const> writes);
  bool run_one(Write& write, bool alone);

  struct StatementGuard {
    explicit StatementGuard(SqliteConnection& used) : connection(used) {}
    ~StatementGuard() { connection.reset_statements(); }
    StatementGuard(const StatementGuard&) = delete;
    StatementGuard& operator=(const StatementGuard&) = delete;
    SqliteConnection& connection;
  };

  // Borrows a read-only connection from the idle ones.
  struct Reader {
    explicit Reader(SqliteDatabase& owner);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    SqliteDatabase& owner;
    std::unique_ptr<SqliteConnection> connection;
  };

  explicit SqliteDatabase(std::filesystem::path file);

  template <class Work>
  auto guarded(Work&& work) -> std::invoke_result_t<Work> {
    try {
      return work();
    } catch (const SQLite::Exception& exception) {
      return std::unexpected(note(exception));
    }
  }

  // The exception as an Error. Remembers damage for whole().
  Error note(const SQLite::Exception& exception);

  std::filesystem::path file_;
  std::mutex write_mutex_;
  std::condition_variable write_done_;
  std::vector<Write*> waiting_;               // guarded by write_mutex_
  bool committing_ = false;                   // guarded by write_mutex_
  std::unique_ptr<SqliteConnection> writer_;  // used by the thread that set committing_
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_;  // guarded by readers_mutex_
  mutable std::mutex damage_mutex_;
  std::optional<Error> damage_;  // guarded by damage_mutex_
};

}  // namespace classifier
