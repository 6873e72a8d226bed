// The catalogue of images in the SQLite database of the jobs.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "adapters/embedded/sqlite_database.hpp"
#include "ports/catalogue.hpp"
#include "ports/content_changes.hpp"

namespace classifier {

// SqliteCatalogue::put as a part of another write.
void put_entry(SqliteConnection& connection, const CatalogueEntry& entry);

// The entry of a key as a part of another read: with the etag, or where there is no such entry,
// only with the name and batch that it has or that were announced.
CatalogueEntry entry_of_version(SqliteConnection& connection, const std::string& key,
                                const std::string& etag);

class SqliteCatalogue final : public Catalogue, public ContentChanges {
 public:
  // `before_reading`, which may be empty, is called before each list, so that it can take in
  // changes of the folder first.
  explicit SqliteCatalogue(SqliteDatabase& database, std::function<void()> before_reading = {});

  Result<void> announce(std::string_view key, std::string_view name, std::string_view batch,
                        TimePoint now) override;
  Result<std::vector<std::string>> names(std::span<const std::string> keys) override;
  Result<void> forget(std::string_view key) override;
  Result<void> put(std::span<const CatalogueEntry> entries) override;
  Result<void> remove(std::span<const std::string> keys) override;
  Result<std::vector<CatalogueEntry>> find(std::span<const std::string> keys) override;
  Result<bool> has_content(std::string_view sha256) override;
  Result<std::vector<CatalogueEntry>> having(std::span<const std::string> contents,
                                             const ImageFilter& filter) override;
  Result<CataloguePage> list(const ImageFilter& filter, ImageOrder order, std::int64_t offset,
                             std::size_t limit) override;
  Result<void> visit(const ImageFilter& filter, ImageOrder order,
                     const std::function<Result<void>(std::span<const std::string>)>& use) override;
  Result<std::vector<FolderCount>> folders(const std::optional<std::string>& after,
                                           std::size_t limit) override;
  Result<std::vector<BatchCount>> batches(const std::optional<BatchCount>& after,
                                          std::size_t limit) override;
  Result<std::vector<MonthCount>> months() override;
  Result<std::string> version() override;
  bool complete() override;

  Result<std::vector<NewContent>> unseen(std::size_t limit) override;
  Result<void> mark_seen(std::span<const std::string> contents) override;
  Result<std::int64_t> num_unseen() override;
  Result<void> want_seen(std::span<const std::string> contents) override;
  Result<void> visit_contents(
      const std::function<Result<void>(std::span<const std::string>)>& use) override;
  Result<std::vector<std::string>> gone(std::size_t limit) override;
  Result<void> mark_forgotten(std::span<const std::string> contents) override;

  // What only the scan of the folder uses.

  // Removes entries whose files are gone, though nobody deleted them here. Their names are kept
  // until `until`, in case that the files come back, such as with their disk.
  Result<void> set_aside(std::span<const std::string> keys, TimePoint until);

  // Which of the keys have an entry with this ETag, in the order of the keys.
  Result<std::vector<bool>> current(std::span<const std::string> keys,
                                    std::span<const std::string> etags);
  // Up to `limit` keys after `after`, in byte order.
  Result<std::vector<std::string>> keys_after(std::string_view after, std::size_t limit);
  // Up to `limit` numbers and keys, by rising number from `after` on, of entries without a SHA-256.
  Result<std::vector<std::pair<std::int64_t, std::string>>> unread(std::int64_t after,
                                                                   std::size_t limit);
  Result<void> set_complete();
  bool looked_at_all();
  // Whether a change could not be written, such as on a full disk, so that lists may miss images.
  void set_behind(bool behind) { behind_ = behind; }
  // Forgets what was announced before `time`.
  Result<void> forget_announced(TimePoint time);

 private:
  Result<void> remove(std::span<const std::string> keys, bool may_return);
  Result<void> for_contents(const char* sql, std::span<const std::string> contents);

  SqliteDatabase& database_;
  std::function<void()> before_reading_;
  std::atomic<bool> behind_{false};
  std::string epoch_;  // differs for each process, since a database may be restored from a copy
};

}  // namespace classifier
