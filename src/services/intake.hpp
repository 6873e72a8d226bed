// Receives messages from the work queue and decides for each one: classify the image, drop the
// message, or give the image up. Internal to the worker.
#pragma once

#include <functional>
#include <stop_token>

#include "ports/work_queue.hpp"
#include "services/job_cache.hpp"
#include "services/job_starter.hpp"
#include "services/messages_in_hand.hpp"
#include "services/pipeline.hpp"
#include "services/store_gates.hpp"
#include "services/worker.hpp"

namespace classifier {

// Used by one thread.
class Intake {
 public:
  using GiveUp = std::function<void(PipelineResult)>;

  // Every image goes to `starter` or `give_up`, and its message stays in `messages` until somebody
  // finishes it there. `gates`, `messages` and `starter` outlive this.
  Intake(Worker::Ports ports, const WorkerOptions& options, StoreGates& gates,
         MessagesInHand& messages, JobStarter& starter, GiveUp give_up);

  // Receives until `stop` is requested. Returns once everything received is passed on.
  void run(const std::stop_token& stop);

 private:
  void warm_up_unfinished_jobs(const std::stop_token& stop);
  Result<std::vector<Delivery>> receive(std::size_t room, const std::stop_token& stop);
  void take_up(Delivery delivery, const std::stop_token& stop);
  void dispatch(Delivery delivery, const std::stop_token& stop);
  void give_up(Delivery delivery, Error error);
  void drop(const Delivery& delivery);
  void give_back(const Delivery& delivery);

  Worker::Ports ports_;
  WorkerOptions options_;
  StoreGates& gates_;
  MessagesInHand& messages_;
  JobStarter& starter_;
  GiveUp give_up_;
  JobCache jobs_;
};

}  // namespace classifier
