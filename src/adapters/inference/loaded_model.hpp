// A model loaded into OpenVINO.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <openvino/openvino.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/inference/label_sets.hpp"
#include "adapters/inference/model_folder.hpp"
#include "adapters/inference/openvino_classifier.hpp"
#include "adapters/inference/request_pool.hpp"

namespace classifier {

// OpenVINO, with its extension for tokenizers, which is loaded when a text graph first needs it.
struct InferenceCore {
  ov::Core openvino;
  std::mutex extension_mutex;
  bool has_extension = false;  // guarded by extension_mutex
};

// Thread-safe. All methods may throw OpenVINO's exceptions, and std::runtime_error where the graphs
// do not match the folder.
class LoadedModel {
 public:
  // `core` and `options` must outlive the model.
  LoadedModel(InferenceCore& core, ModelFolder folder, const InferenceOptions& options);

  const ModelFolder& folder() const { return folder_; }
  std::size_t max_batch() const { return max_batch_; }

  // [classes, dimensions], rows of length 1: what the image graph of a starter model averages, and
  // so all that the model knows. Empty for other models.
  const std::vector<float>& class_embeddings() const { return class_embeddings_; }

  // See Classifier::see, rank, fingerprint and embed_text.
  Result<std::vector<SeenImage>> see(std::span<const PreparedImage> images);
  Result<Predictions> rank(const SeenImage& image, const std::shared_ptr<const JobSpec>& spec);
  const std::string& fingerprint() const { return fingerprint_; }
  std::vector<float> embed_text(const std::string& text);

  // The embeddings of a job's labels. Computes them where they are not cached; nullptr if `stop` is
  // requested before the end.
  std::shared_ptr<const LabelMatrix> label_matrix(const std::shared_ptr<const JobSpec>& spec,
                                                  const std::stop_token& stop = {});

 private:
  struct Outputs {
    std::vector<float> scores;    // [images, outputs_]
    std::vector<float> features;  // [images, features_]
  };

  bool runs_bf16() const;
  ov::CompiledModel compile(const std::shared_ptr<ov::Model>& graph, std::size_t streams);
  Outputs run_image(std::span<const PreparedImage> images);
  SeenImage seen(std::span<float> scores, std::span<const float> features) const;
  std::vector<float> cosines(std::span<const float> embedding, const LabelMatrix& labels) const;
  std::shared_ptr<const LabelMatrix> embed(const std::vector<std::string>& labels,
                                           const std::stop_token& stop);
  bool embed_missing(const std::vector<std::string>& labels, const std::stop_token& stop);
  std::vector<std::vector<float>> embed_texts(std::span<const std::string> texts);
  std::vector<float> run_text(std::vector<std::string>& texts);

  InferenceCore& core_;
  ModelFolder folder_;
  const InferenceOptions& options_;
  std::string fingerprint_;
  std::size_t outputs_ = 0;   // classes, or dimensions of the embedding
  std::size_t features_ = 0;  // see ImageGraph
  std::size_t max_batch_ = 1;
  std::size_t max_embeddings_ = 0;
  std::vector<float> class_embeddings_;
  std::unique_ptr<RequestPool> image_;

  std::mutex embed_mutex_;
  std::unique_ptr<RequestPool> text_;  // guarded by embed_mutex_
  // By label; guarded by embed_mutex_.
  std::unordered_map<std::string, std::vector<float>> embeddings_;
  LabelSets sets_;
};

}  // namespace classifier
