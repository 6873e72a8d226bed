// Sends the tasks of accepted jobs to the work queue. Jobs take turns, so that a small job does not
// wait for all of a large one. Several processes may do this at once. A crash can send tasks twice.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "ports/job_store.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

class Dispatcher {
 public:
  Dispatcher(JobStore& jobs, WorkQueue& queue,
             std::chrono::milliseconds idle_poll = std::chrono::seconds(1));
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void start();
  void stop();
  // Call this when there are tasks to send; returns at once. Thread-safe.
  void wake();

  // Sends some tasks of each job that has unsent ones. Returns whether there were any.
  Result<bool> run_once();

 private:
  void run(const std::stop_token& stop);

  JobStore& jobs_;
  WorkQueue& queue_;
  std::chrono::milliseconds idle_poll_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool work_ = false;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace classifier
