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
#include "services/store_gates.hpp"
#include "services/worker.hpp"

namespace classifier {

class Reporter {
 public:
  // Once `stopping` is requested, nothing that fails is tried again: its messages are given back.
  // `gates` and `messages` outlive this.
  Reporter(Worker::Ports ports, const WorkerOptions& options, StoreGates& gates,
           MessagesInHand& messages, std::stop_token stopping);

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
  void report_one_by_one(std::vector<Copied> batch);
  Result<void> store(std::span<const Copied> batch);
  void finish(std::span<const Copied> batch);
  void try_again(Delivery delivery, const Error& error);
  void fail_attempt(Delivery delivery);
  void give_back(std::span<const Delivery> deliveries, std::chrono::milliseconds delay);
  void bury(const Delivery& delivery, const Error& error);
  void remove(std::span<const std::string> receipts);

  Worker::Ports ports_;
  WorkerOptions options_;
  StoreGates& gates_;
  MessagesInHand& messages_;
  std::stop_token stopping_;
  BoundedQueue<PipelineResult> classified_;
  BoundedQueue<Copied> copied_;
  std::vector<std::jthread> copy_threads_;
  std::jthread report_thread_;
};

}  // namespace classifier
