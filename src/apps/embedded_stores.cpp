// Stores on this machine: files and SQLite in DATA_DIR.
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "adapters/embedded/catalogue_sync.hpp"
#include "adapters/embedded/embedding_index.hpp"
#include "adapters/embedded/file_object_store.hpp"
#include "adapters/embedded/file_trash.hpp"
#include "adapters/embedded/process_lock.hpp"
#include "adapters/embedded/sqlite_database.hpp"
#include "adapters/embedded/sqlite_embeddings.hpp"
#include "adapters/embedded/sqlite_job_drafts.hpp"
#include "adapters/embedded/sqlite_job_store.hpp"
#include "adapters/embedded/sqlite_label_sets.hpp"
#include "adapters/embedded/sqlite_work_queue.hpp"
#include "adapters/image/image_facts.hpp"
#include "apps/stores.hpp"
#include "services/image_service.hpp"

namespace classifier {
namespace {

class EmbeddedStores final : public Stores {
 public:
  static Result<std::unique_ptr<Stores>> open(const Config& config, const Clock& clock) {
    auto stores = std::make_unique<EmbeddedStores>();
    auto process = ProcessLock::acquire(config.data_dir / "processes");
    if (!process) return std::unexpected(process.error());
    stores->process_ = std::make_unique<ProcessLock>(std::move(*process));
    auto database = SqliteDatabase::open(config.data_dir / "jobs.sqlite");
    if (!database) return std::unexpected(database.error());
    stores->database_ = std::move(*database);
    auto urls = UploadUrls::open(config.data_dir / "upload-secret");
    if (!urls) return std::unexpected(urls.error());
    auto objects = FileObjectStore::open(config.data_dir / "objects", config.input_bucket,
                                         config.output_bucket, std::move(*urls));
    if (!objects) return std::unexpected(objects.error());
    stores->objects_ = std::move(*objects);
    stores->jobs_ = std::make_unique<SqliteJobStore>(*stores->database_, stores->specs_);
    stores->queue_ = std::make_unique<SqliteWorkQueue>(
        *stores->database_, stores->specs_, clock, *stores->process_, config.visibility_timeout);
    stores->drafts_ =
        std::make_unique<SqliteJobDrafts>(*stores->database_, *stores->jobs_, *stores->process_);
    stores->label_sets_ = std::make_unique<SqliteLabelSets>(*stores->database_);
    stores->open_catalogue(clock);
    auto trash = FileTrash::open(*stores->database_, *stores->objects_, clock,
                                 [sync = stores->sync_.get()] { sync->catch_up(); });
    if (!trash) return std::unexpected(trash.error());
    stores->trash_ = std::move(*trash);
    if (config.remember == "on") stores->open_embeddings(config, clock);
    return stores;
  }

  JobStore& jobs() override { return *jobs_; }
  WorkQueue& queue() override { return *queue_; }
  ObjectStore& objects() override { return *objects_; }
  UploadReceiver* uploads() override { return objects_.get(); }
  ImageNames& image_names() override { return *catalogue_; }
  LabelSets& label_sets() override { return *label_sets_; }
  Trash& trash() override { return *trash_; }
  Catalogue* catalogue() override { return catalogue_.get(); }
  JobDrafts* job_drafts() override { return drafts_.get(); }
  EmbeddingStore* embeddings() override { return embeddings_.get(); }
  ContentChanges* content_changes() override { return catalogue_.get(); }
  VectorIndex* vector_index() override { return index_.get(); }
  void follow_images() override { sync_->start(); }
  void look_again() override { sync_->scan_again(); }

 private:
  // The service is the same without it, but slower.
  void open_embeddings(const Config& config, const Clock& clock) {
    auto embeddings = SqliteEmbeddings::open(config.data_dir / "seen.sqlite",
                                             config.remember_limit_mb << 20, clock);
    if (embeddings) {
      embeddings_ = std::move(*embeddings);
      index_ = std::make_unique<EmbeddingIndex>(*embeddings_, config.data_dir / "vectors",
                                                config.max_workers);
    } else {
      spdlog::warn("nothing is remembered of images: {}", embeddings.error().message);
    }
  }

  void open_catalogue(const Clock& clock) {
    catalogue_ = std::make_unique<SqliteCatalogue>(*database_, [this] { sync_->catch_up(); });
    const auto is_image = [](std::string_view key) { return image_content_type(key).has_value(); };
    sync_ = std::make_unique<CatalogueSync>(
        *catalogue_, *objects_, clock,
        CatalogueSyncOptions{.is_image = is_image, .read_facts = read_image_facts});
    objects_->set_observer(sync_.get());
  }

  SpecCache specs_;
  std::unique_ptr<ProcessLock> process_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<FileObjectStore> objects_;
  std::unique_ptr<FileTrash> trash_;  // objects_ asks it, also for sync_
  std::unique_ptr<SqliteJobStore> jobs_;
  std::unique_ptr<SqliteWorkQueue> queue_;
  std::unique_ptr<SqliteJobDrafts> drafts_;
  std::unique_ptr<SqliteLabelSets> label_sets_;
  std::unique_ptr<SqliteCatalogue> catalogue_;
  std::unique_ptr<CatalogueSync> sync_;
  std::unique_ptr<SqliteEmbeddings> embeddings_;  // null: nothing is remembered
  std::unique_ptr<EmbeddingIndex> index_;         // null as well
};

}  // namespace

Result<std::unique_ptr<Stores>> open_embedded_stores(const Config& config, const Clock& clock,
                                                     CallObserver& /*observer*/) {
  return EmbeddedStores::open(config, clock);
}

}  // namespace classifier
