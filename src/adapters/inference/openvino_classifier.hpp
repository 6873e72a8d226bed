// The Classifier on OpenVINO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>

#include "adapters/image/image_decoder.hpp"
#include "ports/classifier.hpp"

namespace classifier {

// kAuto: the model's graph in 8 bits if it has one, else kBf16 if the processor supports it, else
// kFp32.
enum class Precision { kAuto, kFp32, kBf16 };

struct InferenceOptions {
  std::filesystem::path models_dir;
  std::filesystem::path cache_dir;  // of compiled models; empty: none
  // OpenVINO's extension for the text graphs of image-text models.
  std::filesystem::path tokenizers_library;
  // What to do where no model is installed, for the error.
  std::string no_model_advice = "install one";
  std::size_t streams = 1;  // parallel inferences, each on one core
  Precision precision = Precision::kAuto;
  int nice = 0;             // added to the niceness of OpenVINO's threads
  std::string image_model;  // the default model of each job type; empty: the best one installed
  std::string custom_model;
  std::size_t max_label_bytes = 256 << 20;  // of embeddings that are cached for each model
  // Bytes for models beside the default ones, as estimated_memory() has it.
  std::uint64_t extra_model_memory = std::numeric_limits<std::uint64_t>::max();
  std::shared_ptr<ImageDecoder> decoder;  // of the images to classify
};

// See ports/classifier.hpp.
std::unique_ptr<Classifier> make_openvino_classifier(InferenceOptions options);

}  // namespace classifier
