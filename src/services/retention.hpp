// Forgets jobs that are old enough, so that the store does not grow for ever.
#pragma once

#include <chrono>
#include <thread>

#include "ports/clock.hpp"
#include "ports/job_store.hpp"

namespace classifier {

class Retention {
 public:
  // `age`: of a job, since it was accepted; 0: nothing is ever forgotten.
  Retention(JobStore& jobs, const Clock& clock, std::chrono::days age)
      : jobs_(jobs), clock_(clock), age_(age) {}

  // Looks at once, and then every hour. Several processes may do so on one store.
  void start();
  void stop();

  // Until no job is left that is old enough, or `stop` is requested. Returns how many there were.
  Result<std::size_t> run_once(const std::stop_token& stop = {});

 private:
  JobStore& jobs_;
  const Clock& clock_;
  std::chrono::days age_;
  std::jthread thread_;
};

}  // namespace classifier
