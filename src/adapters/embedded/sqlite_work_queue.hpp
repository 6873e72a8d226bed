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

// The jobs are those of the job store in the same database. Jobs take turns: a message's rank is
// its index in the job plus the rank that was next when the job came, so that a job of ten images
// does not wait for one of 100,000 (start-time fair queueing; Goyal, Vin and Cheng, SIGCOMM 1996,
// at a cost of 1 for each image). A redelivered message is received alone, so that an image that
// kills the process does not affect others. Messages of a process that has ended become visible at
// once.
class SqliteWorkQueue final : public WorkQueue {
 public:
  SqliteWorkQueue(SqliteDatabase& database, SpecCache& specs, const Clock& clock,
                  ProcessLock& process, std::chrono::milliseconds visibility_timeout);

  Result<void> send(std::span<const ImageTask> tasks) override;
  Result<std::vector<Delivery>> receive(std::size_t max, std::chrono::milliseconds wait,
                                        std::stop_token stop) override;
  Result<void> extend(std::span<const std::string> receipts) override;
  Result<void> remove(std::span<const std::string> receipts) override;
  Result<void> give_back(std::span<const Delivery> deliveries,
                         std::chrono::milliseconds delay) override;
  Result<void> bury(const std::string& receipt, std::string_view reason) override;
  Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) override;
  Result<void> drop_job(std::string_view job_id, int generation) override;
  Result<QueueDepth> depth() override;
  Result<void> ping() override;

 private:
  // The latest time until which a message is hidden. One hidden until later is visible: the clock
  // was set back.
  TimePoint latest_end() const;
  Result<bool> has_visible();
  Result<std::vector<Delivery>> take(std::size_t max);
  Result<void> redeliver_from_ended_processes();

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
