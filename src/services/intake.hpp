// Receives messages from the work queue and decides for each one: classify the image, drop the
// message, or give the image up. Internal to the worker.
#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>

#include "ports/work_queue.hpp"
#include "services/job_status_cache.hpp"
#include "services/messages_in_hand.hpp"
#include "services/pipeline.hpp"
#include "services/worker.hpp"

namespace classifier {

// Used by one thread.
class Intake {
 public:
  using Classify = std::function<void(Delivery)>;
  using GiveUp = std::function<void(PipelineResult)>;

  // Every image goes to `classify` or `give_up`, and its message stays in `messages` until
  // somebody finishes it there. `messages` outlives this.
  Intake(Worker::Ports ports, const WorkerOptions& options, MessagesInHand& messages,
         Classify classify, GiveUp give_up);

  // Receives until `stop` is requested. Returns once everything received is passed on.
  void run(const std::stop_token& stop);

 private:
  void warm_up_unfinished_jobs();
  void take_up(Delivery delivery);
  void dispatch(Delivery delivery);
  void start_job(const ImageTask& task);
  void drop(const Delivery& delivery);

  Worker::Ports ports_;
  WorkerOptions options_;
  MessagesInHand& messages_;
  Classify classify_;
  GiveUp give_up_;
  JobStatusCache jobs_;
  std::set<std::string> started_jobs_;  // ids
};

}  // namespace classifier
