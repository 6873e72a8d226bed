// The port to the models: prepares images and classifies them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/job.hpp"
#include "domain/prediction.hpp"

namespace classifier {

// What `GET /models` says of one model.
struct ModelInfo {
  std::string name;
  JobType job_type = JobType::kImageClassification;
  std::string description;
  std::string licence;
  std::string source;
  bool starter = false;        // stands in for an official model that could not be fetched
  bool loaded = false;         // in memory, ready to run
  bool is_default = false;     // what a job of its type runs on when it names no model
  std::size_t num_labels = 0;  // 0: zero-shot, the labels come with the job
  std::string error;           // why it cannot be used; empty when it can
};

// An image decoded, resized and cropped for one model: RGB, 8 bits, interleaved [height, width, 3].
struct PreparedImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

// Every method may be called from any thread at any time. Models are loaded on first use and shared
// by all callers.
class Classifier {
 public:
  virtual ~Classifier() = default;

  // The models found, usable or not, sorted by name.
  virtual std::vector<ModelInfo> models() const = 0;

  // The name of the model that a job of `type` runs on: `wanted`, or the default for the type when
  // that is empty. kNotFound: no such model, or none installed; kInvalidArgument: it is of the
  // other type.
  virtual Result<std::string> resolve(JobType type, std::string_view wanted) const = 0;

  // Loads the model named in `spec` and embeds the custom labels, so that the first image does not
  // wait for it.
  virtual Result<void> warm_up(const std::shared_ptr<const JobSpec>& spec) = 0;

  // Decodes `bytes` (an encoded image file) for the model named in `spec`.
  // kUndecodable, kUnsupported, kTooLarge: the image is at fault; any other code: the model.
  virtual Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) = 0;

  // Classifies images that `prepare` made for the same model. Returns predictions for each image,
  // in order, each with min(top_k, number of labels) entries of falling score. An error concerns
  // the call as a whole; which image it was, if one, tells a call for each.
  virtual Result<std::vector<Predictions>> classify(std::span<const PreparedImage> images,
                                                    const std::shared_ptr<const JobSpec>& spec) = 0;

  // Images that are worth handing to one `classify` call for this model, at least 1.
  virtual std::size_t preferred_batch(const JobSpec& spec) = 0;
};

}  // namespace classifier
