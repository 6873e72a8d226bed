#include "services/direct_classify.hpp"

#include <mutex>
#include <string_view>
#include <utility>

#include "services/job_service.hpp"
#include "services/result_format.hpp"

namespace classifier {
namespace {

// The outcome of one image; classified ones from the store are copied to the output.
ImageOutcome finish_image(PipelineResult result, bool stored, ObjectStore& objects) {
  const ImageTask& task = result.item.task;
  ImageOutcome outcome{.job_id = task.job_id,
                       .index = task.index,
                       .generation = 0,
                       .result = std::move(result.result),
                       .output_key = {},
                       .processing_time_ms = result.processing_time_ms};
  if (!stored || state_of(outcome, *task.spec) != ImageState::kClassified) return outcome;
  std::string key =
      output_key(task.job_id, std::get<Predictions>(outcome.result).front().label, task.filename);
  if (auto copied = objects.copy_to_output(task.s3_key, key); !copied) {
    outcome.result = std::move(copied.error());
  } else {
    outcome.output_key = std::move(key);
  }
  return outcome;
}

}  // namespace

Result<DirectResult> classify_now(std::string job_id, std::shared_ptr<const JobSpec> spec,
                                  std::vector<DirectImage> images, ObjectStore& objects,
                                  Classifier& classifier, Metrics& metrics, const Clock& clock,
                                  PipelineOptions options, std::uint64_t max_image_bytes,
                                  const std::stop_token& stop) {
  if (auto warm = classifier.warm_up(spec); !warm) return std::unexpected(warm.error());
  DirectResult result;
  result.job.id = std::move(job_id);
  result.job.spec = spec;
  result.job.counts.total = static_cast<std::int64_t>(images.size());
  result.job.created_at = result.job.updated_at = clock.now();
  result.job.started_at = result.job.created_at;
  std::vector<std::string> keys;
  keys.reserve(images.size());
  for (const auto& image : images) keys.push_back(image.key);
  const auto filenames = unique_filenames(keys);
  result.records.resize(images.size());

  std::size_t taken_up = 0;
  std::mutex mutex;  // guards result while the pipeline runs
  {
    Pipeline pipeline(
        classifier, metrics, options,
        [&](const PipelineItem& item) -> Result<std::vector<std::byte>> {
          auto& image = images[static_cast<std::size_t>(item.task.index)];
          if (!image.content) return objects.get(Bucket::kInput, image.key, max_image_bytes);
          return std::move(*image.content);
        },
        [&](PipelineResult done) {
          const auto index = static_cast<std::size_t>(done.item.task.index);
          // The content is moved out when it is fetched, but the optional stays engaged.
          auto outcome = finish_image(std::move(done), !images[index].content.has_value(), objects);
          const ImageState state = state_of(outcome, *spec);
          metrics.image_done(state);
          const std::scoped_lock lock(mutex);
          result.job.counts.add(state);
          result.records[index].outcome = std::move(outcome);
        });
    for (std::size_t& i = taken_up; i < images.size() && !stop.stop_requested(); ++i) {
      result.records[i].index = static_cast<std::int64_t>(i);
      result.records[i].s3_key = keys[i];
      result.records[i].filename = filenames[i];
      PipelineItem item;
      item.task = {.job_id = result.job.id,
                   .spec = spec,
                   .index = static_cast<std::int64_t>(i),
                   .s3_key = keys[i],
                   .filename = filenames[i],
                   .generation = 0};
      pipeline.push(std::move(item));
    }
  }
  if (taken_up < images.size())
    return fail(ErrorCode::kUnavailable, "the service is stopping: send the images again");
  const auto& counts = result.job.counts;
  result.job.completed_at = result.job.updated_at = clock.now();
  result.job.status = counts.failed < counts.total ? JobStatus::kCompleted : JobStatus::kFailed;
  if (result.job.status == JobStatus::kFailed)
    result.job.error = "none of the images could be classified";
  return result;
}

}  // namespace classifier
