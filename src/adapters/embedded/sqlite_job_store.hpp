// Jobs in SQLite.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/embedded/sqlite_database.hpp"
#include "ports/job_store.hpp"
#include "support/lru_cache.hpp"

namespace classifier {

// Keeps the specs of recent jobs, so that a job's labels are not read again for each of its images.
// Thread-safe.
class SpecCache {
 public:
  // The spec of the job in row `seq`, null where there is no such row. All callers get the same
  // object for a job, so that it can be a key of other caches.
  std::shared_ptr<const JobSpec> get(SqliteConnection& connection, std::int64_t seq);

 private:
  LruCache<std::int64_t, JobSpec> specs_{256};
};

// The filename of an image: `column`, or where that is NULL the last part of its key.
std::string filename_of(const SQLite::Column& column, std::string_view key);

class SqliteJobStore final : public JobStore {
 public:
  // What records_of_image() reads in one call, in about 0.15 s.
  static constexpr std::int64_t kRowsOfSearch = 1'000'000;

  SqliteJobStore(SqliteDatabase& database, SpecCache& specs,
                 std::int64_t rows_of_search = kRowsOfSearch)
      : database_(database), specs_(specs), rows_of_search_(rows_of_search) {}

  Result<Job> create(const NewJob& job) override;
  Result<Job> get(std::string_view job_id) override;
  Result<JobPage> list(const JobFilter& filter, std::size_t limit, std::string_view token) override;
  Result<std::vector<UnsentTasks>> unsent(std::size_t max_jobs, std::size_t limit) override;
  Result<void> mark_sent(const UnsentTasks& sent) override;
  Result<void> mark_started(std::string_view job_id, TimePoint now) override;
  Result<std::size_t> record(std::span<const ImageOutcome> outcomes, TimePoint now) override;
  Result<Job> cancel(std::string_view job_id, TimePoint now) override;
  Result<Job> retry(std::string_view job_id, TimePoint now) override;
  Result<Job> rename(std::string_view job_id, std::string_view name) override;
  Result<void> remove(std::string_view job_id, TimePoint now) override;
  Result<std::vector<RemovedJob>> removed(TimePoint removed_before, std::size_t limit) override;
  Result<void> purge(const RemovedJob& job) override;
  Result<void> forget(const RemovedJob& job) override;
  Result<std::vector<ImageRecord>> records(std::string_view job_id, std::int64_t from,
                                           std::size_t limit) override;
  Result<JobRecordPage> records_of_image(std::string_view s3_key, std::size_t limit,
                                         std::string_view token) override;
  Result<std::size_t> remove_expired(TimePoint created_before, std::size_t limit) override;
  Result<void> ping() override;

 private:
  Result<void> purge_rows(const char* sql, std::string_view id = {});

  SqliteDatabase& database_;
  SpecCache& specs_;
  const std::int64_t rows_of_search_;
};

}  // namespace classifier
