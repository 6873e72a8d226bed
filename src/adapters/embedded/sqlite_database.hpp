// One SQLite file in WAL mode, shared by the job store and the work queue of the embedded mode, so
// that their commits have one order: after a power loss, a suffix of the commits may be missing,
// never one from the middle.
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

// One connection with its prepared statements. Used by one thread at a time.
class SqliteConnection {
 public:
  SqliteConnection(const std::filesystem::path& file, int flags);

  // A statement ready to bind, prepared once for each text.
  SQLite::Statement& prepare(const char* sql);

  // Ends what the statements hold: one that stopped half way would keep its snapshot, and the WAL
  // growing.
  void reset_statements() noexcept;

  SQLite::Database& database() { return database_; }

 private:
  SQLite::Database database_;
  std::unordered_map<std::string_view, std::unique_ptr<SQLite::Statement>> statements_;
};

enum class Durability {
  kOrdered,  // survives a crash of the process; a power loss may take it back, with all later
             // commits
  kFull,     // survives a power loss
};

// What a statement reports, as an Error of the ports: a full disk, a folder that cannot be written,
// a damaged file.
Error sqlite_error(const std::filesystem::path& file, const SQLite::Exception& exception);

// Thread-safe; several processes may open the same file.
class SqliteDatabase {
 public:
  // Creates the file and its tables, where there is none. A file that is damaged, of another
  // program, or beside a write-ahead log of another database is refused and stays as it is;
  // kConflict for one of a newer version of this program. Up to 64 MB are checked whole, of larger
  // files what SQLite checks when it opens them.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::filesystem::path& file);

  // Runs `work(SqliteConnection&) -> Result<T>` as if in a transaction of its own: all of it is
  // committed, or nothing where it returns an error. Works of several threads at once share one
  // commit, so that they wait for the disk once (group commit; DeWitt et al., SIGMOD 1984).
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

  // Gives the space of removed rows back to the file system.
  Result<void> shrink();

  const std::filesystem::path& file() const { return file_; }

  // The damage that was met since the start, if any. It stays: a restart looks at the whole file.
  Result<void> whole() const;

 private:
  // A work that waits to be committed. Belongs to the thread that waits for it.
  struct Write {
    Durability durability = Durability::kOrdered;
    std::function<bool(SqliteConnection&)> run;  // false: undo it
    std::optional<Error> error;                  // of the database
    std::exception_ptr thrown;                   // by the work
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

  // A reading connection, taken from the idle ones and put back.
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

  // Its Error; damage is remembered.
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
