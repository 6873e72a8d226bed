#include "adapters/embedded/sqlite_job_store.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "adapters/codec/outcome_json.hpp"
#include "adapters/embedded/sqlite_job_rows.hpp"
#include "domain/job_rules.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

using nlohmann::json;

// Finding a job takes about as long as reading so many rows of images.
constexpr std::int64_t kRowsOfJob = 50;

constexpr const char* kJobColumns =
    "seq, id, type, status, model, top_k, threshold, total, classified, unknown, failed, "
    "created_at, updated_at, started_at, completed_at, error, retry_count, name, reused ";

std::optional<TimePoint> optional_time(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return from_ms(column.getInt64());
}

struct JobRow {
  std::int64_t seq = 0;
  Job job;
};

// Reads a row of kJobColumns; the spec without its custom labels.
JobRow read_job(SQLite::Statement& row) {
  JobRow result;
  JobSpec spec;
  int column = 0;
  result.seq = row.getColumn(column++).getInt64();
  result.job.id = row.getColumn(column++).getString();
  spec.type = static_cast<JobType>(row.getColumn(column++).getInt());
  result.job.status = static_cast<JobStatus>(row.getColumn(column++).getInt());
  spec.model = row.getColumn(column++).getString();
  spec.top_k = row.getColumn(column++).getInt();
  spec.confidence_threshold = row.getColumn(column++).getDouble();
  result.job.counts.total = row.getColumn(column++).getInt64();
  result.job.counts.classified = row.getColumn(column++).getInt64();
  result.job.counts.unknown = row.getColumn(column++).getInt64();
  result.job.counts.failed = row.getColumn(column++).getInt64();
  result.job.created_at = from_ms(row.getColumn(column++).getInt64());
  result.job.updated_at = from_ms(row.getColumn(column++).getInt64());
  result.job.started_at = optional_time(row.getColumn(column++));
  result.job.completed_at = optional_time(row.getColumn(column++));
  if (const auto error = row.getColumn(column++); !error.isNull())
    result.job.error = error.getString();
  result.job.retry_count = row.getColumn(column++).getInt();
  result.job.name = row.getColumn(column++).getString();
  result.job.counts.reused = row.getColumn(column++).getInt64();
  result.job.spec = std::make_shared<const JobSpec>(std::move(spec));
  return result;
}

Result<JobRow> find_job(SqliteConnection& connection, std::string_view job_id) {
  static const std::string sql = std::string("SELECT ") + kJobColumns + "FROM jobs WHERE id = ?";
  auto& query = connection.prepare(sql.c_str());
  query.bind(1, std::string(job_id));
  if (!query.executeStep()) return std::unexpected(job_not_found());
  return read_job(query);
}

void finish_job_if_done(SqliteConnection& connection, const JobRow& row, TimePoint now) {
  const auto& counts = row.job.counts;
  if (counts.done() < counts.total) return;
  const JobStatus status = final_status(counts);
  auto& update =
      connection.prepare("UPDATE jobs SET status = ?, completed_at = ?, error = ? WHERE seq = ?");
  update.bind(1, static_cast<int>(status));
  update.bind(2, to_ms(now));
  if (status == JobStatus::kFailed) {
    auto& first_error = connection.prepare(
        "SELECT error FROM outcomes WHERE job = ? AND state = 2 ORDER BY idx LIMIT 1");
    first_error.bind(1, row.seq);
    const std::string reason =
        first_error.executeStep() ? first_error.getColumn(0).getString() : "";
    update.bind(3, failed_reason(counts.total, reason));
  }
  update.bind(4, row.seq);
  update.exec();
}

// Whether the outcome was new, so that it counts.
bool insert_outcome(SqliteConnection& connection, std::int64_t seq, ImageState state,
                    const ImageOutcome& outcome) {
  auto& insert = connection.prepare(
      "INSERT OR IGNORE INTO outcomes(job, idx, state, ms, predictions, output_key, error_code, "
      "error) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, seq);
  insert.bind(2, outcome.index);
  insert.bind(3, static_cast<int>(state));
  insert.bind(4, outcome.processing_time_ms);
  if (const auto* predictions = std::get_if<Predictions>(&outcome.result)) {
    insert.bind(5, utf8_json(predictions_to_json(*predictions)));
    // A row with predictions has no error: the column holds what is missing of the image.
    if (!outcome.warning.empty()) insert.bind(8, outcome.warning);
  } else {
    const auto& error = std::get<Error>(outcome.result);
    insert.bind(7, static_cast<int>(error.code));
    insert.bind(8, error.message);
  }
  if (!outcome.output_key.empty()) insert.bind(6, outcome.output_key);
  return insert.exec() == 1;
}

// Counts the outcomes of one job; returns how many were new.
std::size_t record_job(SqliteConnection& connection, JobRow row,
                       std::span<const ImageOutcome* const> outcomes, TimePoint now) {
  auto& counts = row.job.counts;
  std::size_t counted = 0;
  for (const ImageOutcome* outcome : outcomes) {
    if (is_final(row.job.status) || outcome->generation != row.job.retry_count ||
        outcome->index < 0 || outcome->index >= counts.total) {
      continue;
    }
    const ImageState state = state_of(*outcome, *row.job.spec);
    if (!insert_outcome(connection, row.seq, state, *outcome)) continue;
    ++counted;
    counts.add(state, outcome->reused);
  }
  if (counted == 0) return 0;
  auto& update = connection.prepare(
      "UPDATE jobs SET classified = ?, unknown = ?, failed = ?, updated_at = ?, status = ?, "
      "started_at = coalesce(started_at, ?), reused = ? WHERE seq = ?");
  update.bind(1, counts.classified);
  update.bind(2, counts.unknown);
  update.bind(3, counts.failed);
  update.bind(4, to_ms(now));
  update.bind(5, static_cast<int>(JobStatus::kProcessing));
  update.bind(6, to_ms(now));
  update.bind(7, counts.reused);
  update.bind(8, row.seq);
  update.exec();
  finish_job_if_done(connection, row, now);
  return counted;
}

ImageRecord read_record(SQLite::Statement& row, const std::string& job_id, int generation) {
  ImageRecord record;
  record.index = row.getColumn(0).getInt64();
  record.s3_key = row.getColumn(1).getString();
  record.filename = filename_of(row.getColumn(2), record.s3_key);
  record.name = row.getColumn(9).getString();
  if (row.getColumn(3).isNull()) return record;
  ImageOutcome outcome;
  outcome.job_id = job_id;
  outcome.index = record.index;
  outcome.generation = generation;
  outcome.processing_time_ms = row.getColumn(4).getDouble();
  if (!row.getColumn(5).isNull()) {
    outcome.result = result_from_text(row.getColumn(5).getString());
    outcome.warning = row.getColumn(8).getString();
  } else {
    outcome.result =
        Error{static_cast<ErrorCode>(row.getColumn(7).getInt()), row.getColumn(8).getString()};
  }
  outcome.output_key = row.getColumn(6).getString();
  record.outcome = std::move(outcome);
  return record;
}

// The image `index` of the job in row `job`.
struct ImagePlace {
  std::int64_t job = 0;
  std::int64_t index = 0;
};

std::string token_of(const ImagePlace& place) {
  return std::to_string(place.job) + "." + std::to_string(place.index);
}

std::optional<ImagePlace> place_of(std::string_view token) {
  const std::size_t point = token.find('.');
  if (point == std::string_view::npos) return std::nullopt;
  const auto job = parse_integer(token.substr(0, point));
  const auto index = parse_integer(token.substr(point + 1));
  if (!job || !index || *job < 0 || *index < 0) return std::nullopt;
  return ImagePlace{*job, *index};
}

// Adds what the job found for the image among those from index `from` and before `to`, up to
// `limit`. Returns where the search goes on in the job.
std::int64_t add_records(SqliteConnection& connection, const JobRow& row, const std::string& key,
                         std::int64_t from, std::int64_t to, std::size_t limit,
                         std::vector<JobRecord>& records) {
  // CROSS: images are read first, not all outcomes of the job.
  auto& query = connection.prepare(
      "SELECT i.idx, i.key, i.filename, o.state, o.ms, o.predictions, o.output_key, "
      "o.error_code, o.error, i.name "
      "FROM images i CROSS JOIN outcomes o ON o.job = i.job AND o.idx = i.idx "
      "WHERE i.job = ? AND i.idx >= ? AND i.idx < ? AND i.key = ? ORDER BY i.idx LIMIT ?");
  query.bind(1, row.seq);
  query.bind(2, from);
  query.bind(3, to);
  query.bindNoCopy(4, key);
  query.bind(5, static_cast<std::int64_t>(limit));
  std::size_t found = 0;
  for (; query.executeStep(); ++found)
    records.push_back({row.job, read_record(query, row.job.id, row.job.retry_count)});
  return found == limit ? records.back().record.index + 1 : to;
}

UnsentTasks read_unsent(SqliteConnection& connection, std::int64_t from, std::int64_t total,
                        const std::shared_ptr<const JobSpec>& spec, std::int64_t seq,
                        std::string job_id, int generation, std::size_t limit) {
  UnsentTasks unsent{
      .job_id = std::move(job_id), .generation = generation, .tasks = {}, .next_index = total};
  auto& query = connection.prepare(
      "SELECT idx, key, filename FROM images i WHERE job = ? AND idx >= ? AND NOT EXISTS("
      "SELECT 1 FROM outcomes o WHERE o.job = i.job AND o.idx = i.idx) ORDER BY idx LIMIT ?");
  query.bind(1, seq);
  query.bind(2, from);
  query.bind(3, static_cast<std::int64_t>(limit));
  while (query.executeStep()) {
    ImageTask task;
    task.job_id = unsent.job_id;
    task.spec = spec;
    task.index = query.getColumn(0).getInt64();
    task.s3_key = query.getColumn(1).getString();
    task.filename = filename_of(query.getColumn(2), task.s3_key);
    task.generation = generation;
    unsent.tasks.push_back(std::move(task));
  }
  if (unsent.tasks.size() == limit) unsent.next_index = unsent.tasks.back().index + 1;
  return unsent;
}

// Removes a job, unless it is being retried and so is no longer final. Its images and their
// outcomes are left to purge_rows().
void remove_job(SqliteConnection& connection, std::int64_t seq, TimePoint now, bool copies) {
  auto& removal = connection.prepare(
      "INSERT INTO job_removals(seq, id, total, removed_at, copies) "
      "SELECT seq, id, total, ?2, ?3 FROM jobs WHERE seq = ?1 AND status >= 3");
  removal.bind(1, seq);
  removal.bind(2, to_ms(now));
  removal.bind(3, copies ? 1 : 0);
  if (removal.exec() == 0) return;
  for (const char* const sql : {
           "DELETE FROM jobs WHERE seq = ?",
           "DELETE FROM job_labels WHERE job = ?",
           "DELETE FROM idempotency WHERE job = ?",
           "DELETE FROM queue WHERE job = ?",
           "DELETE FROM dead_letters WHERE job = ?",
       }) {
    auto& statement = connection.prepare(sql);
    statement.bind(1, seq);
    statement.exec();
  }
}

std::int64_t count_jobs(SqliteConnection& connection, const JobFilter& filter) {
  auto& query = connection.prepare(
      "SELECT coalesce(sum(count), 0) FROM job_counts WHERE (?1 < 0 OR type = ?1) AND (?2 < 0 OR "
      "status = ?2)");
  query.bind(1, filter.type ? static_cast<int>(*filter.type) : -1);
  query.bind(2, filter.status ? static_cast<int>(*filter.status) : -1);
  query.executeStep();
  return query.getColumn(0).getInt64();
}

// The query for one page, with only the conditions of the filter, so that SQLite can use its index.
std::string list_sql(const JobFilter& filter) {
  std::string sql = std::string("SELECT ") + kJobColumns + "FROM jobs WHERE seq < ?1";
  if (filter.type) sql += " AND type = ?2";
  if (filter.status) sql += " AND status = ?3";
  return sql + " ORDER BY seq DESC LIMIT ?4";
}

}  // namespace

std::string filename_of(const SQLite::Column& column, std::string_view key) {
  return column.isNull() ? std::string(filename_of(key)) : column.getString();
}

std::shared_ptr<const JobSpec> SpecCache::get(SqliteConnection& connection, std::int64_t seq) {
  if (auto known = specs_.find(seq)) return known;
  auto& query = connection.prepare(
      "SELECT j.type, j.model, j.top_k, j.threshold, l.labels FROM jobs j "
      "LEFT JOIN job_labels l ON l.job = j.seq WHERE j.seq = ?");
  query.bind(1, seq);
  if (!query.executeStep()) return nullptr;
  JobSpec spec;
  spec.type = static_cast<JobType>(query.getColumn(0).getInt());
  spec.model = query.getColumn(1).getString();
  spec.top_k = query.getColumn(2).getInt();
  spec.confidence_threshold = query.getColumn(3).getDouble();
  if (!query.getColumn(4).isNull()) {
    spec.custom_labels =
        json::parse(query.getColumn(4).getString()).get<std::vector<std::string>>();
  }
  return specs_.insert(seq, std::move(spec));
}

Result<Job> SqliteJobStore::create(const NewJob& job) {
  auto id =
      database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<std::string> {
        auto earlier = find_idempotent(connection, job);
        if (earlier || earlier.error().code != ErrorCode::kNotFound) return earlier;
        const std::int64_t seq =
            insert_job(connection, job, static_cast<std::int64_t>(job.s3_keys.size()), {});
        for (std::size_t i = 0; i < job.s3_keys.size(); ++i) {
          insert_image(connection, seq, static_cast<std::int64_t>(i), job.s3_keys[i],
                       job.filenames[i]);
        }
        return job.id;
      });
  if (!id) return std::unexpected(id.error());
  return get(*id);
}

Result<Job> SqliteJobStore::get(std::string_view job_id) {
  return database_.read([&](SqliteConnection& connection) -> Result<Job> {
    auto row = find_job(connection, job_id);
    if (!row) return std::unexpected(row.error());
    row->job.spec = specs_.get(connection, row->seq);
    return std::move(row->job);
  });
}

Result<JobPage> SqliteJobStore::list(const JobFilter& filter, std::size_t limit,
                                     std::string_view token) {
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  if (!token.empty()) {
    before = parse_integer(token).value_or(-1);
    if (before < 0) return std::unexpected(unknown_page_token());
  }
  return database_.read([&](SqliteConnection& connection) -> Result<JobPage> {
    JobPage page;
    page.total = count_jobs(connection, filter);
    SQLite::Statement query(connection.database(), list_sql(filter));
    query.bind(1, before);
    if (filter.type) query.bind(2, static_cast<int>(*filter.type));
    if (filter.status) query.bind(3, static_cast<int>(*filter.status));
    query.bind(4, static_cast<std::int64_t>(limit) + 1);
    while (query.executeStep()) {
      if (page.jobs.size() == limit) {
        page.next_token = std::to_string(before);
        break;
      }
      auto row = read_job(query);
      before = row.seq;
      page.jobs.push_back(std::move(row.job));
    }
    return page;
  });
}

Result<std::vector<UnsentTasks>> SqliteJobStore::unsent(std::size_t max_jobs, std::size_t limit) {
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<UnsentTasks>> {
    struct Row {
      std::int64_t seq, from, total;
      std::string id;
      int generation;
    };
    std::vector<Row> rows;
    auto& query = connection.prepare(
        "SELECT seq, sent_next, total, id, retry_count FROM jobs "
        "WHERE sent_next < total AND status IN (1, 2) ORDER BY seq LIMIT ?");
    query.bind(1, static_cast<std::int64_t>(max_jobs));
    while (query.executeStep()) {
      rows.push_back({query.getColumn(0).getInt64(), query.getColumn(1).getInt64(),
                      query.getColumn(2).getInt64(), query.getColumn(3).getString(),
                      query.getColumn(4).getInt()});
    }
    std::vector<UnsentTasks> result;
    result.reserve(rows.size());
    for (auto& row : rows) {
      result.push_back(read_unsent(connection, row.from, row.total, specs_.get(connection, row.seq),
                                   row.seq, std::move(row.id), row.generation, limit));
    }
    return result;
  });
}

Result<void> SqliteJobStore::mark_sent(const UnsentTasks& sent) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& update = connection.prepare(
        "UPDATE jobs SET sent_next = ?1 WHERE id = ?2 AND retry_count = ?3 AND sent_next < ?1");
    update.bind(1, sent.next_index);
    update.bind(2, sent.job_id);
    update.bind(3, sent.generation);
    update.exec();
    return {};
  });
}

Result<void> SqliteJobStore::mark_started(std::string_view job_id, TimePoint now) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& update = connection.prepare(
        "UPDATE jobs SET status = 2, started_at = ?1, updated_at = ?1 "
        "WHERE id = ?2 AND status = 1");
    update.bind(1, to_ms(now));
    update.bind(2, std::string(job_id));
    update.exec();
    return {};
  });
}

Result<std::size_t> SqliteJobStore::record(std::span<const ImageOutcome> outcomes, TimePoint now) {
  std::map<std::string_view, std::vector<const ImageOutcome*>> by_job;
  for (const auto& outcome : outcomes) by_job[outcome.job_id].push_back(&outcome);
  return database_.write(Durability::kOrdered,
                         [&](SqliteConnection& connection) -> Result<std::size_t> {
                           std::size_t counted = 0;
                           for (const auto& [job_id, of_job] : by_job) {
                             auto row = find_job(connection, job_id);
                             if (row)
                               counted += record_job(connection, std::move(*row), of_job, now);
                           }
                           return counted;
                         });
}

Result<Job> SqliteJobStore::cancel(std::string_view job_id, TimePoint now) {
  auto done = database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<void> {
    const auto row = find_job(connection, job_id);
    if (!row) return std::unexpected(row.error());
    if (auto may = check_cancel(row->job); !may) return may;
    auto& update = connection.prepare(
        "UPDATE jobs SET status = ?1, completed_at = ?2, updated_at = ?2, error = ?3 "
        "WHERE seq = ?4");
    update.bind(1, static_cast<int>(JobStatus::kCancelled));
    update.bind(2, to_ms(now));
    update.bind(3, cancelled_reason(row->job.counts));
    update.bind(4, row->seq);
    update.exec();
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return get(job_id);
}

Result<Job> SqliteJobStore::retry(std::string_view job_id, TimePoint now) {
  auto done = database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<void> {
    const auto row = find_job(connection, job_id);
    if (!row) return std::unexpected(row.error());
    if (auto may = check_retry(row->job); !may) return may;
    auto& forget = connection.prepare("DELETE FROM outcomes WHERE job = ? AND state = 2");
    forget.bind(1, row->seq);
    forget.exec();
    auto& update = connection.prepare(
        "UPDATE jobs SET status = 1, failed = 0, retry_count = retry_count + 1, sent_next = 0, "
        "error = NULL, completed_at = NULL, started_at = NULL, updated_at = ? WHERE seq = ?");
    update.bind(1, to_ms(now));
    update.bind(2, row->seq);
    update.exec();
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return get(job_id);
}

Result<Job> SqliteJobStore::rename(std::string_view job_id, std::string_view name) {
  auto done = database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<void> {
    auto& update = connection.prepare("UPDATE jobs SET name = ?1 WHERE id = ?2");
    if (!name.empty()) update.bind(1, std::string(name));
    update.bind(2, std::string(job_id));
    update.exec();
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return get(job_id);
}

Result<void> SqliteJobStore::remove(std::string_view job_id, TimePoint now) {
  return database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<void> {
    const auto row = find_job(connection, job_id);
    if (!row) return std::unexpected(row.error());
    if (auto may = check_remove(row->job); !may) return may;
    remove_job(connection, row->seq, now, true);
    return {};
  });
}

Result<std::vector<RemovedJob>> SqliteJobStore::removed(TimePoint removed_before,
                                                        std::size_t limit) {
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<RemovedJob>> {
    auto& query = connection.prepare(
        "SELECT id, removed_at, total FROM job_removals "
        "WHERE copies = 1 AND (purged = 0 OR removed_at < ?) ORDER BY removed_at, seq LIMIT ?");
    query.bind(1, to_ms(removed_before));
    query.bind(2, static_cast<std::int64_t>(limit));
    std::vector<RemovedJob> jobs;
    while (query.executeStep()) {
      jobs.push_back({.id = query.getColumn(0).getString(),
                      .removed_at = from_ms(query.getColumn(1).getInt64()),
                      .total = query.getColumn(2).getInt64()});
    }
    return jobs;
  });
}

// Removes what is left of the removed jobs that the query, which may have an id, selects. Those
// whose copies are to be removed, too, are remembered until forget().
Result<void> SqliteJobStore::purge_rows(const char* sql, std::string_view id) {
  const auto rows =
      database_.read([&](SqliteConnection& connection) -> Result<std::vector<std::int64_t>> {
        auto& query = connection.prepare(sql);
        if (!id.empty()) query.bind(1, std::string(id));
        std::vector<std::int64_t> found;
        while (query.executeStep()) found.push_back(query.getColumn(0).getInt64());
        return found;
      });
  if (!rows) return std::unexpected(rows.error());
  for (const std::int64_t seq : *rows) {
    if (auto removed = remove_images(database_, seq); !removed) return removed;
    auto marked =
        database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
          for (const char* const mark : {"DELETE FROM job_removals WHERE seq = ? AND copies = 0",
                                         "UPDATE job_removals SET purged = 1 WHERE seq = ?"}) {
            auto& statement = connection.prepare(mark);
            statement.bind(1, seq);
            statement.exec();
          }
          return {};
        });
    if (!marked) return marked;
  }
  return {};
}

Result<void> SqliteJobStore::purge(const RemovedJob& job) {
  if (auto purged = purge_rows("SELECT seq FROM job_removals WHERE id = ?", job.id); !purged)
    return purged;
  return database_.shrink();
}

Result<void> SqliteJobStore::forget(const RemovedJob& job) {
  return database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& removal = connection.prepare("DELETE FROM job_removals WHERE id = ? AND purged = 1");
    removal.bind(1, job.id);
    removal.exec();
    return {};
  });
}

Result<std::vector<ImageRecord>> SqliteJobStore::records(std::string_view job_id, std::int64_t from,
                                                         std::size_t limit) {
  return database_.read([&](SqliteConnection& connection) -> Result<std::vector<ImageRecord>> {
    const auto row = find_job(connection, job_id);
    if (!row) return std::unexpected(row.error());
    auto& query = connection.prepare(
        "SELECT i.idx, i.key, i.filename, o.state, o.ms, o.predictions, o.output_key, "
        "o.error_code, o.error, i.name "
        "FROM images i LEFT JOIN outcomes o ON o.job = i.job AND o.idx = i.idx "
        "WHERE i.job = ? AND i.idx >= ? ORDER BY i.idx LIMIT ?");
    query.bind(1, row->seq);
    query.bind(2, from);
    query.bind(3, static_cast<std::int64_t>(limit));
    std::vector<ImageRecord> records;
    while (query.executeStep())
      records.push_back(read_record(query, row->job.id, row->job.retry_count));
    return records;
  });
}

// Without an index by image, which would cost time and space for each image of each job.
Result<JobRecordPage> SqliteJobStore::records_of_image(std::string_view s3_key, std::size_t limit,
                                                       std::string_view token) {
  ImagePlace first{.job = std::numeric_limits<std::int64_t>::max(), .index = 0};
  if (!token.empty()) {
    const auto place = place_of(token);
    if (!place) return std::unexpected(unknown_page_token());
    first = *place;
  }
  const std::string key(s3_key);
  return database_.read([&](SqliteConnection& connection) -> Result<JobRecordPage> {
    static const std::string sql =
        std::string("SELECT ") + kJobColumns + "FROM jobs WHERE seq <= ? ORDER BY seq DESC";
    SQLite::Statement query(connection.database(), sql);
    query.bind(1, first.job);
    JobRecordPage page;
    std::int64_t rows = kRowsOfJob + rows_of_search_;  // that may still be read
    while (query.executeStep()) {
      const JobRow row = read_job(query);
      const std::int64_t total = row.job.counts.total;
      std::int64_t next = row.seq == first.job ? first.index : 0;
      rows -= kRowsOfJob;
      while (next < total) {
        if (rows <= 0 || page.records.size() == limit) {
          page.next_token = token_of({row.seq, next});
          return page;
        }
        const std::int64_t to = std::min(total, next + rows);
        const std::int64_t end =
            add_records(connection, row, key, next, to, limit - page.records.size(), page.records);
        rows -= end - next;
        next = end;
      }
    }
    return page;
  });
}

Result<std::size_t> SqliteJobStore::remove_expired(TimePoint created_before, std::size_t limit) {
  const auto expired =
      database_.read([&](SqliteConnection& connection) -> Result<std::vector<std::int64_t>> {
        auto& query = connection.prepare(
            "SELECT seq FROM jobs WHERE status >= 3 AND created_at < ? ORDER BY created_at "
            "LIMIT ?");
        query.bind(1, to_ms(created_before));
        query.bind(2, static_cast<std::int64_t>(limit));
        std::vector<std::int64_t> rows;
        while (query.executeStep()) rows.push_back(query.getColumn(0).getInt64());
        return rows;
      });
  if (!expired) return std::unexpected(expired.error());
  // Each in a transaction of its own, so that other writers do not wait for all of them.
  for (const std::int64_t seq : *expired) {
    auto removed =
        database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
          remove_job(connection, seq, created_before, false);
          return {};
        });
    if (!removed) return std::unexpected(removed.error());
  }
  // Also what a process that ended has left.
  if (auto purged = purge_rows("SELECT seq FROM job_removals WHERE copies = 0"); !purged)
    return std::unexpected(purged.error());
  if (auto shrunk = database_.shrink(); !shrunk) return std::unexpected(shrunk.error());
  return expired->size();
}

Result<void> SqliteJobStore::ping() {
  if (auto whole = database_.whole(); !whole) return whole;
  return database_.read([](SqliteConnection& connection) -> Result<void> {
    connection.database().execAndGet("SELECT count(*) FROM job_counts");
    return {};
  });
}

}  // namespace classifier
