#include "services/worker.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/intake.hpp"
#include "services/messages_in_hand.hpp"
#include "services/reporter.hpp"
#include "support/pause.hpp"

namespace classifier {

class Worker::Impl {
 public:
  Impl(Ports ports, WorkerOptions options)
      : ports_(ports),
        options_(options),
        messages_(options.max_in_hand),
        reporter_(ports, options, messages_, stopping_.get_token()),
        intake_(
            ports, options, messages_,
            [this](Delivery delivery) { pipeline_->push(std::move(delivery)); },
            [this](PipelineResult result) { reporter_.push(std::move(result)); }) {}

  ~Impl() { stop(); }

  void start() {
    running_ = true;
    pipeline_ = std::make_unique<Pipeline>(
        ports_.classifier, ports_.metrics, options_.pipeline,
        [this](const Delivery& delivery) {
          return ports_.objects.get(Bucket::kInput, delivery.task.s3_key, options_.max_image_bytes);
        },
        [this](PipelineResult result) { reporter_.push(std::move(result)); });
    reporter_.start();
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
    while (!stop.stop_requested()) {
      pause(options_.visibility_timeout / 3, stop);
      const std::vector<std::string> receipts = messages_.receipts();
      if (receipts.empty()) continue;
      if (auto extended = ports_.queue.extend(receipts); !extended) {
        spdlog::warn("keeping {} messages hidden failed: {}", receipts.size(),
                     extended.error().message);
      }
    }
  }

  Ports ports_;
  WorkerOptions options_;
  std::stop_source stopping_;
  MessagesInHand messages_;
  Reporter reporter_;
  std::unique_ptr<Pipeline> pipeline_;
  Intake intake_;
  std::atomic<bool> running_{false};
  std::jthread extend_thread_;
  std::jthread receive_thread_;
};

Worker::Worker(Ports ports, WorkerOptions options)
    : impl_(std::make_unique<Impl>(ports, options)) {}
Worker::~Worker() = default;
void Worker::start() { impl_->start(); }
void Worker::stop_taking() { impl_->stop_taking(); }
void Worker::stop() { impl_->stop(); }
bool Worker::running() const { return impl_->running(); }
std::size_t Worker::in_hand() const { return impl_->in_hand(); }

}  // namespace classifier
