#include "adapters/embedded/sqlite_job_rows.hpp"

#include <nlohmann/json.hpp>

#include "domain/job_rules.hpp"
#include "domain/text.hpp"

namespace classifier {

Result<std::string> find_idempotent(SqliteConnection& connection, const NewJob& job) {
  if (!job.idempotency) return fail(ErrorCode::kNotFound, "");
  auto& query = connection.prepare(
      "SELECT i.fingerprint, j.id FROM idempotency i JOIN jobs j ON j.seq = i.job WHERE i.key = ?");
  query.bind(1, job.idempotency->key);
  if (!query.executeStep()) return fail(ErrorCode::kNotFound, "");
  if (query.getColumn(0).getString() != job.idempotency->fingerprint)
    return std::unexpected(other_request_of_key());
  return query.getColumn(1).getString();
}

std::int64_t insert_job(SqliteConnection& connection, const NewJob& job, std::int64_t total,
                        std::optional<std::int64_t> seq) {
  auto& insert = connection.prepare(
      "INSERT INTO jobs(seq, id, type, status, model, top_k, threshold, total, created_at, "
      "updated_at, name) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const std::int64_t created = to_ms(job.created_at);
  if (seq) insert.bind(1, *seq);
  insert.bind(2, job.id);
  insert.bind(3, static_cast<int>(job.spec->type));
  insert.bind(4, static_cast<int>(JobStatus::kQueued));
  insert.bind(5, job.spec->model);
  insert.bind(6, job.spec->top_k);
  insert.bind(7, job.spec->confidence_threshold);
  insert.bind(8, total);
  insert.bind(9, created);
  insert.bind(10, created);
  if (!job.name.empty()) insert.bind(11, job.name);
  insert.exec();
  const std::int64_t number = connection.database().getLastInsertRowid();
  if (!job.spec->custom_labels.empty()) {
    auto& labels = connection.prepare("INSERT INTO job_labels(job, labels) VALUES(?, ?)");
    labels.bind(1, number);
    labels.bind(2, nlohmann::json(job.spec->custom_labels).dump());
    labels.exec();
  }
  if (job.idempotency) {
    auto& key =
        connection.prepare("INSERT INTO idempotency(key, fingerprint, job) VALUES(?, ?, ?)");
    key.bind(1, job.idempotency->key);
    key.bind(2, job.idempotency->fingerprint);
    key.bind(3, number);
    key.exec();
  }
  return number;
}

void insert_image(SqliteConnection& connection, std::int64_t seq, std::int64_t index,
                  const std::string& key, const std::string& filename) {
  auto& insert = connection.prepare(
      "INSERT INTO images(job, idx, key, filename, name) VALUES(?1, ?2, ?3, ?4, "
      "coalesce((SELECT name FROM photos WHERE key = ?3), "
      "(SELECT name FROM photo_announced WHERE key = ?3)))");
  insert.bind(1, seq);
  insert.bind(2, index);
  insert.bindNoCopy(3, key);
  // Most filenames are the last part of their key; those take no space.
  if (filename_of(key) != filename) insert.bindNoCopy(4, filename);
  insert.exec();
}

Result<void> remove_images(SqliteDatabase& database, std::int64_t seq) {
  constexpr std::int64_t kRemovedAtOnce = 5'000;
  Result<bool> more = true;
  while (more && *more) {
    more = database.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<bool> {
      int removed = 0;
      // Images last: the first one that is left says where to go on.
      for (const char* const sql : {"DELETE FROM outcomes WHERE job = ?1 AND idx < ?2 + "
                                    "(SELECT min(idx) FROM images WHERE job = ?1)",
                                    "DELETE FROM images WHERE job = ?1 AND idx < ?2 + "
                                    "(SELECT min(idx) FROM images WHERE job = ?1)"}) {
        auto& statement = connection.prepare(sql);
        statement.bind(1, seq);
        statement.bind(2, kRemovedAtOnce);
        removed = statement.exec();
      }
      return removed > 0;
    });
  }
  if (!more) return std::unexpected(more.error());
  return {};
}

}  // namespace classifier
