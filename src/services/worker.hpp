// Takes tasks from the work queue, classifies them, and reports each image once it is stored.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

#include "ports/classifier.hpp"
#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/metrics.hpp"
#include "ports/object_store.hpp"
#include "ports/result_sink.hpp"
#include "ports/work_queue.hpp"
#include "services/pipeline.hpp"

namespace classifier {

struct WorkerOptions {
  PipelineOptions pipeline;
  std::size_t receive_batch = 16;  // messages asked for at once
  std::size_t max_in_hand = 64;    // messages received and not yet reported
  std::size_t copy_threads = 1;    // each copies one classified image to the output at a time
  int max_attempts = 4;            // deliveries of a message before its image is reported failed
  std::chrono::milliseconds first_backoff{1'000};  // doubles with each try, up to a minute
  std::chrono::milliseconds visibility_timeout{60'000};
  std::chrono::milliseconds receive_wait{1'000};  // for a message, before asking again
  std::chrono::milliseconds report_linger{20};    // for more outcomes to report together
  std::uint64_t max_image_bytes = 64ULL << 20;
};

class Worker {
 public:
  struct Ports {
    WorkQueue& queue;
    JobStore& jobs;
    ObjectStore& objects;
    Classifier& classifier;
    ResultSink& results;
    Metrics& metrics;
  };

  Worker(Ports ports, WorkerOptions options);
  // As stop().
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Takes no more from now on; returns at once.
  void stop_taking();
  // Takes no more, finishes and reports what is in hand, and returns.
  void stop();
  bool running() const;
  std::size_t in_hand() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
