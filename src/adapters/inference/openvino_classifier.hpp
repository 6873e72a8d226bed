// The models, on OpenVINO.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "adapters/image/image.hpp"
#include "ports/classifier.hpp"

namespace classifier {

// kAuto: 8 bits where the model has a graph for it, else kBf16 where the processor has it.
enum class Precision { kAuto, kFp32, kBf16 };

struct InferenceOptions {
  std::filesystem::path models_dir;
  std::filesystem::path cache_dir;  // of compiled models; empty: none
  // OpenVINO's extension for the text graphs of image-text models.
  std::filesystem::path tokenizers_library;
  // What to do where no model is installed, for the error.
  std::string no_model_advice = "install one";
  std::size_t streams = 1;  // inferences at once, one core each
  Precision precision = Precision::kAuto;
  int nice = 0;             // added to the niceness of the threads that inferences run on
  std::string image_model;  // default for each job type; empty: the best one installed
  std::string custom_model;
  std::size_t max_cached_labels = 100'000;  // label embeddings kept for each model
  DecodeLimits decode;
};

// See ports/classifier.hpp for what it promises.
std::unique_ptr<Classifier> make_openvino_classifier(InferenceOptions options);

}  // namespace classifier
