// The trash of images in files: a folder beside the temporary files, and a table that says what is
// in it. docs/trash.md has the order of writes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/embedded/file_object_store.hpp"
#include "adapters/embedded/sqlite_database.hpp"
#include "ports/clock.hpp"
#include "ports/trash.hpp"

namespace classifier {

class FileTrash final : public Trash {
 public:
  // Finishes what a process that died had begun, and takes in files of the trash that the database
  // does not know, such as after it was replaced by a copy; they expire in 30 days. `catch_up`,
  // which may be empty, makes the catalogue know all that was uploaded. The others outlive this
  // object.
  static Result<std::unique_ptr<FileTrash>> open(SqliteDatabase& database, FileObjectStore& store,
                                                 const Clock& clock,
                                                 std::function<void()> catch_up = {});

  Result<void> put(std::string_view key, TimePoint now, TimePoint expires_at) override;
  Result<TrashPage> list(std::size_t limit, std::string_view after) override;
  Result<TrashedImage> find(std::string_view key) override;
  Result<std::unique_ptr<ObjectReader>> open(std::string_view key) override;
  Result<std::vector<Restored>> restore(std::span<const std::string> keys) override;
  Result<std::vector<TrashedImage>> remove_until(TimePoint deleted, TimePoint expires,
                                                 std::size_t limit) override;
  Result<std::vector<TrashedImage>> remove(std::string_view key) override;

 private:
  struct Row;
  FileTrash(SqliteDatabase& database, FileObjectStore& store, const Clock& clock,
            std::function<void()> catch_up);
  std::filesystem::path path_of(const Row& row) const;
  Result<Row> latest(std::string_view key);
  Result<void> add(const Row& row);
  Result<void> forget(std::span<const Row> rows);
  // The image does not expire before `time` has passed from now on.
  Result<void> keep_for(const Row& row, std::chrono::days time);
  // kTaken and kMissing are no errors.
  Result<Restored> move_back(const Row& row);
  Result<std::vector<TrashedImage>> remove_rows(std::vector<Row> rows);
  Result<void> recover();
  Result<void> recover(const Row& row);
  Result<void> adopt(const std::string& file);

  SqliteDatabase& database_;
  FileObjectStore& store_;
  const Clock& clock_;
  std::function<void()> catch_up_;
  std::filesystem::path folder_;  // of the bucket
};

}  // namespace classifier
