#include "adapters/inference/openvino_classifier.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <openvino/openvino.hpp>
#include <unordered_map>
#include <utility>

#include "adapters/inference/model_folder.hpp"
#include "adapters/inference/ranking.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

// Texts in one run of a text graph.
constexpr std::size_t kTextBatch = 64;
// Label sets whose matrix is kept ready.
constexpr std::size_t kLabelSets = 64;

using LabelMatrix = std::vector<float>;  // [labels, dimensions], rows of length 1

// Infer requests of one compiled model; callers wait for a free one.
class RequestPool {
 public:
  RequestPool(ov::CompiledModel model, std::size_t size) : model_(std::move(model)) {
    for (std::size_t i = 0; i < size; ++i) idle_.push_back(model_.create_infer_request());
  }

  // Runs `use(request)` with a request of its own.
  template <class Use>
  auto with(Use use) {
    Lease lease(*this);
    return use(lease.request);
  }

 private:
  struct Lease {
    explicit Lease(RequestPool& from) : pool(from), request(from.take()) {}
    ~Lease() { pool.give_back(std::move(request)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    RequestPool& pool;
    ov::InferRequest request;
  };

  ov::InferRequest take() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return !idle_.empty(); });
    auto request = std::move(idle_.front());
    idle_.pop_front();
    return request;
  }
  void give_back(ov::InferRequest request) {
    {
      const std::scoped_lock lock(mutex_);
      idle_.push_back(std::move(request));
    }
    free_.notify_one();
  }

  ov::CompiledModel model_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::deque<ov::InferRequest> idle_;  // guarded by mutex_
};

// A whole image graph whose input is the pixels of a PreparedImage: [1, height, width, 3], uint8.
std::shared_ptr<ov::Model> build_image_graph(ov::Core& core, const ModelFolder& folder) {
  auto model = core.read_model(folder.image_graph);
  const auto input = model->input(0);
  const bool takes_pixels = input.get_element_type() == ov::element::u8;
  std::string layout = folder.layout;
  if (layout.empty()) {
    const auto& shape = input.get_partial_shape();
    layout = shape[1].is_static() && shape[1].get_length() == 3 ? "NCHW" : "NHWC";
  }
  ov::preprocess::PrePostProcessor steps(model);
  auto& image = steps.input(0);
  image.tensor()
      .set_element_type(ov::element::u8)
      .set_layout("NHWC")
      .set_shape({1, folder.resize.height, folder.resize.width, 3});
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

// One model in memory. Thread-safe.
class LoadedModel {
 public:
  LoadedModel(ov::Core& core, std::mutex& extension_mutex, bool& has_extension, ModelFolder folder,
              const InferenceOptions& options)
      : core_(core),
        extension_mutex_(extension_mutex),
        has_extension_(has_extension),
        folder_(std::move(folder)),
        options_(options) {
    auto graph = build_image_graph(core_, folder_);
    const auto shape = graph->output(0).get_partial_shape();
    outputs_ = static_cast<std::size_t>(shape.rbegin()->get_length());
    if (folder_.kind == ModelKind::kClassifier && outputs_ != folder_.labels.size()) {
      throw std::runtime_error("its graph has " + std::to_string(outputs_) +
                               " outputs, but labels.txt has " +
                               std::to_string(folder_.labels.size()) + " lines");
    }
    image_ = std::make_unique<RequestPool>(compile(graph, options_.streams), options_.streams);
  }

  const ModelFolder& folder() const { return folder_; }

  Result<Predictions> classify(const PreparedImage& image,
                               const std::shared_ptr<const JobSpec>& spec) {
    if (image.width != folder_.resize.width || image.height != folder_.resize.height) {
      return fail(ErrorCode::kInternal, "the image was prepared for another model");
    }
    std::vector<float> scores = run_image(image);
    for (const float value : scores) {
      if (!std::isfinite(value))
        return fail(ErrorCode::kInternal, "the model gave a number that is not finite");
    }
    const auto top_k = static_cast<std::size_t>(spec->top_k);
    if (folder_.kind == ModelKind::kImageText) {
      const auto labels = label_matrix(spec);
      std::vector<float> similarities = cosines(scores, *labels);
      softmax(similarities, folder_.logit_scale);
      return rank(similarities, spec->custom_labels, top_k);
    }
    if (folder_.output == ModelOutput::kLogits) softmax(scores);
    if (folder_.output == ModelOutput::kProbabilities) normalize_sum(scores);
    return rank(scores, folder_.labels, top_k);
  }

  // The embeddings of a job's labels. The spec's address is the key: a job has one spec object for
  // all its images, and the cache keeps it alive.
  std::shared_ptr<const LabelMatrix> label_matrix(const std::shared_ptr<const JobSpec>& spec) {
    {
      const std::scoped_lock lock(sets_mutex_);
      for (const auto& [known, matrix] : sets_) {
        if (known == spec) return matrix;
      }
    }
    const std::scoped_lock embedding(embed_mutex_);
    auto matrix = std::make_shared<const LabelMatrix>(embed(spec->custom_labels));
    const std::scoped_lock lock(sets_mutex_);
    sets_.emplace_front(spec, matrix);
    if (sets_.size() > kLabelSets) sets_.pop_back();
    return matrix;
  }

 private:
  ov::CompiledModel compile(const std::shared_ptr<ov::Model>& graph, std::size_t streams) {
    ov::AnyMap config{{ov::num_streams.name(), ov::streams::Num(static_cast<int>(streams))},
                      {ov::inference_num_threads.name(), static_cast<int>(streams)},
                      {ov::hint::performance_mode.name(), ov::hint::PerformanceMode::THROUGHPUT}};
    const auto capabilities = core_.get_property("CPU", ov::device::capabilities);
    const bool has_bf16 = std::ranges::find(capabilities, "BF16") != capabilities.end();
    const bool bf16 = options_.precision == Precision::kBf16 ||
                      (options_.precision == Precision::kAuto && has_bf16);
    config[ov::hint::inference_precision.name()] = bf16 ? ov::element::bf16 : ov::element::f32;
    if (!options_.cache_dir.empty()) config[ov::cache_dir.name()] = options_.cache_dir.string();
    return core_.compile_model(graph, "CPU", config);
  }

  std::vector<float> run_image(const PreparedImage& image) {
    return image_->with([&](ov::InferRequest& request) {
      const ov::Shape shape{1, static_cast<std::size_t>(image.height),
                            static_cast<std::size_t>(image.width), 3};
      // OpenVINO only reads an input tensor, although its type does not say so.
      request.set_input_tensor(
          ov::Tensor(ov::element::u8, shape, const_cast<std::uint8_t*>(image.pixels.data())));
      request.infer();
      const ov::Tensor output = request.get_output_tensor(0);
      const auto* const values = output.data<const float>();
      return std::vector<float>(values, values + outputs_);
    });
  }

  std::vector<float> cosines(std::vector<float>& embedding, const LabelMatrix& labels) const {
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

  // Called with embed_mutex_ held, so that two jobs with the same labels embed them once.
  LabelMatrix embed(const std::vector<std::string>& labels) {
    std::vector<std::string> missing;
    for (const auto& label : labels) {
      if (!embeddings_.contains(label)) missing.push_back(label);
    }
    if (embeddings_.size() + missing.size() > options_.max_cached_labels) {
      embeddings_.clear();
      missing = labels;
    }
    embed_missing(missing);
    LabelMatrix matrix;
    matrix.reserve(labels.size() * outputs_);
    for (const auto& label : labels) {
      const auto& row = embeddings_.at(label);
      matrix.insert(matrix.end(), row.begin(), row.end());
    }
    return matrix;
  }

  void embed_missing(const std::vector<std::string>& labels) {
    for (std::size_t begin = 0; begin < labels.size(); begin += kTextBatch) {
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
  }

  static std::string fill(std::string prompt, const std::string& label) {
    constexpr std::string_view kSlot = "{label}";
    return prompt.replace(prompt.find(kSlot), kSlot.size(), label);
  }

  // [texts, outputs_]
  std::vector<float> run_text(std::vector<std::string>& texts) {
    if (!text_) {
      {
        const std::scoped_lock lock(extension_mutex_);
        if (!std::exchange(has_extension_, true)) core_.add_extension(OPENVINO_TOKENIZERS_LIBRARY);
      }
      text_ = std::make_unique<RequestPool>(compile(core_.read_model(folder_.text_graph), 1), 1);
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

  ov::Core& core_;
  std::mutex& extension_mutex_;
  bool& has_extension_;  // guarded by extension_mutex_
  ModelFolder folder_;
  const InferenceOptions& options_;
  std::size_t outputs_ = 0;  // classes, or dimensions of the embedding
  std::unique_ptr<RequestPool> image_;

  std::mutex embed_mutex_;
  std::unique_ptr<RequestPool> text_;  // guarded by embed_mutex_
  std::unordered_map<std::string, std::vector<float>>
      embeddings_;  // by label; guarded by embed_mutex_
  std::mutex sets_mutex_;
  std::deque<std::pair<std::shared_ptr<const JobSpec>, std::shared_ptr<const LabelMatrix>>>
      sets_;  // newest first; guarded by sets_mutex_
};

std::string type_name(JobType type) { return std::string(to_string(type)); }

class OpenVinoClassifier final : public Classifier {
 public:
  explicit OpenVinoClassifier(InferenceOptions options) : options_(std::move(options)) {
    options_.streams = std::max<std::size_t>(options_.streams, 1);
  }

  std::vector<ModelInfo> models() const override {
    std::vector<ModelInfo> infos;
    std::error_code error;
    for (fs::directory_iterator entry(options_.models_dir, error), end; !error && entry != end;
         entry.increment(error)) {
      if (!entry->is_directory(error) || entry->path().filename().string().starts_with('.'))
        continue;
      infos.push_back(info_of(entry->path()));
    }
    std::ranges::sort(infos, {}, &ModelInfo::name);
    for (const JobType type : {JobType::kImageClassification, JobType::kCustomClassification}) {
      if (auto* const best = default_of(infos, type); best != nullptr) best->is_default = true;
    }
    return infos;
  }

  Result<std::string> resolve(JobType type, std::string_view wanted) const override {
    auto infos = models();
    if (wanted.empty()) wanted = configured(type);
    if (wanted.empty()) {
      if (const auto* const best = default_of(infos, type); best != nullptr) return best->name;
      return fail(ErrorCode::kUnavailable, "no model for " + type_name(type) + " is installed in " +
                                               options_.models_dir.string() +
                                               ": run scripts/setup.sh");
    }
    const auto found = std::ranges::find(infos, wanted, &ModelInfo::name);
    if (found == infos.end()) {
      std::string names;
      for (const auto& info : infos) names += (names.empty() ? "" : ", ") + info.name;
      return fail(ErrorCode::kInvalidArgument,
                  "there is no model \"" + std::string(wanted.substr(0, 100)) +
                      "\"; installed are: " + (names.empty() ? "none" : names));
    }
    if (!found->error.empty()) {
      return fail(ErrorCode::kUnavailable,
                  "model \"" + found->name + "\" cannot be used: " + found->error);
    }
    if (found->job_type != type) {
      return fail(ErrorCode::kInvalidArgument, "model \"" + found->name + "\" is for " +
                                                   type_name(found->job_type) + ", not for " +
                                                   type_name(type));
    }
    return found->name;
  }

  Result<void> warm_up(const std::shared_ptr<const JobSpec>& spec) override {
    return guarded(spec->model, [&](LoadedModel& model) -> Result<void> {
      if (model.folder().kind == ModelKind::kImageText) std::ignore = model.label_matrix(spec);
      return {};
    });
  }

  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    return guarded(spec.model, [&](LoadedModel& model) {
      return prepare_image(bytes, model.folder().resize, options_.decode);
    });
  }

  Result<std::vector<Predictions>> classify(std::span<const PreparedImage> images,
                                            const std::shared_ptr<const JobSpec>& spec) override {
    return guarded(spec->model, [&](LoadedModel& model) -> Result<std::vector<Predictions>> {
      std::vector<Predictions> all;
      all.reserve(images.size());
      for (const auto& image : images) {
        auto predictions = model.classify(image, spec);
        if (!predictions) return std::unexpected(predictions.error());
        all.push_back(std::move(*predictions));
      }
      return all;
    });
  }

  std::size_t preferred_batch(const JobSpec& /*spec*/) const override { return 1; }

 private:
  // One place for one model: whoever comes first loads it, the others wait for that one only.
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<LoadedModel> model;  // guarded by mutex
  };

  ModelInfo info_of(const fs::path& path) const {
    ModelInfo info;
    info.name = path.filename().string();
    const auto folder = read_model_folder(path);
    if (!folder) {
      info.error = folder.error().message;
      return info;
    }
    info.job_type = folder->job_type();
    info.description = folder->description;
    info.licence = folder->licence;
    info.source = folder->source;
    info.starter = folder->starter;
    info.num_labels = folder->labels.size();
    const std::scoped_lock lock(slots_mutex_);
    const auto slot = slots_.find(info.name);
    if (slot != slots_.end()) {
      // A model that is being loaded is not loaded yet.
      const std::unique_lock slot_lock(slot->second->mutex, std::try_to_lock);
      info.loaded = slot_lock.owns_lock() && slot->second->model != nullptr;
    }
    return info;
  }

  const std::string& configured(JobType type) const {
    return type == JobType::kImageClassification ? options_.image_model : options_.custom_model;
  }

  // The configured one, else the official one, else one that is no starter, else a starter.
  ModelInfo* default_of(std::vector<ModelInfo>& infos, JobType type) const {
    const std::string_view official =
        type == JobType::kImageClassification ? "mobilenet_v2" : "clip_vit_b32";
    ModelInfo* best = nullptr;
    int best_score = -1;
    for (auto& info : infos) {
      if (info.job_type != type || !info.error.empty()) continue;
      const int score = info.name == configured(type) ? 3
                        : info.name == official       ? 2
                        : info.starter                ? 0
                                                      : 1;
      if (score > best_score) {
        best = &info;
        best_score = score;
      }
    }
    return best;
  }

  Result<std::shared_ptr<LoadedModel>> load(const std::string& name) {
    std::shared_ptr<Slot> slot;
    {
      const std::scoped_lock lock(slots_mutex_);
      auto& entry = slots_[name];
      if (!entry) entry = std::make_shared<Slot>();
      slot = entry;
    }
    const std::scoped_lock lock(slot->mutex);
    if (slot->model) return slot->model;
    auto folder = read_model_folder(options_.models_dir / name);
    if (!folder) {
      return fail(ErrorCode::kUnavailable,
                  "model \"" + name + "\" cannot be used: " + folder.error().message);
    }
    if (auto verified = verify_model_files(*folder); !verified) {
      return fail(ErrorCode::kUnavailable,
                  "model \"" + name + "\" cannot be used: " + verified.error().message);
    }
    slot->model = std::make_shared<LoadedModel>(core_, extension_mutex_, has_extension_,
                                                std::move(*folder), options_);
    spdlog::info("model {} is loaded", name);
    return slot->model;
  }

  // Runs `use(model)`; OpenVINO's exceptions become errors of the model.
  template <class Use>
  auto guarded(const std::string& name, Use use) -> std::invoke_result_t<Use, LoadedModel&> {
    try {
      const auto model = load(name);
      if (!model) return std::unexpected(model.error());
      return use(**model);
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::kExhausted, "out of memory in model \"" + name + "\"");
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kInternal, "model \"" + name + "\" failed: " + exception.what());
    }
  }

  InferenceOptions options_;
  ov::Core core_;
  std::mutex extension_mutex_;
  bool has_extension_ = false;  // guarded by extension_mutex_
  mutable std::mutex slots_mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;  // guarded by slots_mutex_
};

}  // namespace

std::unique_ptr<Classifier> make_openvino_classifier(InferenceOptions options) {
  return std::make_unique<OpenVinoClassifier>(std::move(options));
}

}  // namespace classifier
