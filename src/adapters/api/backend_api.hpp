// The HTTP API of the backend service; openapi.json describes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "adapters/http/router.hpp"
#include "ports/catalogue.hpp"
#include "ports/classifier.hpp"
#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/object_store.hpp"
#include "ports/upload_receiver.hpp"
#include "ports/work_queue.hpp"
#include "services/duplicates_service.hpp"
#include "services/image_details.hpp"
#include "services/image_service.hpp"
#include "services/indexer.hpp"
#include "services/job_service.hpp"
#include "services/label_advisor.hpp"
#include "services/label_set_service.hpp"
#include "services/search_service.hpp"
#include "services/trash_service.hpp"

namespace classifier::api {

// Everything that is referred to outlives the server.
struct BackendApi {
  JobService& job_service;
  JobStore& jobs;
  ImageService& images;
  ImageDetailsService& details;
  ObjectStore& objects;
  WorkQueue& queue;
  Classifier& classifier;
  const Clock& clock;
  LabelAdvisor* label_advisor = nullptr;  // null: labels are accepted without warnings
  ImageNames* names = nullptr;            // may be null
  Catalogue* catalogue = nullptr;         // null where the stores have none
  LabelSetService* label_sets = nullptr;  // null: there are no routes of label sets
  TrashService* trash = nullptr;          // may be null
  // All three are null where nothing is remembered, or this process has no models.
  SearchService* search = nullptr;
  DuplicatesService* duplicates = nullptr;
  Indexer* indexer = nullptr;
  // The store that receives uploads. Null if clients upload to another server, such as S3: then
  // there is no upload route.
  UploadReceiver* uploads = nullptr;
  std::uint64_t max_upload_bytes = 64ULL << 20;
  std::size_t thumbnail_cache_bytes = 32 << 20;
  // The URL under which clients reach this service, such as "https://images.example"; empty: the
  // Host of each request.
  std::string public_base_url;
  std::string version;
  // For large results; empty: the system's.
  std::filesystem::path temporary_folder = {};  // NOLINT(readability-redundant-member-init)
  // Called with the key of each image whose upload through this service is complete; may be empty.
  // NOLINTNEXTLINE(readability-redundant-member-init)
  std::function<void(std::string_view key)> uploaded = {};
  std::function<Result<void>()>
      stores_answer;  // for /ready; the error says which store does not answer
  std::function<std::string()> metrics_text;  // Prometheus' text form
  bool metrics_need_key = true;               // where keys are configured
  // The store reads a job without waiting, such as from a database in this process: then the I/O
  // thread answers /status itself.
  bool quick_jobs = false;
};

// Adds all routes, including /openapi.json and /docs.
void add_backend_routes(http::Router& router, BackendApi api);

}  // namespace classifier::api
