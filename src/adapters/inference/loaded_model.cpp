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

#include "adapters/image/look.hpp"
#include "adapters/inference/image_graph.hpp"
#include "adapters/inference/ranking.hpp"
#include "domain/half.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

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
  const fs::path& file = int8 ? folder_.int8_graph : folder_.image_graph;
  const auto graph = read_image_graph(core_.openvino, file, folder_, kImageBatch);
  outputs_ = graph.outputs;
  features_ = graph.features;
  fingerprint_ = fingerprint_of(folder_, file, runs_bf16() ? "bf16" : "f32");
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

Result<std::vector<SeenImage>> LoadedModel::see(std::span<const PreparedImage> images) {
  for (const auto& image : images) {
    if (image.width != folder_.resize.width || image.height != folder_.resize.height) {
      return fail(ErrorCode::kInternal, "the image was prepared for another model");
    }
  }
  std::vector<SeenImage> all;
  all.reserve(images.size());
  while (!images.empty()) {
    const auto batch = images.first(std::min(images.size(), max_batch_));
    images = images.subspan(batch.size());
    Outputs outputs = run_image(batch);
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::ranges::all_of(outputs.scores, finite) ||
        !std::ranges::all_of(outputs.features, finite)) {
      return fail(ErrorCode::kInternal, "an output of the model is not finite");
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      all.push_back(seen(std::span(outputs.scores).subspan(i * outputs_, outputs_),
                         std::span(outputs.features).subspan(i * features_, features_)));
      all.back().look = look_of(batch[i]);
      all.back().warning = batch[i].warning;
    }
  }
  return all;
}

// Overwrites `scores`.
SeenImage LoadedModel::seen(std::span<float> scores, std::span<const float> features) const {
  SeenImage image;
  if (folder_.kind == ModelKind::kImageText) {
    image.vector.assign(scores.begin(), scores.end());
  } else {
    if (folder_.output == ModelOutput::kLogits) softmax(scores);
    if (folder_.output == ModelOutput::kProbabilities) normalize_sum(scores);
    image.top = highest(scores, kMostTop);
    image.vector.assign(features.begin(), features.end());
  }
  normalize_length(image.vector);
  round_to_half(image.vector);
  return image;
}

Result<Predictions> LoadedModel::rank(const SeenImage& image,
                                      const std::shared_ptr<const JobSpec>& spec) {
  const auto other_model = [] {
    return fail(ErrorCode::kInvalidArgument, "what was remembered is of another model");
  };
  const auto top_k = static_cast<std::size_t>(spec->top_k);
  if (folder_.kind == ModelKind::kImageText) {
    if (image.vector.size() != outputs_) return other_model();
    std::vector<float> similarities = cosines(image.vector, *label_matrix(spec));
    softmax(similarities, folder_.logit_scale);
    return named(highest(similarities, top_k), spec->custom_labels);
  }
  const auto top = std::span(image.top).first(std::min(top_k, image.top.size()));
  if (top.empty() || !std::ranges::all_of(top, [&](const ScoredLabel& scored) {
        return scored.label < folder_.labels.size();
      }))
    return other_model();
  return named(top, folder_.labels);
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

std::vector<float> LoadedModel::embed_text(const std::string& text) {
  const std::scoped_lock embedding(embed_mutex_);
  return std::move(embed_texts({&text, 1}).front());
}

bool LoadedModel::runs_bf16() const {
  if (options_.precision != Precision::kAuto) return options_.precision == Precision::kBf16;
  const auto capabilities = core_.openvino.get_property("CPU", ov::device::capabilities);
  return std::ranges::find(capabilities, "BF16") != capabilities.end();
}

ov::CompiledModel LoadedModel::compile(const std::shared_ptr<ov::Model>& graph,
                                       std::size_t streams) {
  ov::AnyMap config{{ov::num_streams.name(), ov::streams::Num(static_cast<int>(streams))},
                    {ov::inference_num_threads.name(), static_cast<int>(streams)},
                    {ov::hint::performance_mode.name(), ov::hint::PerformanceMode::THROUGHPUT}};
  config[ov::hint::inference_precision.name()] = runs_bf16() ? ov::element::bf16 : ov::element::f32;
  if (!options_.cache_dir.empty()) config[ov::cache_dir.name()] = options_.cache_dir.string();
  // Lower, so that inference does not delay the threads that answer requests.
  return at_niceness(options_.nice,
                     [&] { return core_.openvino.compile_model(graph, "CPU", config); });
}

LoadedModel::Outputs LoadedModel::run_image(std::span<const PreparedImage> images) {
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
    const auto copy = [&](std::size_t output, std::size_t size) {
      if (size == 0) return std::vector<float>();
      const ov::Tensor tensor = request.get_output_tensor(output);
      const auto* const values = tensor.data<const float>();
      return std::vector<float>(values, values + images.size() * size);
    };
    return Outputs{.scores = copy(0, outputs_), .features = copy(1, features_)};
  });
}

std::vector<float> LoadedModel::cosines(std::span<const float> embedding,
                                        const LabelMatrix& labels) const {
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
    const auto some = std::span(labels).subspan(begin, std::min(kTextBatch, labels.size() - begin));
    auto rows = embed_texts(some);
    for (std::size_t i = 0; i < some.size(); ++i) embeddings_[some[i]] = std::move(rows[i]);
  }
  return true;
}

// Of each text the mean over the prompts, of length 1.
std::vector<std::vector<float>> LoadedModel::embed_texts(std::span<const std::string> texts) {
  std::vector<std::vector<float>> sums(texts.size(), std::vector<float>(outputs_, 0));
  for (const auto& prompt : folder_.prompts) {
    std::vector<std::string> filled;
    filled.reserve(texts.size());
    for (const auto& text : texts) filled.push_back(fill(prompt, text));
    auto rows = run_text(filled);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::span<float> row(&rows[i * outputs_], outputs_);
      normalize_length(row);
      for (std::size_t k = 0; k < outputs_; ++k) sums[i][k] += row[k];
    }
  }
  for (auto& sum : sums) normalize_length(sum);
  return sums;
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
