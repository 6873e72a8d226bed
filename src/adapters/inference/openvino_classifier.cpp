#include "adapters/inference/openvino_classifier.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <type_traits>
#include <utility>

#include "adapters/inference/label_check.hpp"
#include "adapters/inference/loaded_model.hpp"
#include "adapters/inference/model_folder.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> unusable(const std::string& name, const std::string& why) {
  return fail(ErrorCode::kUnavailable, fmt::format("model \"{}\" cannot be used: {}", name, why));
}

std::unexpected<Error> no_such_model(ErrorCode code, const std::vector<ModelInfo>& infos,
                                     std::string_view wanted) {
  std::string names;
  for (const auto& info : infos) names += (names.empty() ? "" : ", ") + info.name;
  return fail(code, fmt::format("there is no model \"{}\"; installed are: {}",
                                utf8_prefix(wanted, 100), names.empty() ? "none" : names));
}

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
      return fail(ErrorCode::kUnavailable,
                  fmt::format("no model for {} is installed in {}: {}", to_string(type),
                              options_.models_dir.string(), options_.no_model_advice));
    }
    const auto found = std::ranges::find(infos, wanted, &ModelInfo::name);
    if (found == infos.end()) return no_such_model(ErrorCode::kInvalidArgument, infos, wanted);
    if (!found->error.empty()) return unusable(found->name, found->error);
    if (found->job_type != type) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("model \"{}\" is for {}, not for {}", found->name,
                              to_string(found->job_type), to_string(type)));
    }
    return found->name;
  }

  Result<std::vector<LabelGroup>> label_groups(std::string_view model) const override {
    // Only a name that is listed becomes a path.
    const auto infos = models();
    if (std::ranges::find(infos, model, &ModelInfo::name) == infos.end())
      return no_such_model(ErrorCode::kNotFound, infos, model);
    const auto folder = read_model_folder(options_.models_dir / model);
    auto groups = folder ? read_label_groups(*folder) : std::unexpected(folder.error());
    if (groups) return groups;
    return fail(ErrorCode::kNotFound, fmt::format("model \"{}\" has no groups of labels: {}", model,
                                                  groups.error().message));
  }

  Result<void> warm_up(const std::shared_ptr<const JobSpec>& spec,
                       const std::stop_token& stop) override {
    return guarded(spec->model, [&](LoadedModel& model) -> Result<void> {
      if (model.folder().kind == ModelKind::kImageText && !model.label_matrix(spec, stop))
        return fail(ErrorCode::kUnavailable, "stopped before all labels were embedded");
      return {};
    });
  }

  Result<std::vector<std::string>> label_warnings(const std::shared_ptr<const JobSpec>& spec,
                                                  const std::stop_token& stop) override {
    using Warnings = std::vector<std::string>;
    return guarded(spec->model, [&](LoadedModel& model) -> Result<Warnings> {
      if (model.folder().kind != ModelKind::kImageText) return Warnings();
      const auto labels = model.label_matrix(spec, stop);
      if (!labels) return fail(ErrorCode::kUnavailable, "stopped before all labels were embedded");
      Warnings warnings = indistinct_labels(*labels, spec->custom_labels);
      if (auto unknown = unknown_labels(*labels, spec->custom_labels, model.class_embeddings());
          !unknown.empty())
        warnings.push_back(std::move(unknown));
      return warnings;
    });
  }

  Result<PreparedImage> prepare(std::span<const std::byte> bytes, const JobSpec& spec) override {
    return guarded(spec.model, [&](LoadedModel& model) {
      return options_.decoder->prepare(bytes, model.folder().resize);
    });
  }

  Result<std::vector<SeenImage>> see(std::span<const PreparedImage> images,
                                     const JobSpec& spec) override {
    return guarded(spec.model, [&](LoadedModel& model) { return model.see(images); });
  }

  Result<Predictions> rank(const SeenImage& image,
                           const std::shared_ptr<const JobSpec>& spec) override {
    return guarded(spec->model, [&](LoadedModel& model) { return model.rank(image, spec); });
  }

  Result<std::string> fingerprint(const std::string& model) override {
    return guarded(model,
                   [](LoadedModel& loaded) -> Result<std::string> { return loaded.fingerprint(); });
  }

  Result<std::vector<float>> embed_text(const std::string& model,
                                        const std::string& text) override {
    return guarded(model, [&](LoadedModel& loaded) -> Result<std::vector<float>> {
      if (loaded.folder().kind != ModelKind::kImageText) return Classifier::embed_text(model, text);
      return loaded.embed_text(text);
    });
  }

  std::size_t preferred_batch(const JobSpec& spec) override {
    const auto size = guarded(
        spec.model, [](LoadedModel& model) -> Result<std::size_t> { return model.max_batch(); });
    return size.value_or(1);
  }

 private:
  // The place of one model. The first caller loads it; others that need it wait, callers of other
  // models do not.
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
    info.search_threshold = folder->search_threshold;
    const std::scoped_lock lock(slots_mutex_);
    const auto slot = slots_.find(info.name);
    if (slot != slots_.end()) {
      // The lock is taken while the model is being loaded.
      const std::unique_lock slot_lock(slot->second->mutex, std::try_to_lock);
      info.loaded = slot_lock.owns_lock() && slot->second->model != nullptr;
    }
    return info;
  }

  const std::string& configured(JobType type) const {
    return type == JobType::kImageClassification ? options_.image_model : options_.custom_model;
  }

  // In order of preference: the configured model, the official one, one that is not a starter, a
  // starter. Null where none is usable.
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
    if (!folder) return unusable(name, folder.error().message);
    if (auto verified = verify_model_files(*folder); !verified)
      return unusable(name, verified.error().message);
    if (auto fits = take_memory(*folder); !fits) return std::unexpected(fits.error());
    slot->model = std::make_shared<LoadedModel>(core_, std::move(*folder), options_);
    spdlog::info("loaded model {}", name);
    if (const auto groups = read_label_groups(slot->model->folder());
        !groups && groups.error().code != ErrorCode::kNotFound)
      spdlog::warn("model {} is used without groups of labels: {}", name, groups.error().message);
    return slot->model;
  }

  // Counts a model that is not one of the default ones.
  Result<void> take_memory(const ModelFolder& folder) {
    if (resolve(folder.job_type(), "").value_or("") == folder.name) return {};
    const std::uint64_t needed = estimated_memory(folder);
    const std::scoped_lock lock(slots_mutex_);
    if (needed > options_.extra_model_memory - extra_memory_) {
      return fail(ErrorCode::kExhausted,
                  fmt::format("there is no memory for model \"{}\", which needs about {} MB beside "
                              "those that are loaded: raise MEMORY_LIMIT",
                              folder.name, needed >> 20));
    }
    extra_memory_ += needed;
    return {};
  }

  // Runs `use(model)`, and converts exceptions into errors.
  template <class Use>
  auto guarded(const std::string& name, Use use) -> std::invoke_result_t<Use, LoadedModel&> {
    try {
      const auto model = load(name);
      if (!model) return std::unexpected(model.error());
      return use(**model);
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::kExhausted, fmt::format("out of memory in model \"{}\"", name));
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kInternal,
                  fmt::format("model \"{}\" failed: {}", name, exception.what()));
    }
  }

  InferenceOptions options_;
  InferenceCore core_;
  mutable std::mutex slots_mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;  // guarded by slots_mutex_
  std::uint64_t extra_memory_ = 0;  // of models beside the default ones; guarded by slots_mutex_
};

}  // namespace

std::unique_ptr<Classifier> make_openvino_classifier(InferenceOptions options) {
  return std::make_unique<OpenVinoClassifier>(std::move(options));
}

}  // namespace classifier
