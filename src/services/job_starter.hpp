// Prepares jobs for their first image on threads of its own: loading a model takes seconds, and
// embedding thousands of labels a minute. Internal to the worker.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ports/classifier.hpp"
#include "ports/result_sink.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

class JobStarter {
 public:
  using Classify = std::function<void(Delivery)>;

  // Passes images on to `classify`, those of one job in order. About `max_waiting` images wait for
  // their jobs at most. Once `stopping` is requested, images no longer wait.
  JobStarter(Classifier& classifier, ResultSink& results, Classify classify,
             std::size_t max_waiting, std::stop_token stopping);
  ~JobStarter();
  JobStarter(const JobStarter&) = delete;
  JobStarter& operator=(const JobStarter&) = delete;

  void start();

  // Passes the image on once its job is ready; at once if it is. False if too many wait, after a
  // second in which their job may become ready. Used by one thread.
  bool push(Delivery& delivery);

  // Passes on what waits, and ends the threads. Nothing may be pushed after it.
  void finish();

 private:
  struct Waiting {
    std::chrono::steady_clock::time_point since;
    std::vector<Delivery> deliveries;
  };

  using Run = std::pair<std::string, int>;  // a job's id and generation: a retry starts it again

  void run(const std::stop_token& stop);
  void prepare(const std::string& job_id, const std::shared_ptr<const JobSpec>& spec);

  Classifier& classifier_;
  ResultSink& results_;
  Classify classify_;
  const std::size_t max_waiting_;
  const std::stop_token stopping_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::condition_variable_any room_;
  std::set<Run> ready_;             // guarded by mutex_
  std::deque<Run> pending_;         // not yet taken up by a thread; guarded by mutex_
  std::map<Run, Waiting> waiting_;  // guarded by mutex_
  std::size_t num_waiting_ = 0;     // guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace classifier
