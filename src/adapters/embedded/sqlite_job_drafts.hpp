// Jobs that are stored piece by piece in SQLite.
#pragma once

#include <memory>

#include "adapters/embedded/process_lock.hpp"
#include "adapters/embedded/sqlite_database.hpp"
#include "ports/job_drafts.hpp"

namespace classifier {

// The images are stored under a number that has no job yet; commit() adds the job. What a process
// left behind that has ended is removed by the next begin().
class SqliteJobDrafts final : public JobDrafts {
 public:
  SqliteJobDrafts(SqliteDatabase& database, JobStore& jobs, const ProcessLock& process)
      : database_(database), jobs_(jobs), process_(process) {}

  Result<std::unique_ptr<JobDraft>> begin(const NewJob& job) override;

 private:
  Result<void> remove_dead();

  SqliteDatabase& database_;
  JobStore& jobs_;
  const ProcessLock& process_;
};

}  // namespace classifier
