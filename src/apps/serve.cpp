// Wires the adapters to the services: the one place that knows them all.
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "adapters/embedded/file_object_store.hpp"
#include "adapters/embedded/process_lock.hpp"
#include "adapters/embedded/sqlite_database.hpp"
#include "adapters/embedded/sqlite_job_store.hpp"
#include "adapters/embedded/sqlite_work_queue.hpp"
#include "adapters/image/thumbnail.hpp"
#include "adapters/metrics/prometheus_metrics.hpp"
#include "adapters/rest/api.hpp"
#include "adapters/rest/server.hpp"
#include "apps/commands.hpp"
#include "services/accounting.hpp"
#include "services/dispatcher.hpp"
#include "services/worker.hpp"

namespace classifier {
namespace {

// Ports that are tried for the page when the wanted one is taken.
constexpr int kDashboardPorts = 20;
constexpr int kWorkerNice = 5;

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
    if (auto opened = service->open_stores(); !opened) return std::unexpected(opened.error());
    service->build();
    if (auto listening = service->listen(); !listening) return std::unexpected(listening.error());
    return service;
  }

  ~Service() {
    // Requests first, so that nothing new is accepted; then the work in hand is finished and
    // stored.
    for (auto& server : servers_) server->stop();
    if (dispatcher_) dispatcher_->stop();
    if (worker_) worker_->stop();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void start() {
    if (roles_.backend) dispatcher_->start();
    if (roles_.ml) worker_->start();
    for (auto& server : servers_) server->start();
    for (const auto& line : addresses_) spdlog::info("{}", line);
    warn_of_open_door();
  }

 private:
  Service(const Config& config, Roles roles) : config_(config), roles_(roles) {}

  Result<void> open_stores() {
    auto process = ProcessLock::acquire(config_.data_dir / "processes");
    if (!process) return std::unexpected(process.error());
    process_ = std::make_unique<ProcessLock>(std::move(*process));
    auto database = SqliteDatabase::open(config_.data_dir / "jobs.sqlite");
    if (!database) return std::unexpected(database.error());
    database_ = std::move(*database);
    auto urls = UploadUrls::open(config_.data_dir / "upload-secret");
    if (!urls) return std::unexpected(urls.error());
    auto objects = FileObjectStore::open(config_.data_dir / "objects", config_.input_bucket,
                                         config_.output_bucket, std::move(*urls));
    if (!objects) return std::unexpected(objects.error());
    objects_ = std::move(*objects);
    return {};
  }

  void build() {
    jobs_ = std::make_unique<SqliteJobStore>(*database_, specs_);
    queue_ = std::make_unique<SqliteWorkQueue>(*database_, specs_, clock_, *process_,
                                               config_.visibility_timeout);
    classifier_ = make_openvino_classifier(inference_options(config_));
    accounting_ = std::make_unique<Accounting>(*jobs_, clock_);
    dispatcher_ = std::make_unique<Dispatcher>(*jobs_, *queue_);
    job_service_ = std::make_unique<JobService>(*jobs_, *queue_, *classifier_, clock_, metrics_,
                                                limits_, [this] { dispatcher_->wake(); });
    image_service_ = std::make_unique<ImageService>(
        *objects_, clock_,
        [decode = inference_options(config_).decode](std::span<const std::byte> image, int side) {
          return make_thumbnail(image, side, decode);
        },
        config_.max_image_bytes);
    pipeline_ = {.prepare_threads = config_.max_workers,
                 .classify_threads = config_.max_workers,
                 .queue_capacity = 4 * config_.max_workers,
                 .max_batch = 1,
                 .nice = kWorkerNice};
    WorkerOptions worker;
    worker.pipeline = pipeline_;
    worker.receive_batch = config_.batch_size;
    worker.max_in_hand = std::max<std::size_t>(64, 16 * config_.max_workers);
    worker.max_attempts = config_.max_attempts;
    worker.visibility_timeout = config_.visibility_timeout;
    worker.max_image_bytes = config_.max_image_bytes;
    worker_ = std::make_unique<Worker>(
        Worker::Ports{*queue_, *jobs_, *objects_, *classifier_, *accounting_, metrics_}, worker);
  }

  Result<void> listen() {
    if (roles_.backend) {
      auto router = backend_router();
      if (auto port = add_server(config_.port, router); !port) return std::unexpected(port.error());
      const std::string api = url(servers_.back()->port());
      addresses_.push_back("API at " + api + ", described at " + api + "/docs");
      if (roles_.ml) {
        if (auto dashboard = listen_dashboard(router); !dashboard) return dashboard;
      }
    }
    if (roles_.ml) {
      auto router = std::make_shared<rest::Router>();
      rest::add_ml_routes(
          *router, {*jobs_, *objects_, *queue_, *classifier_, clock_, metrics_, pipeline_, limits_,
                    config_.max_image_bytes, [this] { return worker_->running(); },
                    [this] { return metrics_text(); }});
      if (auto port = add_server(config_.ml_port, router); !port)
        return std::unexpected(port.error());
      addresses_.push_back("ML service at " + url(servers_.back()->port()));
    }
    return {};
  }

  Result<void> listen_dashboard(const std::shared_ptr<const rest::Router>& router) {
    for (int offset = 0;; ++offset) {
      const auto port = static_cast<std::uint16_t>(
          config_.dashboard_port == 0 ? 0 : config_.dashboard_port + offset);
      auto added = add_server(port, router);
      if (added) break;
      if (offset + 1 == kDashboardPorts || config_.dashboard_port == 0) return added;
    }
    addresses_.push_back("page at " + url(servers_.back()->port()));
    return {};
  }

  std::shared_ptr<const rest::Router> backend_router() {
    auto router = std::make_shared<rest::Router>();
    rest::add_backend_routes(
        *router, {*job_service_, *image_service_, *jobs_, *objects_, *queue_, *classifier_, clock_,
                  config_.public_base_url,
                  [this](const std::string& key, const std::string& type,
                         const std::map<std::string, std::string>& query, const std::string& body) {
                    return receive_upload(key, type, query, body);
                  },
                  [this] { return metrics_text(); }});
    rest::add_dashboard_routes(*router, config_.dashboard_dir);
    rest::add_documentation_routes(*router);
    return router;
  }

  Result<void> receive_upload(const std::string& key, const std::string& type,
                              const std::map<std::string, std::string>& query,
                              const std::string& body) {
    const auto value = [&](const char* name) {
      const auto found = query.find(name);
      return found == query.end() ? std::string{} : found->second;
    };
    auto verified = objects_->urls().verify(key, value("content_type"), value("expires"),
                                            value("signature"), clock_.now());
    if (!verified) return verified;
    if (type != value("content_type")) {
      return fail(ErrorCode::kForbidden, "the upload URL is for Content-Type " +
                                             value("content_type") + ", not \"" +
                                             type.substr(0, 100) + "\"");
    }
    if (body.size() > config_.max_image_bytes) {
      return fail(ErrorCode::kTooLarge,
                  "the image has " + std::to_string(body.size()) + " bytes; at most " +
                      std::to_string(config_.max_image_bytes) + " are allowed");
    }
    auto writer = objects_->write(Bucket::kInput, key);
    if (!writer) return std::unexpected(writer.error());
    if (auto written = (*writer)->write(std::as_bytes(std::span(body))); !written) return written;
    return (*writer)->commit();
  }

  Result<void> add_server(std::uint16_t port, std::shared_ptr<const rest::Router> router) {
    rest::ServerOptions options;
    options.address = config_.bind_address;
    options.port = port;
    options.api_keys = config_.api_keys;
    options.allowed_origins = config_.allowed_origins;
    options.observe = [this](const std::string& method, const std::string& route, int status,
                             double seconds) {
      metrics_.http_request(method, route, status, seconds);
    };
    auto server = rest::Server::listen(std::move(options), std::move(router));
    if (!server) return std::unexpected(server.error());
    servers_.push_back(std::move(*server));
    return {};
  }

  std::string url(std::uint16_t port) const {
    const bool any = config_.bind_address == "0.0.0.0" || config_.bind_address == "::";
    const bool local = any || config_.bind_address == "127.0.0.1";
    return "http://" + (local ? "localhost" : config_.bind_address) + ":" + std::to_string(port);
  }

  std::string metrics_text() {
    return metrics_.text([this] {
      std::vector<std::pair<std::string, double>> gauges{
          {"images_in_hand", static_cast<double>(worker_->in_hand())}};
      if (const auto depth = queue_->depth()) {
        gauges.emplace_back("queue_visible", static_cast<double>(depth->visible));
        gauges.emplace_back("queue_in_flight", static_cast<double>(depth->in_flight));
        gauges.emplace_back("queue_dead", static_cast<double>(depth->dead));
        gauges.emplace_back("queue_oldest_age_seconds",
                            static_cast<double>(depth->oldest_age.count()) / 1e3);
      }
      return gauges;
    });
  }

  void warn_of_open_door() const {
    if (config_.api_keys.empty() && config_.bind_address != "127.0.0.1" &&
        config_.bind_address != "::1") {
      spdlog::warn("anybody who reaches {} may do everything: set API_KEYS", config_.bind_address);
    }
  }

  Config config_;
  Roles roles_;
  JobLimits limits_;
  SystemClock clock_;
  PrometheusMetrics metrics_;
  SpecCache specs_;
  PipelineOptions pipeline_;
  std::unique_ptr<ProcessLock> process_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<FileObjectStore> objects_;
  std::unique_ptr<SqliteJobStore> jobs_;
  std::unique_ptr<SqliteWorkQueue> queue_;
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<Accounting> accounting_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<JobService> job_service_;
  std::unique_ptr<ImageService> image_service_;
  std::unique_ptr<Worker> worker_;
  std::vector<std::unique_ptr<rest::Server>> servers_;
  std::vector<std::string> addresses_;
};

int serve(const Config& config, Roles roles) {
  catch_interrupts();
  auto service = Service::open(config, roles);
  if (!service) return complain(service.error(), kSomeFailed);
  (*service)->start();
  while (!interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
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
