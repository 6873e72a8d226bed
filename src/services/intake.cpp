#include "services/intake.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "support/pause.hpp"

namespace classifier {
namespace {

constexpr std::chrono::milliseconds kAfterFailedReceive{500};
constexpr std::size_t kJobsToWarmUp = 8;
constexpr std::size_t kMaxStartedJobs = 10'000;

}  // namespace

Intake::Intake(Worker::Ports ports, const WorkerOptions& options, MessagesInHand& messages,
               Classify classify, GiveUp give_up)
    : ports_(ports),
      options_(options),
      messages_(messages),
      classify_(std::move(classify)),
      give_up_(std::move(give_up)),
      jobs_(ports.jobs) {}

void Intake::run(const std::stop_token& stop) {
  warm_up_unfinished_jobs();
  while (!stop.stop_requested()) {
    const std::size_t room = messages_.wait_for_room(stop);
    if (room == 0) continue;
    auto deliveries =
        ports_.queue.receive(std::min(room, options_.receive_batch), options_.receive_wait, stop);
    if (!deliveries) {
      spdlog::warn("receiving messages failed, will try again: {}", deliveries.error().message);
      pause(kAfterFailedReceive, stop);
      continue;
    }
    messages_.received(*deliveries);
    for (auto& delivery : *deliveries) take_up(std::move(delivery));
  }
}

// Loads models before the first message is received: if loading kills the process again and again,
// no image loses an attempt to it.
void Intake::warm_up_unfinished_jobs() {
  for (const JobStatus status : {JobStatus::kProcessing, JobStatus::kQueued}) {
    const auto page = ports_.jobs.list({.status = status, .type = {}}, kJobsToWarmUp, "");
    if (!page) return;
    for (const auto& listed : page->jobs) {
      if (const auto job = ports_.jobs.get(listed.id))
        std::ignore = ports_.classifier.warm_up(job->spec);
    }
  }
}

// A redelivered image may be what killed the last worker, so it runs alone.
void Intake::take_up(Delivery delivery) {
  const bool alone = is_redelivery(delivery);
  if (alone) messages_.wait_until_empty();
  messages_.taken_up(delivery.receipt);
  dispatch(std::move(delivery));
  if (alone) messages_.wait_until_empty();
}

void Intake::dispatch(Delivery delivery) {
  // This comes before the question whether the job needs the image: the last worker may have died
  // after it reported the failure and before it buried the message.
  if (delivery.receive_count > options_.max_attempts) {
    Error error{ErrorCode::kInternal,
                fmt::format("given up: the image was taken up {} times and the worker never "
                            "finished it",
                            options_.max_attempts)};
    give_up_({std::move(delivery), std::move(error), 0});
  } else if (!jobs_.needs(delivery.task)) {
    drop(delivery);
  } else {
    start_job(delivery.task);
    classify_(std::move(delivery));
  }
}

void Intake::start_job(const ImageTask& task) {
  if (!started_jobs_.insert(task.job_id).second) return;
  if (started_jobs_.size() > kMaxStartedJobs) started_jobs_ = {task.job_id};
  // May fail: the first outcome marks the job as started, too.
  std::ignore = ports_.results.started(task.job_id);
  // Now, so that the time to load the model is not counted as the first image's. If it fails, the
  // image fails with the same error.
  std::ignore = ports_.classifier.warm_up(task.spec);
}

void Intake::drop(const Delivery& delivery) {
  if (auto removed = ports_.queue.remove({&delivery.receipt, 1}); !removed) {
    spdlog::warn("removing a message of job {} failed: {}", delivery.task.job_id,
                 removed.error().message);
  }
  messages_.finished({&delivery.receipt, 1});
}

}  // namespace classifier
