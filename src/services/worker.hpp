// Receives messages from the work queue, classifies their images, and reports the outcomes.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "ports/classifier.hpp"
#include "ports/job_store.hpp"
#include "ports/metrics.hpp"
#include "ports/object_store.hpp"
#include "ports/result_sink.hpp"
#include "ports/work_queue.hpp"
#include "services/pipeline.hpp"
#include "services/store_gate.hpp"

namespace classifier {

struct WorkerOptions {
  PipelineOptions pipeline;
  std::size_t receive_batch = 16;  // most messages in one call of receive()
  std::size_t max_in_hand = 64;    // messages taken up and not yet reported
  std::size_t copy_threads = 1;    // that copy classified images to the output store
  int max_attempts = 4;            // of an image before it is reported failed; outages cost none
  std::chrono::milliseconds first_backoff{1'000};  // doubles with each attempt, up to a minute
  std::chrono::milliseconds visibility_timeout{60'000};
  std::chrono::milliseconds receive_wait{1'000};  // longest wait of one call of receive()
  std::chrono::milliseconds report_linger{20};    // wait for more outcomes of a batch
  std::uint64_t max_image_bytes = 64ULL << 20;
  // NOLINTNEXTLINE(readability-redundant-member-init)
  StoreGateOptions gates = {};
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
  // Calls stop().
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Receives no more messages from now on; returns at once.
  void stop_taking();
  // Receives no more messages, ends what has begun, and gives the rest of what is in hand back.
  void stop();
  bool running() const;
  // Messages taken up and not yet reported.
  std::size_t in_hand() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
