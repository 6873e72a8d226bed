#include "services/seeing.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <variant>

#include "domain/text.hpp"

namespace classifier {

Result<SearchModel> Seeing::model() {
  auto name = classifier_.resolve(JobType::kCustomClassification, "");
  if (!name) return std::unexpected(name.error());
  auto fingerprint = classifier_.fingerprint(*name);
  if (!fingerprint) return std::unexpected(fingerprint.error());
  if (fingerprint->empty()) {
    return fail(ErrorCode::kUnavailable,
                "what model \"" + *name + "\" sees cannot be kept, so it cannot search");
  }
  SearchModel model;
  auto spec = std::make_shared<JobSpec>();
  spec->type = JobType::kCustomClassification;
  spec->model = *name;
  model.spec = std::move(spec);
  model.name = std::move(*name);
  model.fingerprint = std::move(*fingerprint);
  return model;
}

Result<SeenImage> Seeing::stored(const SearchModel& model, const std::string& key) {
  ImageMemory& memory = *options_.image_memory;
  const auto recall = [&]() -> std::optional<SeenImage> {
    const auto content = memory.contents({&key, 1}).front();
    if (!content) return std::nullopt;
    return std::move(memory.recall(model.fingerprint, {&content->sha256, 1}).front());
  };
  if (auto seen = recall()) return std::move(*seen);
  const auto bytes = objects_.get(Bucket::kInput, key, max_image_bytes_);
  if (!bytes) return std::unexpected(bytes.error());
  return given(model, *bytes);
}

Result<SeenImage> Seeing::given(const SearchModel& model, std::span<const std::byte> image) {
  ImageMemory& memory = *options_.image_memory;
  const std::string content = memory.content_of("", std::nullopt, image);
  std::optional<Error> error;
  run(model, {&content, 1}, image, [&](PipelineResult result) {
    if (auto* const failed = std::get_if<Error>(&result.result)) error = std::move(*failed);
  });
  if (error) return std::unexpected(std::move(*error));
  auto seen = std::move(memory.recall(model.fingerprint, {&content, 1}).front());
  if (!seen)
    return fail(ErrorCode::kUnavailable, "what the model saw could not be kept: try again");
  return std::move(*seen);
}

std::set<std::string> Seeing::remember(const SearchModel& model,
                                       std::span<const std::string> keys) {
  std::set<std::string> failed;
  if (keys.empty()) return failed;
  run(model, keys, std::nullopt, [&](const PipelineResult& result) {
    const auto* const error = std::get_if<Error>(&result.result);
    if (error == nullptr) return;
    spdlog::info("{} is not indexed: {}", result.delivery.task.s3_key, error->message);
    if (!error->transient()) failed.insert(result.delivery.task.s3_key);
  });
  options_.image_memory->flush();
  return failed;
}

void Seeing::run(const SearchModel& model, std::span<const std::string> keys,
                 std::optional<std::span<const std::byte>> content, const Pipeline::Done& done) {
  std::mutex mutex;
  Pipeline pipeline(
      classifier_, metrics_, options_,
      [&](const Delivery& delivery) -> Result<FetchedImage> {
        if (content) return std::vector(content->begin(), content->end());
        return objects_.get_version(Bucket::kInput, delivery.task.s3_key, max_image_bytes_);
      },
      [&](PipelineResult result) {
        const std::scoped_lock lock(mutex);
        done(std::move(result));
      });
  for (const auto& key : keys) {
    Delivery delivery;
    delivery.task.spec = model.spec;
    delivery.task.s3_key = key;
    pipeline.push(std::move(delivery),
                  content ? Pipeline::Source::kCaller : Pipeline::Source::kStore);
  }
}

}  // namespace classifier
