// The HTTP API of the ML service: health, metrics, and classification without a job.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "adapters/http/router.hpp"
#include "ports/classifier.hpp"
#include "ports/clock.hpp"
#include "ports/metrics.hpp"
#include "ports/object_store.hpp"
#include "services/job_service.hpp"
#include "services/pipeline.hpp"

namespace classifier::api {

// Everything that is referred to outlives the server.
struct MlApi {
  ObjectStore& objects;
  Classifier& classifier;
  const Clock& clock;
  Metrics& metrics;
  PipelineOptions pipeline;
  JobLimits limits;
  std::uint64_t max_image_bytes = 64ULL << 20;
  std::uint64_t max_form_bytes = 64ULL << 20;  // of a form with images
  std::string version;
  std::function<bool()> worker_runs;
  std::function<Result<void>()>
      stores_answer;  // for /ready; the error says which store does not answer
  std::function<std::string()> metrics_text;
  bool metrics_need_key = true;  // where keys are configured
  std::stop_token stopping;      // ends calls in progress with 503
};

void add_ml_routes(http::Router& router, MlApi api);

}  // namespace classifier::api
