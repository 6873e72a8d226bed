// Removes old jobs, what has expired in the trash, and what is left of jobs that a user deleted, so
// that the store does not grow without limit.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "services/trash_service.hpp"

namespace classifier {

class Retention {
 public:
  // `age`: time since a job was accepted; 0: no job is too old. `trash` may be null.
  Retention(JobStore& jobs, ObjectStore& objects, const Clock& clock, std::chrono::days age,
            TrashService* trash = nullptr)
      : jobs_(jobs), objects_(objects), clock_(clock), age_(age), trash_(trash) {}

  // Does all of it at once and then every hour. Several processes may do this on one store.
  void start();
  void stop();

  // A job was deleted: what is left of it is removed soon.
  void wake();

  // Removes old jobs until none is old enough, or `stop` is requested; their sorted copies stay.
  // Returns how many.
  Result<std::size_t> run_once(const std::stop_token& stop = {});

  // Removes records and sorted copies of deleted jobs, until none is left or `stop` is requested.
  // Does it again an hour after a deletion, for copies that a worker made late. Returns how many
  // jobs. After an error call it again.
  Result<std::size_t> finish_removals(const std::stop_token& stop = {});

 private:
  void run(const std::stop_token& stop);
  void remove_jobs(const std::stop_token& stop);
  void remove_trash(const std::stop_token& stop);
  Result<void> finish_removal(const RemovedJob& job, TimePoint late, const std::stop_token& stop);
  Result<void> remove_copies(const std::string& job_id, const std::stop_token& stop);

  JobStore& jobs_;
  ObjectStore& objects_;
  const Clock& clock_;
  std::chrono::days age_;
  TrashService* trash_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool wanted_ = false;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace classifier
