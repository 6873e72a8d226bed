// What follows classification: copies images to the output store, reports their outcomes in
// batches, and then finishes their messages. Internal to the worker.
#pragma once

#include <chrono>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "domain/job.hpp"
#include "ports/work_queue.hpp"
#include "services/bounded_queue.hpp"
#include "services/messages_in_hand.hpp"
#include "services/pipeline.hpp"
#include "services/worker.hpp"

namespace classifier {

class Reporter {
 public:
  // Once `stopping` is requested, a failed report is not tried again. `messages` outlives this.
  Reporter(Worker::Ports ports, const WorkerOptions& options, MessagesInHand& messages,
           std::stop_token stopping);

  void start();

  // Blocks while there are too many results. Thread-safe.
  void push(PipelineResult result) { classified_.push(std::move(result)); }

  // Reports everything that was pushed, and ends the threads. Nothing may be pushed after it.
  void finish();

 private:
  struct Copied {
    Delivery delivery;
    ImageOutcome outcome;
  };

  void run_copy();
  void run_report();
  void report(std::vector<Copied> batch);
  Result<void> store(std::span<const ImageOutcome> outcomes);
  bool release_for_retry(const Delivery& delivery, const Error& error);
  std::vector<std::string> bury_failed(std::span<const ImageOutcome> outcomes,
                                       std::span<const std::string> receipts);
  void remove(std::span<const std::string> receipts);
  std::chrono::milliseconds backoff(int failures) const;

  Worker::Ports ports_;
  WorkerOptions options_;
  MessagesInHand& messages_;
  std::stop_token stopping_;
  BoundedQueue<PipelineResult> classified_;
  BoundedQueue<Copied> copied_;
  std::vector<std::jthread> copy_threads_;
  std::jthread report_thread_;
};

}  // namespace classifier
