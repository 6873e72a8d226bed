#include "services/direct_classify.hpp"

#include <mutex>
#include <utility>

#include "services/image_outcome.hpp"
#include "services/job_service.hpp"

namespace classifier {
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
        [&](const Delivery& delivery) -> Result<std::vector<std::byte>> {
          auto& image = images[static_cast<std::size_t>(delivery.task.index)];
          if (!image.content) return objects.get(Bucket::kInput, image.key, max_image_bytes);
          return std::move(*image.content);
        },
        [&](PipelineResult done) {
          const auto index = static_cast<std::size_t>(done.delivery.task.index);
          ImageOutcome outcome = take_outcome(done);
          // The optional keeps its value, though the fetch has moved the bytes out of it.
          const bool in_store = !images[index].content.has_value();
          if (in_store) copy_classified(outcome, done.delivery.task, objects);
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
      Delivery delivery;
      delivery.task = {.job_id = result.job.id,
                       .spec = spec,
                       .index = static_cast<std::int64_t>(i),
                       .s3_key = keys[i],
                       .filename = filenames[i],
                       .generation = 0};
      pipeline.push(std::move(delivery));
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
