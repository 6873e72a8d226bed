#include "adapters/metrics/prometheus_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <map>
#include <mutex>
#include <string_view>
#include <tuple>

namespace classifier {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

const Histogram::BucketBoundaries& seconds_buckets() {
  static const Histogram::BucketBoundaries buckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                   0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  return buckets;
}

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double total = 0;
  double resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Clients may send any word as a method. Unknown ones share a time series, so that their number is
// bounded.
std::string_view known_method(std::string_view method) {
  constexpr std::array<std::string_view, 7> kMethods{"GET",    "HEAD",    "POST", "PUT",
                                                     "DELETE", "OPTIONS", "PATCH"};
  return std::ranges::find(kMethods, method) == kMethods.end() ? "other" : method;
}

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& gauges(Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry);
}
Family<Histogram>& histograms(Registry& registry, const char* name, const char* help) {
  return BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

class PrometheusMetrics::Impl {
 public:
  explicit Impl(const std::string& version) {
    gauges(registry, "classifier_build_info", "1, with the version of the program")
        .Add({{"version", version}})
        .Set(1);
  }

  // The time series of one kind of request, cached after the first lookup.
  struct RequestSeries {
    Counter* requests = nullptr;
    Histogram* seconds = nullptr;
    Counter* bytes_in = nullptr;
    Counter* bytes_out = nullptr;
  };
  RequestSeries request_series(std::string_view method, std::string_view route, int status) {
    const std::scoped_lock lock(mutex);
    auto& found = series[{std::string(method), std::string(route), status}];
    if (found.requests == nullptr) {
      const std::string name(route);
      found.requests = &requests.Add(
          {{"method", std::string(method)}, {"route", name}, {"status", std::to_string(status)}});
      found.seconds = &request_seconds.Add({{"route", name}}, seconds_buckets());
      found.bytes_in = &received.Add({{"route", name}});
      found.bytes_out = &sent.Add({{"route", name}});
    }
    return found;
  }

  // With a lock, so that simultaneous scrapes do not add the same time twice.
  void count_cpu() {
    const std::scoped_lock lock(mutex);
    cpu.Increment(cpu_seconds() - cpu.Value());
  }

  Registry registry;
  Family<Counter>& images =
      counters(registry, "classifier_images_total", "Images finished, by outcome");
  std::array<Counter*, 3> image_states{&images.Add({{"outcome", "classified"}}),
                                       &images.Add({{"outcome", "unknown"}}),
                                       &images.Add({{"outcome", "failed"}})};
  Counter& reused =
      counters(registry, "classifier_images_reused_total", "Images answered from memory").Add({});
  Counter& retries =
      counters(registry, "classifier_image_retries_total", "Images given back for a later try")
          .Add({});
  Counter& buried =
      counters(registry, "classifier_dead_letters_total", "Images moved to the dead-letter queue")
          .Add({});
  Counter& jobs = counters(registry, "classifier_jobs_accepted_total", "Jobs accepted").Add({});
  Counter& job_images =
      counters(registry, "classifier_images_accepted_total", "Images of accepted jobs").Add({});
  Family<Histogram>& stages =
      histograms(registry, "classifier_stage_seconds", "Time of one image in a stage");
  std::array<Histogram*, 5> stage{&stages.Add({{"stage", "fetch"}}, seconds_buckets()),
                                  &stages.Add({{"stage", "prepare"}}, seconds_buckets()),
                                  &stages.Add({{"stage", "classify"}}, seconds_buckets()),
                                  &stages.Add({{"stage", "store"}}, seconds_buckets()),
                                  &stages.Add({{"stage", "report"}}, seconds_buckets())};

  Family<Counter>& requests =
      counters(registry, "classifier_http_requests_total", "Requests answered");
  Family<Histogram>& request_seconds =
      histograms(registry, "classifier_http_request_seconds", "Time to answer a request");
  Family<Counter>& received =
      counters(registry, "classifier_http_received_bytes_total", "Bytes of request bodies");
  Family<Counter>& sent =
      counters(registry, "classifier_http_sent_bytes_total", "Bytes of the bodies of answers");
  Gauge& connections = gauges(registry, "classifier_http_connections", "Open connections").Add({});
  std::mutex mutex;
  std::map<std::tuple<std::string, std::string, int>, RequestSeries> series;  // guarded by mutex

  Family<Counter>& aws_calls =
      counters(registry, "classifier_aws_calls_total", "Calls to AWS, by outcome");
  Family<Counter>& aws_requests = counters(registry, "classifier_aws_requests_total",
                                           "Requests sent for calls to AWS, tries included");
  Family<Counter>& aws_seconds =
      counters(registry, "classifier_aws_call_seconds_total", "Time that calls to AWS took");

  Family<Gauge>& stores =
      gauges(registry, "classifier_store_answers", "Whether a store of the worker answers: 1 or 0");
  Family<Gauge>& queue =
      gauges(registry, "classifier_queue_messages", "Messages of the work queue, by state");
  Family<Gauge>& queue_age = gauges(registry, "classifier_queue_oldest_age_seconds",
                                    "Age of the oldest message that waits");
  Family<Gauge>& jobs_now = gauges(registry, "classifier_jobs", "Jobs, by status");
  Family<Gauge>& in_hand =
      gauges(registry, "classifier_images_in_hand", "Images that this process works on");
  Family<Gauge>& worker =
      gauges(registry, "classifier_worker_running", "Whether this process takes work: 1 or 0");
  Family<Gauge>& memory_shares = gauges(registry, "classifier_memory_share_bytes",
                                        "Shares of the memory that this process may use");
  Family<Gauge>& memory_used =
      gauges(registry, "classifier_memory_share_used_bytes", "What is taken of a share");
  Gauge& memory =
      gauges(registry, "classifier_resident_memory_bytes", "Resident memory of the process")
          .Add({});
  Counter& cpu = counters(registry, "classifier_cpu_seconds_total",
                          "Processor time of the process, of all its threads")
                     .Add({});
  Gauge& uptime =
      gauges(registry, "classifier_uptime_seconds", "Time since the start of the process").Add({});
  const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

PrometheusMetrics::PrometheusMetrics(const std::string& version)
    : impl_(std::make_unique<Impl>(version)) {}
PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::image_done(ImageState state) {
  impl_->image_states[static_cast<std::size_t>(state)]->Increment();
}
void PrometheusMetrics::image_reused() { impl_->reused.Increment(); }
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

void PrometheusMetrics::store_answers(std::string_view store, bool answers) {
  impl_->stores.Add({{"store", std::string(store)}}).Set(answers ? 1 : 0);
}

void PrometheusMetrics::request_done(const RequestRecord& record) {
  const auto series =
      impl_->request_series(known_method(record.method), record.route, record.status);
  series.requests->Increment();
  series.seconds->Observe(record.seconds);
  series.bytes_in->Increment(static_cast<double>(record.bytes_in));
  series.bytes_out->Increment(static_cast<double>(record.bytes_out));
}

void PrometheusMetrics::connections_changed(int delta) { impl_->connections.Increment(delta); }

void PrometheusMetrics::call_done(std::string_view service, std::string_view operation,
                                  int attempts, std::string_view outcome,
                                  std::chrono::milliseconds took) {
  const prometheus::Labels labels{{"service", std::string(service)},
                                  {"operation", std::string(operation)}};
  prometheus::Labels with_outcome = labels;
  with_outcome["outcome"] = outcome;
  impl_->aws_calls.Add(with_outcome).Increment();
  impl_->aws_requests.Add(labels).Increment(attempts);
  impl_->aws_seconds.Add(labels).Increment(static_cast<double>(took.count()) / 1e3);
}

std::string PrometheusMetrics::text(const PresentState& state) {
  if (state.queue) {
    const QueueDepth& depth = *state.queue;
    impl_->queue.Add({{"state", "visible"}}).Set(static_cast<double>(depth.visible));
    impl_->queue.Add({{"state", "in_flight"}}).Set(static_cast<double>(depth.in_flight));
    impl_->queue.Add({{"state", "dead"}}).Set(static_cast<double>(depth.dead));
    if (depth.oldest_age)
      impl_->queue_age.Add({}).Set(static_cast<double>(depth.oldest_age->count()) / 1e3);
  }
  for (const auto& [status, count] : state.jobs) {
    impl_->jobs_now.Add({{"status", std::string(to_string(status))}})
        .Set(static_cast<double>(count));
  }
  if (state.images_in_hand) impl_->in_hand.Add({}).Set(static_cast<double>(*state.images_in_hand));
  if (state.worker_running) impl_->worker.Add({}).Set(*state.worker_running ? 1 : 0);
  for (const auto& share : state.memory) {
    impl_->memory_shares.Add({{"share", share.name}}).Set(static_cast<double>(share.limit));
    if (share.used)
      impl_->memory_used.Add({{"share", share.name}}).Set(static_cast<double>(*share.used));
  }
  const std::chrono::duration<double> up = std::chrono::steady_clock::now() - impl_->started;
  impl_->uptime.Set(up.count());
  impl_->memory.Set(resident_bytes());
  impl_->count_cpu();
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace classifier
