// A model's image graph, with preprocessing steps so that its input is the pixels of prepared
// images.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <openvino/openvino.hpp>
#include <vector>

#include "adapters/inference/model_folder.hpp"

namespace classifier {

struct ImageGraph {
  std::shared_ptr<ov::Model> model;  // [images, height, width, 3] uint8 to [images, outputs] float
  std::size_t max_batch = 1;         // images in one inference
  std::size_t outputs = 0;           // classes, or dimensions of the embedding
  // Of a classifier: numbers before its last layer, which are output 1 of the model. 0: the graph
  // does not show them.
  std::size_t features = 0;
};

// Reads `file`, one of the folder's graphs. A graph with a fixed batch gets max_batch 1, all others
// `max_batch`. Throws the exceptions of OpenVINO.
ImageGraph read_image_graph(ov::Core& core, const std::filesystem::path& file,
                            const ModelFolder& folder, std::size_t max_batch);

// The rows of `columns` values that the graph gathers from a constant; empty if there is none such.
std::vector<float> gathered_rows(const ov::Model& model, std::size_t columns);

}  // namespace classifier
