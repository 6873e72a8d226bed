// Sends the tasks of accepted jobs to the work queue. Jobs take turns, so that a small one does not
// wait for the whole of a large one; any process may do it, and a crash between two steps only
// sends some tasks twice.
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
  // There is something to send; returns at once. Thread-safe.
  void wake();

  // One round over the unsent jobs. Returns whether anything was sent.
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
