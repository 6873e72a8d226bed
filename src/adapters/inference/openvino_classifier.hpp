// The models, on OpenVINO.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "adapters/image/image_decoder.hpp"
#include "ports/classifier.hpp"

namespace classifier {

// kAuto: 8 bits where the model has a graph for it, else kBf16 where the processor has it.
enum class Precision { kAuto, kFp32, kBf16 };

struct InferenceOptions {
  std::filesystem::path models_dir;
  std::filesystem::path cache_dir;  // of compiled models; empty: none
  std::size_t streams = 1;          // inferences at once, one core each
  Precision precision = Precision::kAuto;
  int nice = 0;             // added to the niceness of the threads that inferences run on
  std::string image_model;  // default for each job type; empty: the best one installed
  std::string custom_model;
  std::size_t max_cached_labels = 100'000;  // label embeddings kept for each model
  std::shared_ptr<ImageDecoder> decoder;  // of the images to classify
};

// See ports/classifier.hpp for what it promises.
std::unique_ptr<Classifier> make_openvino_classifier(InferenceOptions options);

}  // namespace classifier
