// Receives the reports of workers in other processes from the status queue, and counts them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "ports/metrics.hpp"
#include "ports/result_sink.hpp"
#include "ports/status_queue.hpp"
#include "services/store_gate.hpp"

namespace classifier {

struct StatusConsumerOptions {
  std::size_t threads = 2;
  std::size_t batch = 10;  // messages counted at once
  std::chrono::milliseconds wait{20'000};
  std::chrono::milliseconds after_failure{1'000};  // doubles once
};

class StatusConsumer {
 public:
  // `queue`, `accounting` and `metrics` outlive this.
  StatusConsumer(StatusQueue& queue, ResultSink& accounting, Metrics& metrics,
                 StatusConsumerOptions options = {});
  // Calls stop().
  ~StatusConsumer();
  StatusConsumer(const StatusConsumer&) = delete;
  StatusConsumer& operator=(const StatusConsumer&) = delete;

  void start();
  // Receives no more, and counts what was received.
  void stop();

 private:
  void run(const std::stop_token& stop);
  std::vector<std::string> count(const std::vector<StatusMessage>& messages);
  void wait_for_store(std::span<const std::string> uncounted, const std::stop_token& stop);
  bool report(const std::vector<ImageOutcome>& outcomes);

  StatusQueue& queue_;
  ResultSink& accounting_;
  StatusConsumerOptions options_;
  StoreGate store_;
  std::stop_source stop_;  // of all threads
  std::vector<std::jthread> threads_;
};

}  // namespace classifier
