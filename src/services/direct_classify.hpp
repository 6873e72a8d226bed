// Classifies a few images without a stored job: `POST /classify` of the ML service.
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "domain/job.hpp"
#include "ports/classifier.hpp"
#include "ports/clock.hpp"
#include "ports/metrics.hpp"
#include "ports/object_store.hpp"
#include "services/pipeline.hpp"

namespace classifier {

struct DirectImage {
  std::string key;  // in the input bucket, or the name of an inline image
  // Inline bytes, which outlive the call; absent: read from the store.
  std::optional<std::span<const std::byte>> content;
};

struct DirectPorts {
  ObjectStore& objects;
  Classifier& classifier;
  Metrics& metrics;
  const Clock& clock;
};

struct DirectOptions {
  PipelineOptions pipeline;
  std::uint64_t max_image_bytes = 64ULL << 20;
};

struct DirectResult {
  Job job;                           // final, with its counts
  std::vector<ImageRecord> records;  // one for each image, in order
};

// Runs the images through a pipeline of its own and waits for all of them. An image that fails does
// not fail the others. Classified images from the store are copied to the output bucket. If `stop`
// is requested, no more images are started and the result is kUnavailable.
Result<DirectResult> classify_now(std::string job_id, const std::shared_ptr<const JobSpec>& spec,
                                  std::vector<DirectImage> images, const DirectPorts& ports,
                                  const DirectOptions& options, const std::stop_token& stop);

}  // namespace classifier
