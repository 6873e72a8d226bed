#include "services/dispatcher.hpp"

#include <spdlog/spdlog.h>

namespace classifier {
namespace {

constexpr std::size_t kJobsPerRound = 16;
constexpr std::size_t kTasksPerJob = 1'000;
constexpr std::chrono::seconds kAfterFailure{1};

}  // namespace

Dispatcher::Dispatcher(JobStore& jobs, WorkQueue& queue, std::chrono::milliseconds idle_poll)
    : jobs_(jobs), queue_(queue), idle_poll_(idle_poll) {}

Dispatcher::~Dispatcher() { stop(); }

void Dispatcher::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Dispatcher::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Dispatcher::wake() {
  {
    const std::scoped_lock lock(mutex_);
    work_ = true;
  }
  changed_.notify_one();
}

Result<bool> Dispatcher::run_once() {
  auto unsent = jobs_.unsent(kJobsPerRound, kTasksPerJob);
  if (!unsent) return std::unexpected(unsent.error());
  Result<bool> all_sent = !unsent->empty();
  for (const auto& tasks : *unsent) {
    // In this order, a crash in between sends the tasks again and loses none.
    auto sent = queue_.send(tasks.tasks);
    if (sent) sent = jobs_.mark_sent(tasks);
    // A job that cannot be sent must not delay the others.
    if (!sent && all_sent) all_sent = std::unexpected(std::move(sent.error()));
  }
  return all_sent;
}

void Dispatcher::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      const std::scoped_lock lock(mutex_);
      work_ = false;
    }
    const auto sent = run_once();
    if (sent && *sent) continue;
    if (!sent)
      spdlog::warn("sending tasks to the queue failed, will try again: {}", sent.error().message);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, sent ? idle_poll_ : std::chrono::milliseconds(kAfterFailure),
                      [&] { return sent && work_; });
  }
}

}  // namespace classifier
