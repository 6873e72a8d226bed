// A model on disk: its folder and what model.json says of it (docs/models.md).
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "adapters/image/preprocess.hpp"
#include "domain/error.hpp"
#include "domain/job.hpp"

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
  std::filesystem::path int8_graph;  // the same in 8 bits, or empty
  std::string layout;                // "NCHW", "NHWC", or empty: by the graph's shape
  ResizeRule resize;
  std::array<float, 3> mean{0, 0, 0};  // of RGB in 0–1
  std::array<float, 3> std{1, 1, 1};
  ModelOutput output = ModelOutput::kLogits;

  std::vector<std::string> labels;  // kClassifier

  std::filesystem::path text_graph;  // kImageText
  std::vector<std::string> prompts;
  float logit_scale = 100;

  JobType job_type() const {
    return kind == ModelKind::kClassifier ? JobType::kImageClassification
                                          : JobType::kCustomClassification;
  }
};

// Reads and checks a folder; the sentence of an error names the file and the field. kNotFound
// without model.json.
Result<ModelFolder> read_model_folder(const std::filesystem::path& path);

// Whether the files are those that model.json's sha256 names. Reads them whole.
Result<void> verify_model_files(const ModelFolder& folder);

}  // namespace classifier
