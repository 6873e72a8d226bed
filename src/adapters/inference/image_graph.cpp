#include "adapters/inference/image_graph.hpp"

#include <algorithm>
#include <initializer_list>
#include <openvino/op/constant.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace classifier {
namespace {

std::string layout_of(const ModelFolder& folder, const ov::PartialShape& input) {
  if (!folder.layout.empty()) return folder.layout;
  return input[1].is_static() && input[1].get_length() == 3 ? "NCHW" : "NHWC";
}

// Makes the batch dimension a range; false where the graph has operations that fix it.
bool set_batch(ov::Model& model, const ov::Dimension& batch) {
  auto shape = model.input(0).get_partial_shape();
  shape[0] = batch;
  try {
    model.reshape(shape);
  } catch (const ov::Exception&) {
    return false;
  }
  return model.output(0).get_partial_shape()[0] == batch;
}

bool is_one_of(const ov::Node& node, std::initializer_list<std::string_view> types) {
  return std::ranges::find(types, std::string_view(node.get_type_name())) != types.end();
}

// The numbers of one image; 0 unless the shape, but for its batch, is fixed.
std::size_t numbers_of(const ov::PartialShape& shape) {
  if (shape.rank().is_dynamic() || shape.size() < 2) return 0;
  std::size_t count = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    const auto& side = shape[static_cast<std::ptrdiff_t>(i)];
    if (side.is_dynamic()) return 0;
    count *= static_cast<std::size_t>(side.get_length());
  }
  return count;
}

// What the last layer with weights takes: a matrix product, or a convolution of one pixel. The way
// there, from the output, leads through what follows such a layer, and through 8-bit rounding.
std::optional<ov::Output<ov::Node>> find_features(const ov::Model& model) {
  constexpr int kFarthest = 12;
  const auto step_back = [](const ov::Node& node) -> std::optional<ov::Output<ov::Node>> {
    for (std::size_t i = 0; i < node.get_input_size(); ++i) {
      if (!ov::is_type<ov::op::v0::Constant>(node.get_input_node_ptr(i)))
        return node.input_value(i);
    }
    return std::nullopt;
  };
  auto at = std::optional(model.get_results().front()->input_value(0));
  bool at_features = false;
  for (int i = 0; at && i < kFarthest; ++i) {
    const ov::Node& node = *at->get_node();
    if (at_features) {
      if (!is_one_of(node, {"FakeQuantize", "Convert"})) break;
      at = node.input_value(0);
    } else if (is_one_of(node, {"MatMul", "Convolution"})) {
      at = node.input_value(0);
      at_features = true;
    } else if (is_one_of(node, {"Softmax", "Add", "Subtract", "Multiply", "Reshape", "Squeeze",
                                "Convert", "FakeQuantize", "Transpose"})) {
      at = step_back(node);
    } else {
      return std::nullopt;
    }
  }
  return at_features ? at : std::nullopt;
}

// Adds the features as an output, and returns how many they are.
std::size_t show_features(ov::Model& model) {
  constexpr std::size_t kMost = 8'192;  // more are no features but an image
  const auto features = find_features(model);
  if (!features) return 0;
  const std::size_t count = numbers_of(features->get_partial_shape());
  if (count < 2 || count > kMost) return 0;
  model.add_output(*features);
  return count;
}

std::shared_ptr<ov::Model> with_pixels(const std::shared_ptr<ov::Model>& model,
                                       const ModelFolder& folder, const ov::Dimension& batch) {
  const auto input = model->input(0);
  const bool takes_pixels = input.get_element_type() == ov::element::u8;
  const std::string layout = layout_of(folder, input.get_partial_shape());
  ov::preprocess::PrePostProcessor steps(model);
  auto& image = steps.input(0);
  image.tensor()
      .set_element_type(ov::element::u8)
      .set_layout("NHWC")
      .set_shape({batch, folder.resize.height, folder.resize.width, 3});
  image.model().set_layout(ov::Layout(layout));
  if (!takes_pixels) {
    std::vector<float> mean;
    std::vector<float> scale;
    for (std::size_t c = 0; c < 3; ++c) {
      mean.push_back(folder.mean[c] * 255);
      scale.push_back(folder.std[c] * 255);
    }
    image.preprocess().convert_element_type(ov::element::f32).mean(mean).scale(scale);
  }
  for (std::size_t i = 0; i < model->outputs().size(); ++i)
    steps.output(i).tensor().set_element_type(ov::element::f32);
  return steps.build();
}

}  // namespace

ImageGraph read_image_graph(ov::Core& core, const std::filesystem::path& file,
                            const ModelFolder& folder, std::size_t max_batch) {
  ImageGraph graph;
  const auto read = [&] {
    auto model = core.read_model(file);
    if (folder.kind == ModelKind::kClassifier) graph.features = show_features(*model);
    return model;
  };
  const auto model = read();
  const ov::Dimension range(1, static_cast<ov::Dimension::value_type>(max_batch));
  if (max_batch > 1 && set_batch(*model, range)) {
    graph.model = with_pixels(model, folder, range);
    graph.max_batch = max_batch;
  } else {
    graph.model = with_pixels(read(), folder, 1);
  }
  const auto shape = graph.model->output(0).get_partial_shape();
  graph.outputs = static_cast<std::size_t>(shape.rbegin()->get_length());
  return graph;
}

std::vector<float> gathered_rows(const ov::Model& model, std::size_t columns) {
  for (const auto& node : model.get_ops()) {
    if (std::string_view(node->get_type_name()) != "Gather") continue;
    const auto table =
        std::dynamic_pointer_cast<ov::op::v0::Constant>(node->get_input_node_shared_ptr(0));
    if (table && table->get_shape().size() == 2 && table->get_shape()[1] == columns)
      return table->cast_vector<float>();
  }
  return {};
}

}  // namespace classifier
