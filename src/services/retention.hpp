// Removes old jobs and what has expired in the trash, so that the store does not grow without
// limit.
#pragma once

#include <chrono>
#include <thread>

#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "services/trash_service.hpp"

namespace classifier {

class Retention {
 public:
  // `age`: time since a job was accepted; 0: no job is removed. `trash` may be null.
  Retention(JobStore& jobs, const Clock& clock, std::chrono::days age,
            TrashService* trash = nullptr)
      : jobs_(jobs), clock_(clock), age_(age), trash_(trash) {}

  // Removes them at once and then every hour. Several processes may do this on one store.
  void start();
  void stop();

  // Removes jobs until none is old enough, or `stop` is requested. Returns how many.
  Result<std::size_t> run_once(const std::stop_token& stop = {});

 private:
  void remove_jobs(const std::stop_token& stop);
  void remove_trash(const std::stop_token& stop);

  JobStore& jobs_;
  const Clock& clock_;
  std::chrono::days age_;
  TrashService* trash_;
  std::jthread thread_;
};

}  // namespace classifier
