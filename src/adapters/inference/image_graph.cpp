#include "adapters/inference/image_graph.hpp"

#include <openvino/op/constant.hpp>
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
  steps.output(0).tensor().set_element_type(ov::element::f32);
  return steps.build();
}

}  // namespace

ImageGraph read_image_graph(ov::Core& core, const std::filesystem::path& file,
                            const ModelFolder& folder, std::size_t max_batch) {
  ImageGraph graph;
  const auto model = core.read_model(file);
  const ov::Dimension range(1, static_cast<ov::Dimension::value_type>(max_batch));
  if (max_batch > 1 && set_batch(*model, range)) {
    graph.model = with_pixels(model, folder, range);
    graph.max_batch = max_batch;
  } else {
    graph.model = with_pixels(core.read_model(file), folder, 1);
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
