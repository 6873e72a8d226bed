// The counters of the program in Prometheus' form. docs/metrics.md lists them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ports/metrics.hpp"

namespace classifier {

// Thread-safe.
class PrometheusMetrics final : public Metrics {
 public:
  PrometheusMetrics();
  ~PrometheusMetrics() override;

  void image_done(ImageState state) override;
  void image_retried() override;
  void image_buried() override;
  void stage_time(Stage stage, double seconds, std::size_t images) override;
  void job_accepted(std::size_t images) override;
  void http_request(const std::string& method, const std::string& route, int status,
                    double seconds);

  // Numbers that are read when somebody asks: name and value.
  using Gauges = std::function<std::vector<std::pair<std::string, double>>()>;
  std::string text(const Gauges& gauges);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
