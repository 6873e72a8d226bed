// The routes of the two services, on top of the use cases.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "adapters/rest/router.hpp"
#include "ports/classifier.hpp"
#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/metrics.hpp"
#include "ports/object_store.hpp"
#include "ports/work_queue.hpp"
#include "services/image_service.hpp"
#include "services/job_service.hpp"
#include "services/pipeline.hpp"

namespace classifier::rest {

// Takes the bytes that a client PUTs to an upload URL: checks the URL, and stores them.
using ReceiveUpload = std::function<Result<void>(
    const std::string& key, const std::string& content_type,
    const std::map<std::string, std::string>& query, const std::string& body)>;

struct BackendApi {
  JobService& jobs;
  ImageService& images;
  JobStore& job_store;
  ObjectStore& objects;
  WorkQueue& queue;
  Classifier& classifier;
  const Clock& clock;
  std::string public_base_url;           // empty: from the request's Host
  ReceiveUpload receive_upload;          // empty where the store takes uploads itself
  std::function<std::string()> metrics;  // Prometheus text
};

void add_backend_routes(Router& router, BackendApi api);

struct MlApi {
  JobStore& job_store;
  ObjectStore& objects;
  WorkQueue& queue;
  Classifier& classifier;
  const Clock& clock;
  Metrics& metrics_port;
  PipelineOptions pipeline;
  JobLimits limits;
  std::uint64_t max_image_bytes;
  std::function<bool()> worker_runs;
  std::function<std::string()> metrics;
};

void add_ml_routes(Router& router, MlApi api);

// Serves the files of the built dashboard, its index at "/"; a plain page says how to build it
// where it is missing. The files are read once, when the routes are made.
void add_dashboard_routes(Router& router, const std::filesystem::path& folder);

// GET /openapi.json and GET /docs.
void add_documentation_routes(Router& router);

}  // namespace classifier::rest
