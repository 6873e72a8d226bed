// Wires the adapters to the services: the one place that knows them all.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

#include "adapters/api/backend_api.hpp"
#include "adapters/api/ml_api.hpp"
#include "adapters/http/server.hpp"
#include "adapters/api/static_files.hpp"
#include "adapters/image/thumbnail.hpp"
#include "adapters/metrics/prometheus_metrics.hpp"
#include "apps/commands.hpp"
#include "apps/processor.hpp"
#include "apps/stores.hpp"
#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "ports/status_queue.hpp"
#include "ports/upload_receiver.hpp"
#include "ports/work_queue.hpp"
#include "services/accounting.hpp"
#include "services/dispatcher.hpp"
#include "support/pause.hpp"
#include "services/retention.hpp"
#include "services/status_consumer.hpp"
#include "services/watchdog.hpp"
#include "services/worker.hpp"

namespace classifier {
namespace {

// Ports that are tried for the page when the wanted one is taken.
constexpr int kDashboardPorts = 20;
constexpr int kWorkerNice = 10;
// At the end, for requests that have begun.
constexpr std::chrono::seconds kDrainTime{10};

// Of a key that somebody made up.
constexpr std::size_t kShortKey = 20;

void log_change(const std::string& what, bool well) {
  spdlog::log(well ? spdlog::level::info : spdlog::level::err, "{}", what);
}

struct Roles {
  bool backend = true;
  bool ml = true;
};

// Everything that lives as long as the service; members are built in order and end in the reverse
// one.
class Service {
 public:
  static Result<std::unique_ptr<Service>> open(const Config& config, Roles roles) {
    std::unique_ptr<Service> service(new Service(config, roles));
    auto stores = open_stores(config, service->clock_, service->metrics_);
    if (!stores) return std::unexpected(stores.error());
    service->stores_ = std::move(*stores);
    service->build();
    if (auto usable = service->check_models(); !usable) return std::unexpected(usable.error());
    if (auto access = service->open_access(); !access) return std::unexpected(access.error());
    if (auto tls = service->open_tls(); !tls) return std::unexpected(tls.error());
    if (auto listening = service->listen(); !listening) return std::unexpected(listening.error());
    return service;
  }

  ~Service() {
    // Requests first, so that nothing new is accepted; then the work in hand is finished and
    // stored.
    if (worker_) worker_->stop_taking();
    {
      const std::jthread late([this](const std::stop_token& done) {
        pause(kDrainTime, done);
        stopping_.request_stop();
      });
      if (server_) server_->stop(kDrainTime);
    }
    if (dispatcher_) dispatcher_->stop();
    if (retention_) retention_->stop();
    if (worker_) worker_->stop();
    if (status_consumer_) status_consumer_->stop();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void start() {
    if (roles_.backend) {
      dispatcher_->start();
      retention_->start();
      if (status_consumer_) status_consumer_->start();
    }
    if (roles_.ml) worker_->start();
    server_->start();
    for (const auto& line : addresses_) spdlog::info("{}", line);
    warn_of_open_door();
  }

  // Looks at once at the files that are read again when they change.
  void reload() {
    keys_->reload();
    if (tls_) tls_->reload();
  }

 private:
  Service(const Config& config, Roles roles)
      : config_(config),
        roles_(roles),
        watchdog_(config_.image_timeout,
                  [this](const std::string& what) { end_hung_process(what); }) {
    limits_.max_backlog = config.max_backlog;
  }

  // A model that is configured must be there; without any, the service answers 503 to submissions.
  Result<void> check_models() const {
    const std::array<std::pair<JobType, const std::string*>, 2> wanted{
        {{JobType::kImageClassification, &config_.image_model},
         {JobType::kCustomClassification, &config_.custom_model}}};
    for (const auto& [type, name] : wanted) {
      const auto model = classifier_->resolve(type, *name);
      if (model) continue;
      if (!name->empty()) return std::unexpected(model.error());
      spdlog::warn("{}; until then such jobs are refused", model.error().message);
    }
    return {};
  }

  void build() {
    auto inference = inference_options(config_);
    inference.nice = kWorkerNice;
    classifier_ = make_openvino_classifier(std::move(inference));
    accounting_ = std::make_unique<Accounting>(stores_->jobs(), clock_);
    dispatcher_ = std::make_unique<Dispatcher>(stores_->jobs(), stores_->queue());
    retention_ = std::make_unique<Retention>(stores_->jobs(), clock_,
                                             std::chrono::days(config_.job_retention_days));
    job_service_ =
        std::make_unique<JobService>(stores_->jobs(), stores_->queue(), *classifier_, clock_,
                                     metrics_, limits_, [this] { dispatcher_->wake(); });
    image_service_ = std::make_unique<ImageService>(
        stores_->objects(), clock_,
        [this, decode = inference_options(config_).decode](std::span<const std::byte> image,
                                                           int side) {
          const Watchdog::Watch watch(&watchdog_, "a thumbnail");
          return make_thumbnail(image, side, decode);
        },
        config_.max_image_bytes);
    WorkerOptions worker;
    worker.pipeline = {.fetch_threads = 0,
                       .prepare_threads = config_.max_workers,
                       .classify_threads = config_.max_workers,
                       .queue_capacity = 8 * config_.max_workers,
                       .nice = kWorkerNice,
                       .watchdog = &watchdog_};
    worker.receive_batch = config_.batch_size;
    worker.max_in_hand = std::max<std::size_t>(64, 16 * config_.max_workers);
    worker.max_attempts = config_.max_attempts;
    worker.visibility_timeout = config_.visibility_timeout;
    worker.max_image_bytes = config_.max_image_bytes;
    stores_->adapt(worker);
    pipeline_ = worker.pipeline;
    ResultSink* results = accounting_.get();
    if (auto* const status_queue = stores_->status_queue()) {
      results = status_queue;
      status_consumer_ = std::make_unique<StatusConsumer>(
          *status_queue, *accounting_, [this] { return stores_->jobs().ping(); });
    }
    worker_ = std::make_unique<Worker>(
        Worker::Ports{stores_->queue(), stores_->jobs(), stores_->objects(), *classifier_, *results,
                      metrics_},
        worker);
  }

  // A thread that hangs cannot be ended by itself. The image's message comes back when the process
  // is started again, alone, and is given up after MAX_ATTEMPTS.
  [[noreturn]] void end_hung_process(const std::string& what) const {
    spdlog::critical("{} took longer than IMAGE_TIMEOUT, {} seconds: ending, to be started again",
                     what, config_.image_timeout.count());
    spdlog::default_logger()->flush();
    std::_Exit(kHung);
  }

  // Who may call; the same for every port.
  Result<void> open_access() {
    audit_ = std::make_shared<const AuditLog>(config_.audit_log);
    if (auto writable = audit_->check(); !writable) return writable;
    KeyRingOptions options;
    options.keys = config_.api_keys;
    options.file = config_.api_keys_file;
    options.file_is_expected = config_.api_keys_file_is_set;
    options.on_change = log_change;
    auto keys = KeyRing::open(std::move(options), clock_);
    if (!keys) return std::unexpected(keys.error());
    keys_ = std::move(*keys);
    access_ = std::make_shared<const http::Access>(
        http::AccessOptions{.keys = keys_,
                            .allowed_origins = config_.allowed_origins,
                            .trusted_proxies = config_.trusted_proxies,
                            .rate_of_key = config_.rate_limit,
                            .rate_of_address = config_.rate_limit_address});
    return {};
  }

  Result<void> open_tls() {
    if (config_.tls_cert.empty()) return {};
    http::TlsOptions options;
    options.certificate = config_.tls_cert;
    options.key = config_.tls_key;
    options.on_change = log_change;
    auto tls = http::Tls::open(std::move(options));
    if (!tls) return std::unexpected(tls.error());
    tls_ = std::move(*tls);
    return {};
  }

  Result<void> listen() {
    http::ServerLimits limits;
    limits.connections = config_.max_connections;
    server_ = std::make_unique<http::Server>(http::ServerOptions{
        .io_threads = 2, .blocking_threads = 8, .limits = limits, .observer = &metrics_});
    if (roles_.backend) {
      auto router = backend_router();
      const auto port = add_port(config_.port, router);
      if (!port) return std::unexpected(port.error());
      const std::string api = url(*port);
      addresses_.push_back("API at " + api + ", described at " + api + "/docs");
      if (roles_.ml) {
        if (auto dashboard = listen_dashboard(router); !dashboard) return dashboard;
      }
    }
    if (roles_.ml) {
      auto router = std::make_shared<http::Router>();
      api::add_ml_routes(*router, {.objects = stores_->objects(),
                                    .classifier = *classifier_,
                                    .clock = clock_,
                                    .metrics = metrics_,
                                    .pipeline = pipeline_,
                                    .limits = limits_,
                                    .max_image_bytes = config_.max_image_bytes,
                                    .version = CLASSIFIER_VERSION,
                                    .worker_runs = [this] { return worker_->running(); },
                                    .stores_answer = [this] { return stores_answer(*stores_); },
                                    .metrics_text = [this] { return metrics_text(); },
                                    .stopping = stopping_.get_token()});
      const auto port = add_port(config_.ml_port, router);
      if (!port) return std::unexpected(port.error());
      addresses_.push_back("ML service at " + url(*port));
    }
    return {};
  }

  Result<void> listen_dashboard(const std::shared_ptr<const http::Router>& router) {
    for (int offset = 0;; ++offset) {
      const auto wanted = static_cast<std::uint16_t>(
          config_.dashboard_port == 0 ? 0 : config_.dashboard_port + offset);
      const auto port = add_port(wanted, router);
      if (port) {
        addresses_.push_back("page at " + url(*port));
        return {};
      }
      if (offset + 1 == kDashboardPorts || wanted == 0) return std::unexpected(port.error());
    }
  }

  std::shared_ptr<const http::Router> backend_router() {
    auto router = std::make_shared<http::Router>();
    api::add_backend_routes(*router, {.jobs = *job_service_,
                                       .images = *image_service_,
                                       .objects = stores_->objects(),
                                       .queue = stores_->queue(),
                                       .classifier = *classifier_,
                                       .clock = clock_,
                                       .uploads = stores_->uploads(),
                                       .max_upload_bytes = config_.max_image_bytes,
                                       .public_base_url = config_.public_base_url,
                                       .version = CLASSIFIER_VERSION,
                                       .stores_answer = [this] { return stores_answer(*stores_); },
                                       .metrics_text = [this] { return metrics_text(); },
                                       .quick_jobs = stores_->reads_jobs_at_once()});
    api::add_dashboard_routes(*router, config_.dashboard_dir);
    return router;
  }

  Result<std::uint16_t> add_port(std::uint16_t port, std::shared_ptr<const http::Router> router) {
    return server_->listen(
        config_.bind_address, port,
        {.router = std::move(router), .access = access_, .audit = audit_, .tls = tls_});
  }

  std::string url(std::uint16_t port) const {
    const bool any = config_.bind_address == "0.0.0.0" || config_.bind_address == "::";
    const bool local = any || config_.bind_address == "127.0.0.1";
    return (tls_ ? "https://" : "http://") +
           std::string(local ? "localhost" : config_.bind_address) + ":" + std::to_string(port);
  }

  std::string metrics_text() {
    PresentState state;
    if (const auto depth = stores_->queue().depth()) state.queue = *depth;
    state.images_in_hand = worker_->in_hand();
    state.worker_running = worker_->running();
    return metrics_.text(state);
  }

  void warn_of_open_door() const {
    if (!keys_->in_force() && !binds_to_loopback(config_)) {
      spdlog::warn(
          "anybody who reaches {} may do everything: run `classifier keys add`, or set API_KEYS",
          config_.bind_address);
    }
    const auto is_short = [](const ApiKey& key) { return key.secret.size() < kShortKey; };
    if (std::ranges::any_of(config_.api_keys, is_short)) {
      spdlog::warn(
          "API_KEYS has a key that is short enough to be guessed: use {} characters or more",
          kShortKey);
    }
  }

  Config config_;
  Roles roles_;
  JobLimits limits_;
  SystemClock clock_;
  PrometheusMetrics metrics_;
  PipelineOptions pipeline_;
  Watchdog watchdog_;
  std::stop_source stopping_;  // requests that are still answered after kDrainTime
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<Accounting> accounting_;
  std::unique_ptr<StatusConsumer> status_consumer_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<JobService> job_service_;
  std::unique_ptr<ImageService> image_service_;
  std::unique_ptr<Worker> worker_;
  std::shared_ptr<KeyRing> keys_;
  std::shared_ptr<const AuditLog> audit_;
  std::shared_ptr<const http::Access> access_;
  std::shared_ptr<http::Tls> tls_;
  std::unique_ptr<http::Server> server_;
  std::vector<std::string> addresses_;
};

int serve(const Config& config, Roles roles) {
  catch_interrupts();
  catch_hangups();
  if (roles.ml) {
    const Processor processor = this_processor();
    if (auto able = can_run_models(processor); !able) return complain(able.error(), kSomeFailed);
    if (const auto slow = slow_processor_notice(processor); !slow.empty()) spdlog::warn(slow);
  }
  auto service = Service::open(config, roles);
  if (!service) return complain(service.error(), kSomeFailed);
  (*service)->start();
  while (!interrupted()) {
    if (reload_is_asked_for()) (*service)->reload();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  spdlog::info("stopping: finishing what is in hand");
  service->reset();
  return 0;
}

}  // namespace

void add_serve_commands(CLI::App& app, const SetRun& set_run) {
  struct Command {
    const char* name;
    const char* help;
    Roles roles;
  };
  constexpr std::array<Command, 3> kCommands{{
      {"serve", "the whole service in one process: API, page and workers", {true, true}},
      {"backend", "the API only; workers on the same DATA_DIR do the work", {true, false}},
      {"ml-service", "the workers only, on the same DATA_DIR as a backend", {false, true}},
  }};
  for (const auto& command : kCommands) {
    app.add_subcommand(command.name, command.help)->callback([set_run, roles = command.roles] {
      set_run([roles](const Config& config) { return serve(config, roles); });
    });
  }
}

}  // namespace classifier
