#include "adapters/metrics/prometheus_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace classifier {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Histogram;

const Histogram::BucketBoundaries kSeconds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                           0.1,    0.25,  0.5,    1,     2.5,  5,     10};

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double total = 0;
  double resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

class PrometheusMetrics::Impl {
 public:
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& images = BuildCounter()
                                                        .Name("classifier_images_total")
                                                        .Help("Images finished, by outcome")
                                                        .Register(registry);
  std::array<prometheus::Counter*, 3> image_states{&images.Add({{"outcome", "classified"}}),
                                                   &images.Add({{"outcome", "unknown"}}),
                                                   &images.Add({{"outcome", "failed"}})};
  prometheus::Counter& retries = BuildCounter()
                                     .Name("classifier_image_retries_total")
                                     .Help("Images given back for a later try")
                                     .Register(registry)
                                     .Add({});
  prometheus::Counter& buried = BuildCounter()
                                    .Name("classifier_dead_letters_total")
                                    .Help("Images moved to the dead-letter queue")
                                    .Register(registry)
                                    .Add({});
  prometheus::Counter& jobs = BuildCounter()
                                  .Name("classifier_jobs_accepted_total")
                                  .Help("Jobs accepted")
                                  .Register(registry)
                                  .Add({});
  prometheus::Counter& job_images = BuildCounter()
                                        .Name("classifier_images_accepted_total")
                                        .Help("Images of accepted jobs")
                                        .Register(registry)
                                        .Add({});
  prometheus::Family<Histogram>& stages = BuildHistogram()
                                              .Name("classifier_stage_seconds")
                                              .Help("Time of one image in a stage")
                                              .Register(registry);
  std::array<Histogram*, 4> stage{
      &stages.Add({{"stage", "fetch"}}, kSeconds), &stages.Add({{"stage", "prepare"}}, kSeconds),
      &stages.Add({{"stage", "classify"}}, kSeconds), &stages.Add({{"stage", "store"}}, kSeconds)};
  prometheus::Family<prometheus::Counter>& requests = BuildCounter()
                                                          .Name("classifier_http_requests_total")
                                                          .Help("Requests answered")
                                                          .Register(registry);
  prometheus::Family<Histogram>& request_seconds = BuildHistogram()
                                                       .Name("classifier_http_request_seconds")
                                                       .Help("Time to answer a request")
                                                       .Register(registry);
  prometheus::Family<prometheus::Gauge>& now =
      BuildGauge().Name("classifier_now").Help("Present state, by what").Register(registry);
  prometheus::Gauge& memory = BuildGauge()
                                  .Name("classifier_resident_memory_bytes")
                                  .Help("Resident memory of the process")
                                  .Register(registry)
                                  .Add({});
};

PrometheusMetrics::PrometheusMetrics() : impl_(std::make_unique<Impl>()) {}
PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::image_done(ImageState state) {
  impl_->image_states[static_cast<std::size_t>(state)]->Increment();
}
void PrometheusMetrics::image_retried() { impl_->retries.Increment(); }
void PrometheusMetrics::image_buried() { impl_->buried.Increment(); }

void PrometheusMetrics::stage_time(Stage stage, double seconds, std::size_t images) {
  auto& histogram = *impl_->stage[static_cast<std::size_t>(stage)];
  for (std::size_t i = 0; i < images; ++i) histogram.Observe(seconds / static_cast<double>(images));
}

void PrometheusMetrics::job_accepted(std::size_t images) {
  impl_->jobs.Increment();
  impl_->job_images.Increment(static_cast<double>(images));
}

void PrometheusMetrics::http_request(const std::string& method, const std::string& route,
                                     int status, double seconds) {
  impl_->requests.Add({{"method", method}, {"route", route}, {"status", std::to_string(status)}})
      .Increment();
  impl_->request_seconds.Add({{"route", route}}, kSeconds).Observe(seconds);
}

std::string PrometheusMetrics::text(const Gauges& gauges) {
  impl_->memory.Set(resident_bytes());
  for (const auto& [name, value] : gauges()) impl_->now.Add({{"what", name}}).Set(value);
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace classifier
