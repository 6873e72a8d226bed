// The metrics in Prometheus' format.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "adapters/metrics/prometheus_metrics.hpp"

namespace classifier {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PrometheusMetricsTest, CountsReportedEvents) {
  PrometheusMetrics metrics("1.2.3");
  metrics.image_done(ImageState::kClassified);
  metrics.image_done(ImageState::kFailed);
  metrics.image_reused();
  metrics.image_retried();
  metrics.image_buried();
  metrics.stage_time(Stage::kClassify, 0.008, 4);
  metrics.job_accepted(7);
  metrics.connections_changed(1);
  RequestRecord request;
  request.method = "GET";
  request.route = "/status/{id}";
  request.status = 200;
  request.seconds = 0.002;
  request.bytes_out = 100;
  metrics.request_done(request);
  request.method = "BREW";
  metrics.request_done(request);

  const std::string text = metrics.text(PresentState{});
  for (const char* line : {
           "classifier_images_total{outcome=\"classified\"} 1",
           "classifier_images_total{outcome=\"unknown\"} 0",
           "classifier_images_reused_total 1",
           "classifier_image_retries_total 1",
           "classifier_dead_letters_total 1",
           "classifier_stage_seconds_count{stage=\"classify\"} 4",
           "classifier_stage_seconds_bucket{stage=\"classify\",le=\"0.0025\"} 4",
           "classifier_images_accepted_total 7",
           "classifier_http_connections 1",
           "classifier_http_requests_total{method=\"GET\",route=\"/status/{id}\",status=\"200\"} 1",
           "classifier_http_requests_total{method=\"other\",route=\"/status/{id}\",status=\"200\"} "
           "1",
           "classifier_http_request_seconds_count{route=\"/status/{id}\"} 2",
           "classifier_http_sent_bytes_total{route=\"/status/{id}\"} 200",
           "classifier_build_info{version=\"1.2.3\"} 1",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("classifier_queue_messages{")));
}

TEST(PrometheusMetricsTest, ReportsThePresentState) {
  PrometheusMetrics metrics;
  PresentState state;
  state.queue = QueueDepth{
      .visible = 5, .in_flight = 2, .dead = 1, .oldest_age = std::chrono::milliseconds(1'500)};
  state.jobs = {{JobStatus::kProcessing, 3}};
  state.images_in_hand = 4;
  state.worker_running = true;
  const std::string text = metrics.text(state);
  for (const char* line :
       {"classifier_queue_messages{state=\"visible\"} 5", "classifier_queue_oldest_age_seconds 1.5",
        "classifier_jobs{status=\"processing\"} 3", "classifier_images_in_hand 4",
        "classifier_worker_running 1"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

double cpu_in(const std::string& text) {
  const std::string name = "\nclassifier_cpu_seconds_total ";
  const auto found = text.find(name);
  return found == std::string::npos ? -1 : std::stod(text.substr(found + name.size()));
}

double used_cpu() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Scrapes at the same time must not each add the time since the last one.
TEST(PrometheusMetricsTest, CountsProcessorTimeOnce) {
  constexpr double kRounding = 1e-3;  // of the text
  PrometheusMetrics metrics;
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> scrapers;
    for (int i = 0; i < 8; ++i) {
      scrapers.emplace_back([&] {
        for (int scrape = 0; scrape < 200; ++scrape) {
          const double before = used_cpu();
          const double told = cpu_in(metrics.text(PresentState{}));
          const double after = used_cpu();
          if (told < before - kRounding || told > after + kRounding) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace classifier
