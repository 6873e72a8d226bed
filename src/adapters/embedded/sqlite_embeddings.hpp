// What models saw, in an SQLite file of its own beside the jobs: what happens to it happens to no
// job.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "adapters/embedded/sqlite_database.hpp"
#include "adapters/embedded/vector_file.hpp"
#include "ports/clock.hpp"
#include "ports/embedding_store.hpp"

namespace classifier {

class SqliteEmbeddings final : public EmbeddingStore {
 public:
  // Rows whose use is noted together. Small enough that little that is in use goes with what is
  // not.
  static constexpr std::int64_t kBlock = 1'024;

  // Opens the file, or creates it. One that is damaged is replaced by an empty one, with a warning.
  // Beyond about `max_bytes` the blocks that were not used for the longest time are removed.
  // kConflict: the file is of a newer version, or of another program.
  static Result<std::unique_ptr<SqliteEmbeddings>> open(const std::filesystem::path& file,
                                                        std::uint64_t max_bytes,
                                                        const Clock& clock);

  Result<std::vector<std::optional<SeenImage>>> get(std::string_view model,
                                                    std::span<const std::string> contents) override;
  Result<void> put(std::string_view model, std::span<const Remembered> images) override;
  Result<void> forget(std::span<const std::string> contents) override;

  Result<std::vector<bool>> has(std::string_view model,
                                std::span<const std::string> contents) override;

  SqliteDatabase& database() { return *database_; }

  // What vector files are made of.

  // Up to `limit` rows of the model with ids beyond `id`, by rising id.
  Result<std::vector<NewVectorRow>> rows_after(std::string_view model, std::int64_t id,
                                               std::size_t limit);
  // The greatest id of all models; 0 where nothing is remembered. Ids are never used again.
  Result<std::int64_t> last_id();
  // Rows of the model that were removed since mark_removed(), by rising id.
  Result<std::vector<std::int64_t>> removed(std::string_view model);
  Result<void> mark_removed(std::span<const std::int64_t> ids);
  // Rows by their ids, in order; those that are gone have the id 0.
  Result<std::vector<NewVectorRow>> rows(std::span<const std::int64_t> ids);
  // Differs for each file that was ever made, so that ids of another one are not taken for its own.
  Result<std::string> identity();

 private:
  SqliteEmbeddings(std::unique_ptr<SqliteDatabase> database, std::uint64_t max_bytes,
                   const Clock& clock)
      : database_(std::move(database)), max_bytes_(max_bytes), clock_(clock) {}

  // The number of a model in the file; 0 where it has none.
  Result<std::int64_t> number_of(std::string_view model);
  void note_use(const std::unordered_set<std::int64_t>& blocks);
  Result<void> make_room();
  std::int64_t today() const;

  std::unique_ptr<SqliteDatabase> database_;
  const std::uint64_t max_bytes_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> numbers_;     // of models; guarded by mutex_
  std::unordered_map<std::int64_t, std::int64_t> used_days_;  // of blocks; guarded by mutex_
  // Images put since the size of the file was looked at.
  std::size_t unchecked_ = std::numeric_limits<std::size_t>::max() / 2;  // guarded by mutex_
};

}  // namespace classifier
