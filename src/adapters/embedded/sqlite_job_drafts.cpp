#include "adapters/embedded/sqlite_job_drafts.hpp"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "adapters/embedded/sqlite_job_rows.hpp"

namespace classifier {
namespace {

Result<void> remove_draft(SqliteDatabase& database, std::int64_t seq) {
  if (auto removed = remove_images(database, seq); !removed) return removed;
  return database.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
    auto& draft = connection.prepare("DELETE FROM job_drafts WHERE seq = ?");
    draft.bind(1, seq);
    draft.exec();
    return {};
  });
}

class SqliteJobDraft final : public JobDraft {
 public:
  SqliteJobDraft(SqliteDatabase& database, JobStore& jobs, NewJob job, std::int64_t seq)
      : database_(database), jobs_(jobs), job_(std::move(job)), seq_(seq) {}
  ~SqliteJobDraft() override {
    if (committed_) return;
    if (auto removed = remove_draft(database_, seq_); !removed)
      spdlog::warn("removing a job that was not accepted failed: {}", removed.error().message);
  }
  SqliteJobDraft(const SqliteJobDraft&) = delete;
  SqliteJobDraft& operator=(const SqliteJobDraft&) = delete;

  Result<void> add(std::span<const JobImage> images) override {
    auto added =
        database_.write(Durability::kOrdered, [&](SqliteConnection& connection) -> Result<void> {
          for (std::size_t i = 0; i < images.size(); ++i) {
            insert_image(connection, seq_, total_ + static_cast<std::int64_t>(i), images[i].key,
                         images[i].filename);
          }
          return {};
        });
    if (added) total_ += static_cast<std::int64_t>(images.size());
    return added;
  }

  // Commits are in one order, so with this one those of the images are durable.
  Result<Job> commit() override {
    auto id = database_.write(
        Durability::kFull, [&](SqliteConnection& connection) -> Result<std::string> {
          auto earlier = find_idempotent(connection, job_);
          if (earlier || earlier.error().code != ErrorCode::kNotFound) return earlier;
          auto& draft = connection.prepare("DELETE FROM job_drafts WHERE seq = ?");
          draft.bind(1, seq_);
          draft.exec();
          insert_job(connection, job_, total_, seq_);
          return job_.id;
        });
    if (!id) return std::unexpected(id.error());
    committed_ = *id == job_.id;
    return jobs_.get(*id);
  }

 private:
  SqliteDatabase& database_;
  JobStore& jobs_;
  NewJob job_;
  std::int64_t seq_;
  std::int64_t total_ = 0;
  bool committed_ = false;
};

}  // namespace

Result<std::unique_ptr<JobDraft>> SqliteJobDrafts::begin(const NewJob& job) {
  if (auto removed = remove_dead(); !removed) return std::unexpected(removed.error());
  const auto seq = database_.write(
      Durability::kOrdered, [&](SqliteConnection& connection) -> Result<std::int64_t> {
        // A number that no other job gets: AUTOINCREMENT never gives one twice.
        auto& next = connection.prepare(
            "INSERT INTO jobs(id, type, status, model, top_k, threshold, total, created_at, "
            "updated_at) VALUES('', 0, 0, '', 0, 0, 0, 0, 0)");
        next.exec();
        const std::int64_t number = connection.database().getLastInsertRowid();
        auto& removal = connection.prepare("DELETE FROM jobs WHERE seq = ?");
        removal.bind(1, number);
        removal.exec();
        auto& draft = connection.prepare("INSERT INTO job_drafts(seq, owner) VALUES(?, ?)");
        draft.bind(1, number);
        draft.bind(2, process_.id());
        draft.exec();
        return number;
      });
  if (!seq) return std::unexpected(seq.error());
  return std::make_unique<SqliteJobDraft>(database_, jobs_, job, *seq);
}

Result<void> SqliteJobDrafts::remove_dead() {
  using Drafts = std::vector<std::pair<std::int64_t, std::string>>;
  const auto drafts = database_.read([](SqliteConnection& connection) -> Result<Drafts> {
    auto& query = connection.prepare("SELECT seq, owner FROM job_drafts");
    Drafts found;
    while (query.executeStep())
      found.emplace_back(query.getColumn(0).getInt64(), query.getColumn(1).getString());
    return found;
  });
  if (!drafts) return std::unexpected(drafts.error());
  for (const auto& [seq, owner] : *drafts) {
    if (!process_.is_dead(owner)) continue;
    if (auto removed = remove_draft(database_, seq); !removed) return removed;
  }
  return {};
}

}  // namespace classifier
