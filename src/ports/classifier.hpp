// The port to the models, which prepare and classify images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/error.hpp"
#include "domain/job.hpp"
#include "domain/label_group.hpp"
#include "domain/prediction.hpp"
#include "domain/seen_image.hpp"

namespace classifier {

// What `GET /models` shows of one model.
struct ModelInfo {
  std::string name;
  JobType job_type = JobType::kImageClassification;
  std::string description;
  std::string licence;
  std::string source;
  bool starter = false;        // replaces an official model that could not be downloaded
  bool loaded = false;         // in memory, ready to run
  bool is_default = false;     // used by jobs of its type that name no model
  std::size_t num_labels = 0;  // 0: zero-shot, the labels come with the job
  // Of an image-text model: the least cosine of an image and a text that fits it; nullopt: unknown.
  std::optional<float> search_threshold;
  std::string error;  // why it cannot be used; empty if it can
};

// An image decoded, resized and cropped for one model: RGB, 8 bits, interleaved [height, width, 3].
struct PreparedImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
  // What is missing of the image, in a sentence; empty where nothing is.
  std::string warning;
};

// Thread-safe. Models are loaded on first use and shared by all callers.
class Classifier {
 public:
  virtual ~Classifier() = default;

  // All models found, also those that cannot be used, sorted by name.
  virtual std::vector<ModelInfo> models() const = 0;

  // The name of the model for a job of `type`: `wanted`, or the default of the type if that is
  // empty. kNotFound: there is no such model, or none at all; kInvalidArgument: it is of the other
  // type.
  virtual Result<std::string> resolve(JobType type, std::string_view wanted) const = 0;

  // The groups of a model's labels. No label is in two of them; some may be in none. kNotFound:
  // there is no such model, or it has no groups, or they cannot be read. A classifier without
  // groups need not implement it.
  virtual Result<std::vector<LabelGroup>> label_groups(std::string_view model) const {
    return fail(ErrorCode::kNotFound,
                "model \"" + std::string(model.substr(0, 100)) + "\" has no groups of labels");
  }

  // Loads the model of `spec` and embeds the custom labels, so that the first image need not wait.
  // kUnavailable if `stop` is requested before the labels are embedded.
  virtual Result<void> warm_up(const std::shared_ptr<const JobSpec>& spec,
                               const std::stop_token& stop) = 0;

  // What to know about the custom labels before images are classified with them: labels that the
  // model cannot tell apart, or does not know. Each is a sentence. Loads the model and embeds the
  // labels; kUnavailable if `stop` is requested before that is done. Models that have nothing to
  // say need not implement it.
  virtual Result<std::vector<std::string>> label_warnings(
      const std::shared_ptr<const JobSpec>& /*spec*/, const std::stop_token& /*stop*/) {
    return std::vector<std::string>();
  }

  // Decodes an image file for the model of `spec`. kUndecodable, kUnsupported, kTooLarge: an error
  // of the image; all other codes: of the model.
  virtual Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) = 0;

  // What the model of `spec` sees in images that `prepare` made for it, in order. Does not depend
  // on the labels of `spec`. An error does not say which image caused it; the caller may give each
  // image alone.
  virtual Result<std::vector<SeenImage>> see(std::span<const PreparedImage> images,
                                             const JobSpec& spec) = 0;

  // The predictions for an image that the same model has seen, now or earlier:
  // min(top_k, number of labels) entries by falling score. kInvalidArgument for one that this model
  // cannot have seen.
  virtual Result<Predictions> rank(const SeenImage& image,
                                   const std::shared_ptr<const JobSpec>& spec) = 0;

  // Names the model as it sees: changes with its graph, its precision on this machine, its
  // preprocessing, and what of it is kept. Loads the model. Empty: what it sees is not to be kept.
  virtual Result<std::string> fingerprint(const std::string& /*model*/) { return std::string(); }

  // The embedding of a text, of length 1 and comparable with the vectors of images that the
  // image-text model has seen. kUnsupported for other models.
  virtual Result<std::vector<float>> embed_text(const std::string& model,
                                                const std::string& /*text*/) {
    return fail(ErrorCode::kUnsupported, "model \"" + model + "\" does not read texts");
  }

  // Sees and ranks.
  Result<std::vector<Predictions>> classify(std::span<const PreparedImage> images,
                                            const std::shared_ptr<const JobSpec>& spec) {
    const auto seen = see(images, *spec);
    if (!seen) return std::unexpected(seen.error());
    std::vector<Predictions> all;
    all.reserve(seen->size());
    for (const auto& image : *seen) {
      auto predictions = rank(image, spec);
      if (!predictions) return std::unexpected(predictions.error());
      all.push_back(std::move(*predictions));
    }
    return all;
  }

  // The number of images at which one call of `see` is fastest for this model, at least 1.
  virtual std::size_t preferred_batch(const JobSpec& spec) = 0;
};

}  // namespace classifier
