// Has the image-text model for search see images, outside of jobs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "domain/job.hpp"
#include "ports/classifier.hpp"
#include "ports/object_store.hpp"
#include "services/image_memory.hpp"
#include "services/pipeline.hpp"

namespace classifier {

// The model that search uses, loaded.
struct SearchModel {
  std::string name;
  std::string fingerprint;
  std::shared_ptr<const JobSpec> spec;  // without labels
};

// Thread-safe.
class Seeing {
 public:
  // `options` has a memory, into which everything goes. All that is referred to outlives this.
  Seeing(Classifier& classifier, ObjectStore& objects, PipelineOptions options,
         std::uint64_t max_image_bytes)
      : classifier_(classifier),
        objects_(objects),
        options_(std::move(options)),
        max_image_bytes_(max_image_bytes) {}

  // kUnavailable where no image-text model is installed.
  Result<SearchModel> model();

  // What the model sees in an image of the store, or remembers of it. Errors of the image.
  Result<SeenImage> stored(const SearchModel& model, const std::string& key);

  // In an image that a caller sent, which outlives the call.
  Result<SeenImage> given(const SearchModel& model, std::span<const std::byte> image);

  // Has the model see images of the store, and stores what it saw. Returns the keys of those that
  // failed for a reason that stays, which are logged.
  std::set<std::string> remember(const SearchModel& model, std::span<const std::string> keys);

 private:
  // Runs all images; calls `done` for each.
  void run(const SearchModel& model, std::span<const std::string> keys,
           std::optional<std::span<const std::byte>> content, const Pipeline::Done& done);

  Classifier& classifier_;
  ObjectStore& objects_;
  const PipelineOptions options_;
  const std::uint64_t max_image_bytes_;
  NoMetrics metrics_;  // those of jobs do not count these images
};

}  // namespace classifier
