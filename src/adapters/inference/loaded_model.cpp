#include "adapters/inference/loaded_model.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <type_traits>

#include "adapters/inference/image_graph.hpp"
#include "adapters/inference/ranking.hpp"

namespace classifier {
namespace {

// Images in one inference. More are not faster (bench/README.md), and wait longer.
constexpr std::size_t kImageBatch = 8;
// Texts in one inference of a text graph.
constexpr std::size_t kTextBatch = 64;

std::string fill(std::string prompt, const std::string& label) {
  constexpr std::string_view kSlot = "{label}";
  return prompt.replace(prompt.find(kSlot), kSlot.size(), label);
}

// Runs `work` on a new thread with a lower priority, which the threads that it starts inherit.
template <class Work>
auto at_niceness(int nice, Work work) {
  std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
  auto result = task.get_future();
  const std::jthread thread([&] {
    // If this fails, the priority stays as it is.
    if (nice != 0) std::ignore = ::nice(nice);
    task();
  });
  return result.get();
}

}  // namespace

LoadedModel::LoadedModel(InferenceCore& core, ModelFolder folder, const InferenceOptions& options)
    : core_(core),
      folder_(std::move(folder)),
      options_(options),
      sets_(LabelSets::kMaxSets, options.max_label_bytes / 2 / sizeof(float)) {
  const bool int8 = options_.precision == Precision::kAuto && !folder_.int8_graph.empty();
  const auto graph = read_image_graph(
      core_.openvino, int8 ? folder_.int8_graph : folder_.image_graph, folder_, kImageBatch);
  outputs_ = graph.outputs;
  // A vector and its label, in the nodes of a hash table.
  max_embeddings_ = options_.max_label_bytes / 2 / (outputs_ * sizeof(float) + 256);
  max_batch_ = graph.max_batch;
  if (folder_.kind == ModelKind::kClassifier && outputs_ != folder_.labels.size()) {
    throw std::runtime_error(fmt::format("its graph has {} outputs, but labels.txt has {} lines",
                                         outputs_, folder_.labels.size()));
  }
  if (folder_.kind == ModelKind::kImageText && folder_.starter)
    class_embeddings_ = gathered_rows(*graph.model, outputs_);
  image_ = std::make_unique<RequestPool>(compile(graph.model, options_.streams), options_.streams);
}

Result<std::vector<Predictions>> LoadedModel::classify(std::span<const PreparedImage> images,
                                                       const std::shared_ptr<const JobSpec>& spec) {
  for (const auto& image : images) {
    if (image.width != folder_.resize.width || image.height != folder_.resize.height) {
      return fail(ErrorCode::kInternal, "the image was prepared for another model");
    }
  }
  const auto labels = folder_.kind == ModelKind::kImageText ? label_matrix(spec) : nullptr;
  std::vector<Predictions> all;
  all.reserve(images.size());
  while (!images.empty()) {
    const auto batch = images.first(std::min(images.size(), max_batch_));
    images = images.subspan(batch.size());
    Scores scores = run_image(batch);
    if (!std::ranges::all_of(scores, [](float value) { return std::isfinite(value); })) {
      return fail(ErrorCode::kInternal, "an output of the model is not finite");
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      all.push_back(predict({&scores[i * outputs_], outputs_}, *spec, labels.get()));
    }
  }
  return all;
}

// Overwrites `scores`. `labels` is null except for an image-text model.
Predictions LoadedModel::predict(std::span<float> scores, const JobSpec& spec,
                                 const LabelMatrix* labels) const {
  const auto top_k = static_cast<std::size_t>(spec.top_k);
  if (labels != nullptr) {
    std::vector<float> similarities = cosines(scores, *labels);
    softmax(similarities, folder_.logit_scale);
    return rank(similarities, spec.custom_labels, top_k);
  }
  if (folder_.output == ModelOutput::kLogits) softmax(scores);
  if (folder_.output == ModelOutput::kProbabilities) normalize_sum(scores);
  return rank(scores, folder_.labels, top_k);
}

std::shared_ptr<const LabelMatrix> LoadedModel::label_matrix(
    const std::shared_ptr<const JobSpec>& spec, const std::stop_token& stop) {
  if (auto matrix = sets_.of(spec)) return matrix;
  const std::scoped_lock embedding(embed_mutex_);
  if (auto matrix = sets_.of(spec)) return matrix;
  auto matrix = sets_.with(spec->custom_labels);
  if (!matrix) matrix = embed(spec->custom_labels, stop);
  if (matrix) sets_.add(spec, matrix);
  return matrix;
}

ov::CompiledModel LoadedModel::compile(const std::shared_ptr<ov::Model>& graph,
                                       std::size_t streams) {
  ov::AnyMap config{{ov::num_streams.name(), ov::streams::Num(static_cast<int>(streams))},
                    {ov::inference_num_threads.name(), static_cast<int>(streams)},
                    {ov::hint::performance_mode.name(), ov::hint::PerformanceMode::THROUGHPUT}};
  const auto capabilities = core_.openvino.get_property("CPU", ov::device::capabilities);
  const bool has_bf16 = std::ranges::find(capabilities, "BF16") != capabilities.end();
  const bool bf16 = options_.precision == Precision::kBf16 ||
                    (options_.precision == Precision::kAuto && has_bf16);
  config[ov::hint::inference_precision.name()] = bf16 ? ov::element::bf16 : ov::element::f32;
  if (!options_.cache_dir.empty()) config[ov::cache_dir.name()] = options_.cache_dir.string();
  // Lower, so that inference does not delay the threads that answer requests.
  return at_niceness(options_.nice,
                     [&] { return core_.openvino.compile_model(graph, "CPU", config); });
}

LoadedModel::Scores LoadedModel::run_image(std::span<const PreparedImage> images) {
  const ov::Shape shape{images.size(), static_cast<std::size_t>(folder_.resize.height),
                        static_cast<std::size_t>(folder_.resize.width), 3};
  return image_->with([&](ov::InferRequest& request) {
    if (images.size() == 1) {
      // OpenVINO does not write to input tensors, although their type is not const.
      request.set_input_tensor(ov::Tensor(ov::element::u8, shape,
                                          const_cast<std::uint8_t*>(images.front().pixels.data())));
    } else {
      ov::Tensor pixels(ov::element::u8, shape);
      auto* out = pixels.data<std::uint8_t>();
      for (const auto& image : images) out = std::ranges::copy(image.pixels, out).out;
      request.set_input_tensor(pixels);
    }
    request.infer();
    const ov::Tensor output = request.get_output_tensor(0);
    const auto* const values = output.data<const float>();
    return Scores(values, values + images.size() * outputs_);
  });
}

std::vector<float> LoadedModel::cosines(std::span<float> embedding,
                                        const LabelMatrix& labels) const {
  normalize_length(embedding);
  std::vector<float> result(labels.size() / outputs_);
  for (std::size_t row = 0; row < result.size(); ++row) {
    const float* const label = &labels[row * outputs_];
    float sum = 0;
    for (std::size_t i = 0; i < outputs_; ++i) sum += embedding[i] * label[i];
    result[row] = sum;
  }
  return result;
}

// The caller holds embed_mutex_, so that two jobs with the same labels embed them once.
std::shared_ptr<const LabelMatrix> LoadedModel::embed(const std::vector<std::string>& labels,
                                                      const std::stop_token& stop) {
  std::vector<std::string> missing;
  for (const auto& label : labels) {
    if (!embeddings_.contains(label)) missing.push_back(label);
  }
  if (embeddings_.size() + missing.size() > max_embeddings_) {
    embeddings_.clear();
    missing = labels;
  }
  if (!embed_missing(missing, stop)) return nullptr;
  LabelMatrix matrix;
  matrix.reserve(labels.size() * outputs_);
  for (const auto& label : labels) {
    const auto& row = embeddings_.at(label);
    matrix.insert(matrix.end(), row.begin(), row.end());
  }
  return std::make_shared<const LabelMatrix>(std::move(matrix));
}

// False if `stop` is requested; what is embedded until then stays cached.
bool LoadedModel::embed_missing(const std::vector<std::string>& labels,
                                const std::stop_token& stop) {
  for (std::size_t begin = 0; begin < labels.size(); begin += kTextBatch) {
    if (stop.stop_requested()) return false;
    const std::size_t count = std::min(kTextBatch, labels.size() - begin);
    std::vector<std::vector<float>> sums(count, std::vector<float>(outputs_, 0));
    for (const auto& prompt : folder_.prompts) {
      std::vector<std::string> texts;
      texts.reserve(count);
      for (std::size_t i = 0; i < count; ++i) texts.push_back(fill(prompt, labels[begin + i]));
      auto rows = run_text(texts);
      for (std::size_t i = 0; i < count; ++i) {
        const std::span<float> row(&rows[i * outputs_], outputs_);
        normalize_length(row);
        for (std::size_t k = 0; k < outputs_; ++k) sums[i][k] += row[k];
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      normalize_length(sums[i]);
      embeddings_[labels[begin + i]] = std::move(sums[i]);
    }
  }
  return true;
}

// [texts, outputs_]
std::vector<float> LoadedModel::run_text(std::vector<std::string>& texts) {
  if (!text_) {
    {
      const std::scoped_lock lock(core_.extension_mutex);
      if (!std::exchange(core_.has_extension, true))
        core_.openvino.add_extension(options_.tokenizers_library);
    }
    text_ =
        std::make_unique<RequestPool>(compile(core_.openvino.read_model(folder_.text_graph), 1), 1);
  }
  return text_->with([&](ov::InferRequest& request) {
    request.set_input_tensor(ov::Tensor(ov::element::string, {texts.size()}, texts.data()));
    request.infer();
    const ov::Tensor output = request.get_output_tensor(0);
    if (output.get_shape() != ov::Shape{texts.size(), outputs_}) {
      throw std::runtime_error("its text graph and its image graph have different dimensions");
    }
    const auto* const values = output.data<const float>();
    return std::vector<float>(values, values + texts.size() * outputs_);
  });
}

}  // namespace classifier
