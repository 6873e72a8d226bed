// Where a service keeps its images, jobs and queue. Each kind of stores is a file <kind>_stores.cpp
// and a line in stores.cpp.
#pragma once

#include <chrono>
#include <memory>

#include "apps/config.hpp"
#include "domain/error.hpp"

namespace classifier {

class CallObserver;
class Catalogue;
class Clock;
class ContentChanges;
class ContentHashes;
class EmbeddingStore;
class ImageNames;
class JobDrafts;
class JobStore;
class LabelSets;
class ObjectStore;
class StatusQueue;
class Trash;
class UploadReceiver;
class VectorIndex;
class WorkQueue;
struct WorkerOptions;

class Stores {
 public:
  virtual ~Stores() = default;
  virtual JobStore& jobs() = 0;
  virtual WorkQueue& queue() = 0;
  virtual ObjectStore& objects() = 0;
  // The queue by which workers report to backends; null if workers count results themselves.
  virtual StatusQueue* status_queue() { return nullptr; }
  // Receives uploads through this service; null if clients upload to the store directly.
  virtual UploadReceiver* uploads() { return nullptr; }

  virtual ImageNames& image_names() = 0;
  virtual LabelSets& label_sets() = 0;
  virtual Trash& trash() = 0;
  // Null where these stores have none.
  virtual Catalogue* catalogue() { return nullptr; }
  virtual JobDrafts* job_drafts() { return nullptr; }
  // What models saw; null where nothing is remembered.
  virtual EmbeddingStore* embeddings() { return nullptr; }
  // What is known of the contents of images; null where the catalogue knows it, or nothing is
  // remembered.
  virtual ContentHashes* content_hashes() { return nullptr; }
  // What models saw within this time is stored together.
  virtual std::chrono::milliseconds gather_time() const { return std::chrono::milliseconds(200); }
  virtual ContentChanges* content_changes() { return nullptr; }
  virtual VectorIndex* vector_index() { return nullptr; }
  // Keeps the catalogue as the images are, from now on; for the one that answers lists.
  virtual void follow_images() {}
  // Looks at all images again, soon.
  virtual void look_again() {}

  // Adapts the options of a worker, whose defaults fit local stores, to these stores.
  virtual void adapt(WorkerOptions& /*options*/) const {}
  // Makes calls that wait for a network fail, now and from now on.
  virtual void stop_calls() {}
  // Whether reading a job never waits for a network.
  virtual bool reads_jobs_at_once() const { return true; }
};

// Opens the configured kind of stores. `clock` and `observer` outlive the stores.
Result<std::unique_ptr<Stores>> open_stores(const Config& config, const Clock& clock,
                                            CallObserver& observer);

// Whether all stores respond; the error says which one does not.
Result<void> stores_answer(Stores& stores);

// One function for each kind of stores.
Result<std::unique_ptr<Stores>> open_embedded_stores(const Config& config, const Clock& clock,
                                                     CallObserver& observer);
Result<std::unique_ptr<Stores>> open_aws_stores(const Config& config, const Clock& clock,
                                                CallObserver& observer);

}  // namespace classifier
