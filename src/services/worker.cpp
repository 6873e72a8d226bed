#include "services/worker.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/intake.hpp"
#include "services/job_starter.hpp"
#include "services/messages_in_hand.hpp"
#include "services/reporter.hpp"
#include "services/store_gates.hpp"
#include "support/pause.hpp"

namespace classifier {

class Worker::Impl {
 public:
  Impl(Ports ports, WorkerOptions options)
      : ports_(ports),
        options_(std::move(options)),
        gates_(ports, options_.gates),
        messages_(options_.max_in_hand),
        reporter_(ports, options_, gates_, messages_, stopping_.get_token()),
        starter_(
            ports.classifier, ports.results,
            [this](Delivery delivery) { pipeline_->push(std::move(delivery)); },
            options_.max_in_hand / 2, stopping_.get_token()),
        intake_(ports, options_, gates_, messages_, starter_,
                [this](PipelineResult result) { reporter_.push(std::move(result)); }) {
    options_.pipeline.stopping = stopping_.get_token();
  }

  ~Impl() { stop(); }

  void start() {
    running_ = true;
    pipeline_ = std::make_unique<Pipeline>(
        ports_.classifier, ports_.metrics, options_.pipeline,
        [this](const Delivery& delivery) {
          return gates_.images.through(
              [&] {
                return ports_.objects.get_version(Bucket::kInput, delivery.task.s3_key,
                                                  options_.max_image_bytes);
              },
              stopping_.get_token());
        },
        [this](PipelineResult result) { reporter_.push(std::move(result)); });
    reporter_.start();
    starter_.start();
    extend_thread_ = std::jthread([this](const std::stop_token& stop) { run_extend(stop); });
    receive_thread_ = std::jthread([this](const std::stop_token& stop) { intake_.run(stop); });
  }

  void stop_taking() {
    receive_thread_.request_stop();
    stopping_.request_stop();
  }

  void stop() {
    if (!pipeline_) return;
    stop_taking();
    receive_thread_.join();
    starter_.finish();
    pipeline_->finish();
    reporter_.finish();
    extend_thread_ = {};  // stops and joins
    pipeline_.reset();
    running_ = false;
  }

  bool running() const { return running_; }
  std::size_t in_hand() const { return messages_.size(); }

 private:
  // Keeps the messages in hand hidden from other workers.
  void run_extend(const std::stop_token& stop) {
    while (pause(options_.visibility_timeout / 3, stop)) {
      const auto extended =
          gates_.queue.through([&] { return ports_.queue.extend(messages_.receipts()); }, stop);
      if (!extended && !stop.stop_requested())
        spdlog::warn("keeping messages hidden failed: {}", extended.error().message);
    }
  }

  Ports ports_;
  WorkerOptions options_;
  std::stop_source stopping_;
  StoreGates gates_;
  MessagesInHand messages_;
  Reporter reporter_;
  std::unique_ptr<Pipeline> pipeline_;
  JobStarter starter_;
  Intake intake_;
  std::atomic<bool> running_{false};
  std::jthread extend_thread_;
  std::jthread receive_thread_;
};

Worker::Worker(Ports ports, WorkerOptions options)
    : impl_(std::make_unique<Impl>(ports, std::move(options))) {}
Worker::~Worker() = default;
void Worker::start() { impl_->start(); }
void Worker::stop_taking() { impl_->stop_taking(); }
void Worker::stop() { impl_->stop(); }
bool Worker::running() const { return impl_->running(); }
std::size_t Worker::in_hand() const { return impl_->in_hand(); }

}  // namespace classifier
