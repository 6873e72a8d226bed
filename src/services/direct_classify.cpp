#include "services/direct_classify.hpp"

#include <mutex>
#include <utility>

#include "services/image_outcome.hpp"
#include "services/job_service.hpp"

namespace classifier {
namespace {

DirectResult new_result(std::string job_id, const std::shared_ptr<const JobSpec>& spec,
                        std::span<const DirectImage> images, TimePoint now) {
  DirectResult result;
  Job& job = result.job;
  job.id = std::move(job_id);
  job.spec = spec;
  job.counts.total = static_cast<std::int64_t>(images.size());
  job.created_at = job.updated_at = now;
  job.started_at = now;
  std::vector<std::string> keys;
  keys.reserve(images.size());
  for (const auto& image : images) keys.push_back(image.key);
  auto filenames = unique_filenames(keys);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    result.records.push_back({.index = static_cast<std::int64_t>(i),
                              .s3_key = std::move(keys[i]),
                              .filename = std::move(filenames[i]),
                              .name = {},
                              .outcome = std::nullopt});
  }
  return result;
}

void finish(Job& job, TimePoint now) {
  job.completed_at = job.updated_at = now;
  const bool some = job.counts.failed < job.counts.total;
  job.status = some ? JobStatus::kCompleted : JobStatus::kFailed;
  if (!some) job.error = "none of the images could be classified";
}

// Returns false if `stop` was requested before all images were started.
bool run(DirectResult& result, const std::vector<DirectImage>& images, const DirectPorts& ports,
         const DirectOptions& options, const std::stop_token& stop) {
  std::mutex mutex;  // guards the result's counts and outcomes
  Pipeline pipeline(
      ports.classifier, ports.metrics, options.pipeline,
      [&](const Delivery& delivery) -> Result<FetchedImage> {
        const auto& image = images[static_cast<std::size_t>(delivery.task.index)];
        if (image.content) return std::vector(image.content->begin(), image.content->end());
        return ports.objects.get_version(Bucket::kInput, image.key, options.max_image_bytes);
      },
      [&](PipelineResult done) {
        const auto index = static_cast<std::size_t>(done.delivery.task.index);
        ImageOutcome outcome = take_outcome(done);
        const bool in_store = !images[index].content.has_value();
        if (in_store) {
          copy_classified(outcome, done.delivery.task, [&](const std::string& to) {
            return ports.objects.copy_to_output(done.delivery.task.s3_key, to);
          });
        }
        const ImageState state = state_of(outcome, *done.delivery.task.spec);
        ports.metrics.image_done(state);
        const std::scoped_lock lock(mutex);
        result.job.counts.add(state, outcome.reused);
        result.records[index].outcome = std::move(outcome);
      });
  for (const auto& record : result.records) {
    if (stop.stop_requested()) return false;
    const bool sent = images[static_cast<std::size_t>(record.index)].content.has_value();
    pipeline.push({.task = {.job_id = result.job.id,
                            .spec = result.job.spec,
                            .index = record.index,
                            .s3_key = record.s3_key,
                            .filename = record.filename,
                            .generation = 0},
                   .receipt = {}},
                  sent ? Pipeline::Source::kCaller : Pipeline::Source::kStore);
  }
  return true;
}

}  // namespace

Result<DirectResult> classify_now(std::string job_id, const std::shared_ptr<const JobSpec>& spec,
                                  std::vector<DirectImage> images, const DirectPorts& ports,
                                  const DirectOptions& options, const std::stop_token& stop) {
  if (auto warm = ports.classifier.warm_up(spec, stop); !warm) return std::unexpected(warm.error());
  DirectResult result = new_result(std::move(job_id), spec, images, ports.clock.now());
  if (!run(result, images, ports, options, stop))
    return fail(ErrorCode::kUnavailable, "the service is stopping: send the images again");
  finish(result.job, ports.clock.now());
  return result;
}

}  // namespace classifier
