// The program's metrics in Prometheus' format. docs/metrics.md lists them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domain/job.hpp"
#include "ports/metrics.hpp"
#include "ports/work_queue.hpp"

namespace classifier {

// Values that are read at the time of a scrape. Absent ones are left out of the text.
struct PresentState {
  std::optional<QueueDepth> queue;
  std::vector<std::pair<JobStatus, std::int64_t>> jobs;  // number of jobs in each status
  std::optional<std::size_t> images_in_hand;
  std::optional<bool> worker_running;
  struct MemoryUse {
    std::string name;
    std::uint64_t limit = 0;            // bytes
    std::optional<std::uint64_t> used;  // bytes
  };
  std::vector<MemoryUse> memory;  // shares of MEMORY_LIMIT
};

// Thread-safe.
class PrometheusMetrics final : public Metrics, public RequestObserver, public CallObserver {
 public:
  explicit PrometheusMetrics(const std::string& version = "unknown");
  ~PrometheusMetrics() override;

  void image_done(ImageState state) override;
  void image_reused() override;
  void image_retried() override;
  void store_answers(std::string_view store, bool answers) override;
  void image_buried() override;
  void stage_time(Stage stage, double seconds, std::size_t images) override;
  void job_accepted(std::size_t images) override;

  void request_done(const RequestRecord& record) override;
  void connections_changed(int delta) override;

  void call_done(std::string_view service, std::string_view operation, int attempts,
                 std::string_view outcome, std::chrono::milliseconds took) override;

  // All metrics in the text exposition format, version 0.0.4.
  std::string text(const PresentState& state);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
