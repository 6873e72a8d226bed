// The request queue in SQLite.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "adapters/embedded/process_lock.hpp"
#include "adapters/embedded/sqlite_database.hpp"
#include "adapters/embedded/sqlite_job_store.hpp"
#include "ports/clock.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

// Messages of jobs in the job store of the same database. Jobs take turns: a message's rank is its
// index in the job, counted from the rank that was next when the job came, so a job of ten images
// beside one of 100,000 is soon through (start-time fair queueing; Goyal, Vin and Cheng, SIGCOMM
// 1996, with one unit of cost for each image). A message that was delivered before comes alone, so
// that an image that kills the process is found among its neighbours. Messages of a process that
// died are visible again at once.
class SqliteWorkQueue final : public WorkQueue {
 public:
  SqliteWorkQueue(SqliteDatabase& database, SpecCache& specs, const Clock& clock,
                  ProcessLock& process, std::chrono::milliseconds visibility_timeout);

  Result<void> send(std::span<const ImageTask> tasks) override;
  Result<std::vector<Delivery>> receive(std::size_t max, std::chrono::milliseconds wait,
                                        std::stop_token stop) override;
  Result<void> extend(std::span<const std::string> receipts) override;
  Result<void> remove(std::span<const std::string> receipts) override;
  Result<void> release(const std::string& receipt, std::chrono::milliseconds delay) override;
  Result<void> bury(const std::string& receipt, std::string_view reason) override;
  Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) override;
  Result<void> drop_job(std::string_view job_id, int generation) override;
  Result<QueueDepth> depth() override;
  Result<void> ping() override;

 private:
  // No message is hidden for longer than until then, unless the clock was set back meanwhile: one
  // that is counts as visible again.
  TimePoint latest_end() const;
  Result<bool> has_visible();
  Result<std::vector<Delivery>> take(std::size_t max);
  Result<void> give_back_work_of_the_dead();

  SqliteDatabase& database_;
  SpecCache& specs_;
  const Clock& clock_;
  ProcessLock& process_;
  std::chrono::milliseconds visibility_timeout_;
  std::mutex mutex_;
  std::condition_variable_any sent_;
  std::uint64_t sends_ = 0;                            // guarded by mutex_
  std::chrono::steady_clock::time_point last_search_;  // for dead processes; guarded by mutex_
};

}  // namespace classifier
