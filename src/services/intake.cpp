#include "services/intake.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "support/pause.hpp"

namespace classifier {
namespace {

constexpr std::chrono::milliseconds kAfterFailedReceive{500};
constexpr std::chrono::milliseconds kAfterFullStarter{5'000};
constexpr std::size_t kJobsToWarmUp = 8;

}  // namespace

Intake::Intake(Worker::Ports ports, const WorkerOptions& options, StoreGates& gates,
               MessagesInHand& messages, JobStarter& starter, GiveUp give_up)
    : ports_(ports),
      options_(options),
      gates_(gates),
      messages_(messages),
      starter_(starter),
      give_up_(std::move(give_up)),
      jobs_(ports.jobs) {}

void Intake::run(const std::stop_token& stop) {
  warm_up_unfinished_jobs(stop);
  while (!stop.stop_requested()) {
    const std::size_t room = messages_.wait_for_room(stop);
    if (room == 0) continue;
    auto deliveries = receive(room, stop);
    if (!deliveries) {
      if (stop.stop_requested()) return;
      spdlog::warn("receiving messages failed, will try again: {}", deliveries.error().message);
      pause(kAfterFailedReceive, stop);
      continue;
    }
    messages_.received(*deliveries);
    for (auto& delivery : *deliveries) take_up(std::move(delivery), stop);
  }
}

// Loads models before the first message is received: if loading kills the process again and again,
// no image loses an attempt to it.
void Intake::warm_up_unfinished_jobs(const std::stop_token& stop) {
  for (const JobStatus status : {JobStatus::kProcessing, JobStatus::kQueued}) {
    const auto page = ports_.jobs.list({.status = status, .type = {}}, kJobsToWarmUp, "");
    if (!page) return;
    for (const auto& listed : page->jobs) {
      if (stop.stop_requested()) return;
      if (const auto job = ports_.jobs.get(listed.id))
        std::ignore = ports_.classifier.warm_up(job->spec, stop);
    }
  }
}

Result<std::vector<Delivery>> Intake::receive(std::size_t room, const std::stop_token& stop) {
  bool after_outage = !gates_.all_open();
  if (!gates_.wait_until_open(stop)) return std::vector<Delivery>{};
  return gates_.queue.through(
      [&] {
        // What is in hand may have become visible in the meantime; it is not to be received again.
        if (after_outage) std::ignore = ports_.queue.extend(messages_.receipts());
        after_outage = true;
        return ports_.queue.receive(std::min(room, options_.receive_batch), options_.receive_wait,
                                    stop);
      },
      stop);
}

void Intake::take_up(Delivery delivery, const std::stop_token& stop) {
  // It may be what killed the last receiver.
  const bool alone = was_lost(delivery);
  if (alone) messages_.wait_until_empty();
  messages_.taken_up(delivery.receipt);
  dispatch(std::move(delivery), stop);
  if (alone) messages_.wait_until_empty();
}

void Intake::dispatch(Delivery delivery, const std::stop_token& stop) {
  // This comes before the question whether the job needs the image: the last worker may have died
  // after it reported the failure and before it buried the message.
  if (attempts(delivery) > options_.max_attempts) {
    give_up(std::move(delivery),
            {ErrorCode::kInternal,
             fmt::format("given up: the image was taken up {} times and the worker never "
                         "finished it",
                         options_.max_attempts)});
    return;
  }
  auto spec = gates_.jobs.through([&] { return jobs_.spec_for(delivery.task); }, stop);
  if (!spec && stop.stop_requested()) {
    give_back(delivery);
  } else if (!spec) {
    give_up(std::move(delivery), std::move(spec.error()));
  } else if (!*spec) {
    drop(delivery);
  } else {
    delivery.task.spec = std::move(*spec);
    if (!starter_.push(delivery)) give_back(delivery);
  }
}

void Intake::give_up(Delivery delivery, Error error) {
  if (!delivery.task.spec) delivery.task.spec = std::make_shared<const JobSpec>();
  give_up_({std::move(delivery), std::move(error), 0, {}});
}

void Intake::drop(const Delivery& delivery) {
  if (auto removed = ports_.queue.remove({&delivery.receipt, 1}); !removed) {
    spdlog::warn("removing a message of job {} failed: {}", delivery.task.job_id,
                 removed.error().message);
  }
  messages_.finished({&delivery.receipt, 1});
}

// If it fails, the visibility timeout returns the message.
void Intake::give_back(const Delivery& delivery) {
  std::ignore = ports_.queue.give_back({&delivery, 1}, kAfterFullStarter);
  messages_.finished({&delivery.receipt, 1});
}

}  // namespace classifier
