// `classifier serve`, `backend` and `ml-service`: connects the services to their adapters.
#include <spdlog/fmt/fmt.h>
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
#include "adapters/api/static_files.hpp"
#include "adapters/http/server.hpp"
#include "adapters/image/decode.hpp"
#include "adapters/image/image_decoder.hpp"
#include "adapters/image/image_facts.hpp"
#include "adapters/inference/model_folder.hpp"
#include "adapters/metrics/prometheus_metrics.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/memory_plan.hpp"
#include "apps/processor.hpp"
#include "apps/stores.hpp"
#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "ports/status_queue.hpp"
#include "ports/trash.hpp"
#include "ports/upload_receiver.hpp"
#include "ports/work_queue.hpp"
#include "services/accounting.hpp"
#include "services/catalogue_contents.hpp"
#include "services/dispatcher.hpp"
#include "services/duplicates_service.hpp"
#include "services/image_memory.hpp"
#include "services/indexer.hpp"
#include "services/label_advisor.hpp"
#include "services/retention.hpp"
#include "services/search_service.hpp"
#include "services/seeing.hpp"
#include "services/status_consumer.hpp"
#include "services/thumbnail_maker.hpp"
#include "services/trash_service.hpp"
#include "services/watchdog.hpp"
#include "services/worker.hpp"
#include "support/disk_cache.hpp"
#include "support/memory_budget.hpp"
#include "support/pause.hpp"

namespace classifier {
namespace {

// Ports to try for the page, from DASHBOARD_PORT on.
constexpr int kDashboardPorts = 20;
constexpr int kWorkerNice = 10;
// How long requests in progress may take at shutdown.
constexpr std::chrono::seconds kDrainTime{10};
// From the request to stop until calls of stores that do not answer are ended, and from then until
// the process ends whatever still runs. Together less than the 30 seconds that supervisors grant.
constexpr std::chrono::seconds kCallTime{20};
constexpr std::chrono::seconds kLastTime{7};

constexpr std::size_t kThumbnailCache = 32 << 20;  // bytes, at most

// Characters; shorter keys in API_KEYS could be guessed.
constexpr std::size_t kShortKey = 20;

void log_change(const std::string& what, bool succeeded) {
  spdlog::log(succeeded ? spdlog::level::info : spdlog::level::err, "{}", what);
}

struct Roles {
  bool backend = true;
  bool ml = true;
};

ModelsMemory models_memory(const Config& config) {
  ModelsMemory needed;
  for (const auto& model : make_openvino_classifier(inference_options(config))->models()) {
    const auto folder = read_model_folder(config.models_dir / model.name);
    if (!folder) continue;
    (model.is_default ? needed.of_default : needed.of_others) += estimated_memory(*folder);
  }
  return needed;
}

// The objects of a running service. Members are constructed in order and destroyed in reverse.
class Service {
 public:
  static Result<std::unique_ptr<Service>> open(const Config& config, Roles roles) {
    std::unique_ptr<Service> service(new Service(config, roles));
    if (auto planned = service->plan_memory(); !planned) return std::unexpected(planned.error());
    auto stores = open_stores(config, service->clock_, service->metrics_);
    if (!stores) return std::unexpected(stores.error());
    service->stores_ = std::move(*stores);
    if (auto opened = service->open_decoders(); !opened) return std::unexpected(opened.error());
    service->build();
    if (auto usable = service->check_models(); !usable) return std::unexpected(usable.error());
    if (auto access = service->open_access(); !access) return std::unexpected(access.error());
    if (auto tls = service->open_tls(); !tls) return std::unexpected(tls.error());
    if (auto listening = service->listen(); !listening) return std::unexpected(listening.error());
    return service;
  }

  ~Service() {
    const std::jthread deadline([this](const std::stop_token& done) { enforce_end(done); });
    // Requests end first, so that nothing new is accepted; then images in progress are finished and
    // stored.
    if (worker_) worker_->stop_taking();
    {
      const std::jthread late([this](const std::stop_token& done) {
        pause(kDrainTime, done);
        stopping_.request_stop();
      });
      if (server_) server_->stop(kDrainTime);
    }
    if (thumbnail_maker_) thumbnail_maker_->stop();
    if (indexer_) indexer_->stop();
    if (dispatcher_) dispatcher_->stop();
    if (retention_) retention_->stop();
    if (worker_) worker_->stop();
    if (status_consumer_) status_consumer_->stop();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void start() {
    if (roles_.backend) {
      stores_->follow_images();
      dispatcher_->start();
      retention_->start();
      if (status_consumer_) status_consumer_->start();
      if (thumbnail_maker_) thumbnail_maker_->start();
    }
    if (roles_.ml) worker_->start();
    if (indexer_) indexer_->start();
    server_->start();
    for (const auto& line : addresses_) spdlog::info("{}", line);
    warn_about_access();
  }

  // Reads the key file, the certificate and the folder of images again without waiting for the next
  // check.
  void reload() {
    stores_->look_again();
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

  // A configured model must exist. Without any model the service runs, and refuses submissions with
  // status 503.
  Result<void> check_models() const {
    const std::array<std::pair<JobType, const std::string*>, 2> wanted{
        {{JobType::kImageClassification, &config_.image_model},
         {JobType::kCustomClassification, &config_.custom_model}}};
    for (const auto& [type, name] : wanted) {
      const auto model = classifier_->resolve(type, *name);
      if (model) continue;
      if (!name->empty()) return std::unexpected(model.error());
      spdlog::warn("{}; until then jobs of this type are refused", model.error().message);
    }
    return {};
  }

  // Shares out the memory, before anything large is made.
  Result<void> plan_memory() {
    auto plan = classifier::plan_memory(memory_limit(config_),
                                        roles_.ml ? models_memory(config_) : ModelsMemory());
    if (!plan) return std::unexpected(plan.error());
    plan_ = *plan;
    decoding_ = std::make_unique<MemoryBudget>(plan_.decoding);
    files_ = std::make_unique<MemoryBudget>(plan_.files);
    spdlog::debug(
        "memory: {} MB; models {} and {}, decoding {}, files for thumbnails {}, bodies {}, answers "
        "{}, "
        "caches {}, the program {}",
        plan_.limit >> 20, plan_.models >> 20, plan_.other_models >> 20, plan_.decoding >> 20,
        plan_.files >> 20, plan_.bodies >> 20, plan_.answers >> 20, plan_.caches >> 20,
        plan_.program >> 20);
    return {};
  }

  void build() {
    auto inference = inference_options(config_);
    inference.nice = kWorkerNice;
    inference.decoder = decoder_;
    inference.max_label_bytes = plan_.caches - thumbnail_cache_bytes();
    inference.extra_model_memory = plan_.other_models;
    classifier_ = make_openvino_classifier(std::move(inference));
    // A backend by itself has no memory for models.
    label_advisor_ = std::make_unique<LabelAdvisor>(roles_.ml ? classifier_.get() : nullptr);
    label_sets_ = std::make_unique<LabelSetService>(stores_->label_sets(), clock_);
    accounting_ = std::make_unique<Accounting>(stores_->jobs(), clock_);
    dispatcher_ = std::make_unique<Dispatcher>(stores_->jobs(), stores_->queue());
    job_service_ = std::make_unique<JobService>(
        stores_->jobs(), stores_->queue(), *classifier_, clock_, metrics_, limits_,
        [this] { dispatcher_->wake(); }, RuleStores{stores_->catalogue(), stores_->job_drafts()},
        [this] { retention_->wake(); });
    KeptThumbnails kept;
    Catalogue* const catalogue = stores_->catalogue();
    if (roles_.backend && catalogue != nullptr && config_.thumbnail_store_mb > 0) {
      thumbnails_ = std::make_unique<DiskCache>(config_.data_dir / "thumbnails",
                                                config_.thumbnail_store_mb << 20);
      kept.cache = thumbnails_.get();
      kept.content_hash = [catalogue](std::string_view key, std::string_view etag) {
        return content_hash(*catalogue, key, etag);
      };
      kept.in_use = [catalogue](std::string_view sha256) {
        return catalogue->has_content(sha256).value_or(true);
      };
    }
    // Where the service decodes by itself, an image that hangs would end it, though nobody asked.
    if (kept.cache != nullptr && config_.decode_isolation == "on") {
      // With the decoders of the jobs, which have nothing to do meanwhile, and a low priority.
      idle_image_service_ = std::make_unique<ImageService>(
          stores_->objects(), clock_,
          [this](std::span<const std::byte> image, int side) {
            return make_thumbnail(*decoder_, image, side);
          },
          config_.max_image_bytes, *files_, kept, &stores_->image_names(), catalogue);
      thumbnail_maker_ =
          std::make_unique<ThumbnailMaker>(*idle_image_service_, [this] { return idle(); });
    }
    image_service_ = std::make_unique<ImageService>(
        stores_->objects(), clock_,
        [this](std::span<const std::byte> image, int side) {
          return make_thumbnail(*thumbnail_decoder_, image, side);
        },
        config_.max_image_bytes, *files_, kept, &stores_->image_names(), catalogue,
        &stores_->trash(), forget_seen());
    trash_service_ = std::make_unique<TrashService>(
        stores_->trash(), *image_service_, clock_, std::chrono::days(config_.trash_retention_days));
    retention_ = std::make_unique<Retention>(stores_->jobs(), stores_->objects(), clock_,
                                             std::chrono::days(config_.job_retention_days),
                                             trash_service_.get());
    image_details_ = std::make_unique<ImageDetailsService>(
        stores_->objects(), read_image_facts, *files_, &stores_->image_names(), catalogue);
    if (auto* const embeddings = stores_->embeddings()) {
      ContentHashes* hashes = stores_->content_hashes();
      if (hashes == nullptr && catalogue != nullptr) {
        contents_ = std::make_unique<CatalogueContents>(*catalogue, stores_->objects());
        hashes = contents_.get();
      }
      memory_ =
          std::make_unique<ImageMemory>(*classifier_, *embeddings, hashes, stores_->gather_time());
    }
    WorkerOptions worker;
    worker.pipeline = {
        .fetch_threads = 0,
        .prepare_threads = config_.max_workers,
        .classify_threads = config_.max_workers,
        .queue_capacity = 8 * config_.max_workers,
        .nice = kWorkerNice,
        .prepare_watchdog = decoder_watchdog(),
        .watchdog = &watchdog_,
        .memory = decoding_.get(),
        .decoding_memory =
            [this](std::span<const std::byte> image) { return decoding_memory(image); },
        .image_memory = memory_.get()};
    worker.receive_batch = config_.batch_size;
    worker.max_in_hand = std::max<std::size_t>(64, 16 * config_.max_workers);
    worker.max_attempts = config_.max_attempts;
    worker.visibility_timeout = config_.visibility_timeout;
    worker.max_image_bytes = config_.max_image_bytes;
    stores_->adapt(worker);
    pipeline_ = worker.pipeline;
    if (memory_ && catalogue != nullptr && stores_->content_changes() != nullptr) build_search();
    ResultSink* results = accounting_.get();
    if (auto* const status_queue = stores_->status_queue()) {
      results = status_queue;
      status_consumer_ = std::make_unique<StatusConsumer>(*status_queue, *accounting_, metrics_);
    }
    worker_ = std::make_unique<Worker>(
        Worker::Ports{stores_->queue(), stores_->jobs(), stores_->objects(), *classifier_, *results,
                      metrics_},
        worker);
  }

  // Forgets what is known of an image that is gone. Null where the catalogue is followed.
  ImageService::Gone forget_seen() {
    ContentHashes* const hashes = stores_->content_hashes();
    EmbeddingStore* const embeddings = stores_->embeddings();
    if (hashes == nullptr || embeddings == nullptr) return nullptr;
    return [hashes, embeddings](const std::string& key) {
      Result<void> forgotten;
      if (const auto content = hashes->forget(key); !content) {
        forgotten = std::unexpected(content.error());
      } else if (*content) {
        // Whether another image has it is not known; such a one is looked at again.
        forgotten = embeddings->forget({&**content, 1});
      }
      if (!forgotten) {
        spdlog::warn("what was remembered of {} is left until it expires: {}", key,
                     forgotten.error().message);
      }
    };
  }

  void build_search() {
    Catalogue& catalogue = *stores_->catalogue();
    ContentChanges& changes = *stores_->content_changes();
    EmbeddingStore& embeddings = *stores_->embeddings();
    if (roles_.ml) {
      PipelineOptions pipeline = pipeline_;
      pipeline.prepare_threads = pipeline.classify_threads = 1;
      pipeline.queue_capacity = 4;
      seeing_ = std::make_unique<Seeing>(*classifier_, stores_->objects(), pipeline,
                                         config_.max_image_bytes);
    }
    indexer_ = std::make_unique<Indexer>(
        Indexer::Ports{catalogue, changes, embeddings}, seeing_.get(), [this] { return idle(); },
        // Where the service decodes by itself, an image that hangs would end it, though nobody
        // asked.
        config_.index_uploads == "on" && config_.decode_isolation == "on");
    VectorIndex* const vectors = stores_->vector_index();
    if (seeing_ == nullptr || vectors == nullptr) return;
    search_ = std::make_unique<SearchService>(
        SearchService::Ports{catalogue, *classifier_, embeddings, *vectors, *seeing_, *indexer_});
    duplicates_ = std::make_unique<DuplicatesService>(
        DuplicatesService::Ports{catalogue, changes, embeddings, *vectors, *seeing_});
  }

  // Whether no image is decoded here, and none of a job waits or is in progress anywhere.
  bool idle() {
    if (worker_->in_hand() > 0 || decoding_->used() > 0) return false;
    const auto depth = stores_->queue().depth();
    return depth && depth->visible == 0 && depth->in_flight == 0;
  }

  Result<std::string> make_thumbnail(ImageDecoder& decoder, std::span<const std::byte> image,
                                     int side) {
    std::uint64_t needed = 0;
    {
      const Watchdog::Watch watch(decoder_watchdog(), "a thumbnail");
      needed = decoding_memory(image);
    }
    // Beside the threads of the jobs.
    const std::size_t most_waiting =
        pipeline_.fetch_threads + pipeline_.prepare_threads + ImageService::kMostWaiting;
    MemoryShare memory(*decoding_);
    if (!memory.wait_for(needed, std::chrono::steady_clock::now() + ImageService::kPatience,
                         most_waiting)) {
      return fail(ErrorCode::kUnavailable,
                  "the server is busy with other images: try again in a moment");
    }
    const Watchdog::Watch watch(decoder_watchdog(), "a thumbnail");
    return decoder.thumbnail(image, side);
  }

  // What decoding an image takes beside its file, at most about.
  std::uint64_t decoding_memory(std::span<const std::byte> image) const {
    // No byte of an image is interpreted here, but the processes have a limit.
    if (config_.decode_isolation == "on") return config_.decode_memory_mb << 20;
    const auto info = probe_image(image, decode_limits(config_));
    if (!info) return 0;  // it is refused before it takes any
    // WebP is decoded to four bytes a pixel before it becomes RGB.
    const std::uint64_t per_pixel = info->format == ImageFormat::kWebp ? 8 : 4;
    const std::uint64_t whole = static_cast<std::uint64_t>(info->width) *
                                static_cast<std::uint64_t>(info->height) * per_pixel;
    return std::min(whole, config_.decode_memory_mb << 20);  // what needs more is refused
  }

  static std::optional<std::string> content_hash(Catalogue& catalogue, std::string_view key,
                                                 std::string_view etag) {
    const std::string text(key);
    const auto found = catalogue.find({&text, 1});
    if (!found || found->empty() || found->front().etag != etag || found->front().sha256.empty())
      return std::nullopt;
    return found->front().sha256;
  }

  std::size_t thumbnail_cache_bytes() const {
    return std::min<std::size_t>(kThumbnailCache, plan_.caches / 4);
  }

  // Thumbnails have processes of their own, so that the page does not wait for a job.
  Result<void> open_decoders() {
    if (!config_.decode_memory_is_set) {
      config_.decode_memory_mb =
          std::clamp<std::uint64_t>(plan_.decoding >> 20, 64, config_.decode_memory_mb);
    }
    auto decoder = open_decoder(config_, config_.max_workers, kWorkerNice);
    if (!decoder) return std::unexpected(decoder.error());
    decoder_ = std::move(*decoder);
    if (!roles_.backend) return {};
    auto thumbnails = open_decoder(config_, std::max<std::size_t>(config_.max_workers / 2, 1));
    if (!thumbnails) return std::unexpected(thumbnails.error());
    thumbnail_decoder_ = std::move(*thumbnails);
    return {};
  }

  // Decoder processes are ended alone; see there.
  Watchdog* decoder_watchdog() { return config_.decode_isolation == "on" ? nullptr : &watchdog_; }

  // A single thread cannot be killed, so the process ends. After the restart the image's message is
  // delivered again, alone, until MAX_ATTEMPTS is reached.
  [[noreturn]] void end_hung_process(const std::string& what) const {
    spdlog::critical(
        "{} took longer than IMAGE_TIMEOUT, {} seconds: exiting with code {} so that the "
        "supervisor "
        "restarts this process",
        what, config_.image_timeout.count(), kHung);
    spdlog::default_logger()->flush();
    std::_Exit(kHung);
  }

  // Nothing is lost: what is not reported is delivered again.
  void enforce_end(const std::stop_token& done) {
    if (!pause(kCallTime, done)) return;
    spdlog::warn("some calls of stores do not end: they are given up");
    stores_->stop_calls();
    if (!pause(kLastTime, done)) return;
    spdlog::error("some images do not end: exiting without them; they are classified again later");
    spdlog::default_logger()->flush();
    std::_Exit(0);
  }

  // Keys, origins and rate limits; the same for every port.
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
                            .allowed_hosts = config_.allowed_hosts,
                            .public_base_url = config_.public_base_url,
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
    limits.body_memory = plan_.bodies;
    limits.answer_memory = plan_.answers;
    server_ = std::make_unique<http::Server>(http::ServerOptions{
        .io_threads = 2, .blocking_threads = 8, .limits = limits, .observer = &metrics_});
    if (roles_.backend) {
      auto router = backend_router();
      const auto port = add_port(config_.port, router);
      if (!port) return std::unexpected(port.error());
      const std::string api = url(*port);
      addresses_.push_back(fmt::format("API at {0}, described at {0}/docs", api));
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
      addresses_.push_back(fmt::format("ML service at {}", url(*port)));
    }
    return {};
  }

  Result<void> listen_dashboard(const std::shared_ptr<const http::Router>& router) {
    for (int offset = 0;; ++offset) {
      const auto wanted = static_cast<std::uint16_t>(
          config_.dashboard_port == 0 ? 0 : config_.dashboard_port + offset);
      const auto port = add_port(wanted, router);
      if (port) {
        addresses_.push_back(fmt::format("page at {}", url(*port)));
        return {};
      }
      if (offset + 1 == kDashboardPorts || wanted == 0) return std::unexpected(port.error());
    }
  }

  std::shared_ptr<const http::Router> backend_router() {
    auto router = std::make_shared<http::Router>();
    api::add_backend_routes(*router, {.job_service = *job_service_,
                                      .jobs = stores_->jobs(),
                                      .images = *image_service_,
                                      .details = *image_details_,
                                      .objects = stores_->objects(),
                                      .queue = stores_->queue(),
                                      .classifier = *classifier_,
                                      .clock = clock_,
                                      .label_advisor = label_advisor_.get(),
                                      .names = &stores_->image_names(),
                                      .catalogue = stores_->catalogue(),
                                      .label_sets = label_sets_.get(),
                                      .trash = trash_service_.get(),
                                      .search = search_.get(),
                                      .duplicates = duplicates_.get(),
                                      .indexer = seeing_ ? indexer_.get() : nullptr,
                                      .uploads = stores_->uploads(),
                                      .max_upload_bytes = config_.max_image_bytes,
                                      .thumbnail_cache_bytes = thumbnail_cache_bytes(),
                                      .public_base_url = config_.public_base_url,
                                      .version = CLASSIFIER_VERSION,
                                      .temporary_folder = config_.stores == StoreKind::kEmbedded
                                                              ? config_.data_dir
                                                              : std::filesystem::path(),
                                      .uploaded =
                                          [this](std::string_view key) {
                                            if (thumbnail_maker_)
                                              thumbnail_maker_->offer(std::string(key));
                                          },
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
    return fmt::format("{}://{}:{}", tls_ ? "https" : "http",
                       local ? "localhost" : config_.bind_address, port);
  }

  std::string metrics_text() {
    PresentState state;
    if (const auto depth = stores_->queue().depth()) state.queue = *depth;
    state.images_in_hand = worker_->in_hand();
    state.worker_running = worker_->running();
    state.memory = {{"program", plan_.program, {}},
                    {"models", plan_.models, {}},
                    {"other_models", plan_.other_models, {}},
                    {"caches", plan_.caches, {}},
                    {"decoding", plan_.decoding, decoding_->used()},
                    {"files", plan_.files, files_->used()},
                    {"bodies", plan_.bodies, server_->body_memory().used()},
                    {"answers", plan_.answers, server_->answer_memory().used()}};
    return metrics_.text(state);
  }

  void warn_about_access() const {
    if (!keys_->in_force() && !binds_to_loopback(config_)) {
      spdlog::warn(
          "no API key is needed: anyone who can reach {} has full access; run `classifier keys "
          "add` "
          "or set API_KEYS",
          config_.bind_address);
    }
    const auto is_short = [](const ApiKey& key) { return key.secret.size() < kShortKey; };
    if (std::ranges::any_of(config_.api_keys, is_short)) {
      spdlog::warn(
          "API_KEYS contains a key that is short enough to be guessed: use {} characters or more",
          kShortKey);
    }
  }

  Config config_;
  Roles roles_;
  JobLimits limits_;
  SystemClock clock_;
  PrometheusMetrics metrics_;
  MemoryPlan plan_;
  std::unique_ptr<MemoryBudget> decoding_;
  std::unique_ptr<MemoryBudget> files_;
  PipelineOptions pipeline_;
  Watchdog watchdog_;
  std::stop_source stopping_;  // ends requests that take longer than kDrainTime
  std::unique_ptr<Stores> stores_;
  std::shared_ptr<ImageDecoder> decoder_;
  std::shared_ptr<ImageDecoder> thumbnail_decoder_;
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<LabelAdvisor> label_advisor_;
  std::unique_ptr<LabelSetService> label_sets_;
  std::unique_ptr<Accounting> accounting_;
  std::unique_ptr<StatusConsumer> status_consumer_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<JobService> job_service_;
  std::unique_ptr<DiskCache> thumbnails_;  // null: none are kept
  std::unique_ptr<ImageService> image_service_;
  std::unique_ptr<TrashService> trash_service_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<ImageDetailsService> image_details_;
  std::unique_ptr<ImageService> idle_image_service_;
  std::unique_ptr<ThumbnailMaker> thumbnail_maker_;
  std::unique_ptr<CatalogueContents> contents_;
  std::unique_ptr<ImageMemory> memory_;  // null: nothing is remembered
  // Null where images cannot be searched.
  std::unique_ptr<Seeing> seeing_;
  std::unique_ptr<Indexer> indexer_;
  std::unique_ptr<SearchService> search_;
  std::unique_ptr<DuplicatesService> duplicates_;
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
    if (reload_requested()) (*service)->reload();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  spdlog::info("stopping: finishing the images in progress");
  service->reset();
  return 0;
}

}  // namespace

void add_serve_commands(CLI::App& app, const SetRun& set_run) {
  const auto add = [&](const char* name, const char* help, Roles roles, HelpNotes notes) {
    auto* command = app.add_subcommand(name, help);
    command->group("Service");
    command->callback([set_run, roles] {
      set_run([roles](const Config& config) { return serve(config, roles); });
    });
    set_help_notes(*command, std::move(notes));
  };
  add("serve", "Run the whole service in one process: API, web page and workers",
      {.backend = true, .ml = true},
      {.settings_of = kServe,
       .examples = {
           {"classifier serve --data-dir /srv/photos", "Keep images and jobs in another folder"},
           {"classifier keys add me --role admin && classifier serve --bind-address 0.0.0.0",
            "Let other machines in, with an API key"},
       }});
  add("backend",
      "Run only the API and web page; `classifier ml-service` processes classify the images",
      {.backend = true, .ml = false},
      {.settings_of = kBackend,
       .examples = {{"classifier backend --data-dir /srv/photos",
                     "Then start `classifier ml-service --data-dir /srv/photos`, once or "
                     "several times"}}});
  add("ml-service", "Run only the workers that classify images, and the ML service's API",
      {.backend = false, .ml = true},
      {.settings_of = kMlService,
       .examples = {{"classifier ml-service --data-dir /srv/photos --max-workers 2 --ml-port 8002",
                     "A second ML service on the same machine, with two workers"}}});
}

}  // namespace classifier
