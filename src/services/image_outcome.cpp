#include "services/image_outcome.hpp"

#include <spdlog/fmt/fmt.h>

#include <string>
#include <utility>
#include <variant>

#include "services/output_key.hpp"

namespace classifier {

ImageOutcome take_outcome(PipelineResult& result) {
  const ImageTask& task = result.delivery.task;
  return {.job_id = task.job_id,
          .index = task.index,
          .generation = task.generation,
          .result = std::move(result.result),
          .output_key = {},
          .processing_time_ms = result.processing_time_ms,
          .warning = std::move(result.warning),
          .reused = result.reused};
}

void copy_classified(ImageOutcome& outcome, const ImageTask& task,
                     const std::function<Result<void>(const std::string& output_key)>& copy_to) {
  if (state_of(outcome, *task.spec) != ImageState::kClassified) return;
  std::string key =
      output_key(task.job_id, std::get<Predictions>(outcome.result).front().label, task.filename);
  if (auto copied = copy_to(key); copied) {
    outcome.output_key = std::move(key);
  } else {
    outcome.result =
        Error{copied.error().code,
              fmt::format("copying to the output store failed: {}", copied.error().message)};
  }
}

}  // namespace classifier
