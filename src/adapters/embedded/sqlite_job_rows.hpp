// The rows of a new job, which SqliteJobStore and SqliteJobDrafts write. Internal to them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/embedded/sqlite_database.hpp"
#include "ports/job_store.hpp"

namespace classifier {

// The id of the job that was created with the idempotency key of `job`; kNotFound where there is
// none, or `job` has no such key.
Result<std::string> find_idempotent(SqliteConnection& connection, const NewJob& job);

// Inserts all rows of the job but its images, and returns its number: `seq`, or a new one.
std::int64_t insert_job(SqliteConnection& connection, const NewJob& job, std::int64_t total,
                        std::optional<std::int64_t> seq);

// With the user's name, if the catalogue has one.
void insert_image(SqliteConnection& connection, std::int64_t seq, std::int64_t index,
                  const std::string& key, const std::string& filename);

// Removes all images of a job and their outcomes, in several transactions, so that other writers do
// not wait for all of them.
Result<void> remove_images(SqliteDatabase& database, std::int64_t seq);

}  // namespace classifier
