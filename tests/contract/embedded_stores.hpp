// The embedded adapters on a temporary folder.
#pragma once

#include <fstream>
#include <optional>

#include "adapters/embedded/file_object_store.hpp"
#include "adapters/embedded/file_trash.hpp"
#include "adapters/embedded/process_lock.hpp"
#include "adapters/embedded/sqlite_catalogue.hpp"
#include "adapters/embedded/sqlite_database.hpp"
#include "adapters/embedded/sqlite_embeddings.hpp"
#include "adapters/embedded/sqlite_job_store.hpp"
#include "adapters/embedded/sqlite_label_sets.hpp"
#include "adapters/embedded/sqlite_work_queue.hpp"
#include "contract/stores.hpp"
#include "support/temp_dir.hpp"

namespace classifier::testing {

class EmbeddedStores final : public Stores {
 public:
  static constexpr std::chrono::milliseconds kVisibilityTimeout{30'000};

  EmbeddedStores() { open(); }

  ImageNames& names() override { return *catalogue_; }
  LabelSets& label_sets() override { return *label_sets_; }
  Trash& trash() override { return *trash_; }
  EmbeddingStore* embeddings() override { return embeddings_.get(); }
  SqliteCatalogue& catalogue() { return *catalogue_; }
  JobStore& jobs() override { return *jobs_; }
  WorkQueue& queue() override { return *queue_; }
  ObjectStore& objects() override { return *objects_; }
  ManualClock& clock() override { return clock_; }

  void put_object(const std::string& key, const std::string& content) override {
    auto writer = objects_->write(key);
    if (!writer) throw std::runtime_error(writer.error().message);
    if (!(*writer)->write(std::as_bytes(std::span(content))))
      throw std::runtime_error("cannot write " + key);
    if (auto committed = (*writer)->commit(); !committed)
      throw std::runtime_error(committed.error().message);
  }

  void reopen() override {
    close();
    open();
  }

  void pass(std::chrono::milliseconds time) override { clock_.advance(time); }
  std::chrono::milliseconds visibility_timeout() const override { return kVisibilityTimeout; }

  const std::filesystem::path& folder() const { return dir_.path(); }
  FileObjectStore& files() { return *objects_; }
  SqliteDatabase& database() { return *database_; }

 private:
  void open() {
    database_ = value(SqliteDatabase::open(dir_.path() / "jobs.sqlite"));
    specs_ = std::make_unique<SpecCache>();
    process_.emplace(value(ProcessLock::acquire(dir_.path() / "processes")));
    jobs_ = std::make_unique<SqliteJobStore>(*database_, *specs_);
    catalogue_ = std::make_unique<SqliteCatalogue>(*database_);
    label_sets_ = std::make_unique<SqliteLabelSets>(
        *database_, LabelSetLimits{.max_sets = kMaxSets, .max_bytes = kMaxSetBytes});
    queue_ = std::make_unique<SqliteWorkQueue>(*database_, *specs_, clock_, *process_,
                                               kVisibilityTimeout);
    objects_ = value(FileObjectStore::open(dir_.path() / "objects", "in", "out",
                                           value(UploadUrls::open(dir_.path() / "secret"))));
    trash_ = value(FileTrash::open(*database_, *objects_, clock_));
    embeddings_ =
        value(SqliteEmbeddings::open(dir_.path() / "seen.sqlite", std::uint64_t{1} << 30, clock_));
  }

  void close() {
    embeddings_.reset();
    trash_.reset();
    objects_.reset();
    queue_.reset();
    label_sets_.reset();
    catalogue_.reset();
    jobs_.reset();
    process_.reset();
    specs_.reset();
    database_.reset();
  }

  template <class T>
  static T value(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }

  TempDir dir_;
  ManualClock clock_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<SpecCache> specs_;
  std::optional<ProcessLock> process_;
  std::unique_ptr<SqliteJobStore> jobs_;
  std::unique_ptr<SqliteCatalogue> catalogue_;
  std::unique_ptr<SqliteLabelSets> label_sets_;
  std::unique_ptr<SqliteWorkQueue> queue_;
  std::unique_ptr<FileObjectStore> objects_;
  std::unique_ptr<FileTrash> trash_;
  std::unique_ptr<SqliteEmbeddings> embeddings_;
};

}  // namespace classifier::testing
