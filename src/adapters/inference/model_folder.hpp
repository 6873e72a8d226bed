// A model on disk: its folder with model.json (docs/models.md).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/image/preprocess.hpp"
#include "domain/error.hpp"
#include "domain/job.hpp"
#include "domain/label_group.hpp"

namespace classifier {

enum class ModelKind { kClassifier, kImageText };
enum class ModelOutput { kLogits, kProbabilities, kEmbedding };

struct ModelFolder {
  std::string name;
  std::filesystem::path path;
  std::string description;
  std::string licence;
  std::string source;
  ModelKind kind = ModelKind::kClassifier;
  bool starter = false;

  std::filesystem::path image_graph;
  std::filesystem::path int8_graph;  // the same quantized to 8 bits; may be empty
  std::string layout;                // "NCHW" or "NHWC"; empty: derived from the graph's shape
  ResizeRule resize;
  std::array<float, 3> mean{0, 0, 0};  // of R, G and B from 0 to 1; input is (x - mean) / std
  std::array<float, 3> std{1, 1, 1};
  ModelOutput output = ModelOutput::kLogits;

  // Of a classifier.
  std::vector<std::string> labels;

  // Of an image-text model.
  std::filesystem::path text_graph;
  std::vector<std::string> prompts;  // each contains {label}
  float logit_scale = 100;           // factor of cosine similarities before the softmax
  // The least cosine of an image and a text that fits it; nullopt: it was not measured.
  std::optional<float> search_threshold;

  JobType job_type() const {
    return kind == ModelKind::kClassifier ? JobType::kImageClassification
                                          : JobType::kCustomClassification;
  }
};

// Reads and checks a folder. kNotFound where it has no model.json; kInvalidArgument, naming file
// and field, where a value is not valid.
Result<ModelFolder> read_model_folder(const std::filesystem::path& path);

// Bytes that a model needs when it is loaded, about: measured, it is less than this.
std::uint64_t estimated_memory(const ModelFolder& folder);

// Names the model as it sees with the graph `file` of its folder, run at `precision`: 64
// hexadecimal digits, which change with the content of the graph and the preprocessing. Reads the
// graph where model.json does not have its SHA-256.
std::string fingerprint_of(const ModelFolder& folder, const std::filesystem::path& file,
                           std::string_view precision);

// The groups that model.json names, checked against the labels. kNotFound where it names none;
// kInvalidArgument, naming file and place, where they are not valid or do not have the SHA-256 in
// model.json: the model can be used without them.
Result<std::vector<LabelGroup>> read_label_groups(const ModelFolder& folder);

// kInvalidArgument where a file other than that of the groups does not have the SHA-256 in
// model.json. Reads the files completely.
Result<void> verify_model_files(const ModelFolder& folder);

}  // namespace classifier
