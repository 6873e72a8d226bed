#include "services/job_starter.hpp"

#include <tuple>
#include <utility>

namespace classifier {
namespace {

constexpr std::size_t kMaxReadyJobs = 10'000;
// A job that takes long must not hold up the others.
constexpr int kThreads = 4;
constexpr std::chrono::seconds kPatience{1};

}  // namespace

JobStarter::JobStarter(Classifier& classifier, ResultSink& results, Classify classify,
                       std::size_t max_waiting, std::stop_token stopping)
    : classifier_(classifier),
      results_(results),
      classify_(std::move(classify)),
      max_waiting_(max_waiting),
      stopping_(std::move(stopping)) {}

JobStarter::~JobStarter() { finish(); }

void JobStarter::start() {
  for (int i = 0; i < kThreads; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
}

void JobStarter::finish() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();  // joins
}

bool JobStarter::push(Delivery& delivery) {
  const Run job_run(delivery.task.job_id, delivery.task.generation);
  std::unique_lock lock(mutex_);
  if (!ready_.contains(job_run)) {
    const auto [waiting, first] = waiting_.try_emplace(job_run);
    if (first) {
      waiting->second.since = std::chrono::steady_clock::now();
      pending_.push_back(job_run);
    } else if (!room_.wait_until(lock, waiting->second.since + kPatience, [&] {
                 return num_waiting_ < max_waiting_ || ready_.contains(job_run);
               })) {
      return false;
    }
  }
  if (!ready_.contains(job_run)) {
    waiting_[job_run].deliveries.push_back(std::move(delivery));
    ++num_waiting_;
    changed_.notify_one();
    return true;
  }
  lock.unlock();
  classify_(std::move(delivery));
  return true;
}

void JobStarter::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !pending_.empty(); })) {
    const Run job_run = pending_.front();
    pending_.pop_front();
    const auto spec = waiting_.at(job_run).deliveries.front().task.spec;
    lock.unlock();
    if (!stopping_.stop_requested()) prepare(job_run.first, spec);
    lock.lock();
    // What arrives while these are passed on waits behind them, so that the order is kept.
    while (!waiting_.at(job_run).deliveries.empty()) {
      auto deliveries = std::exchange(waiting_.at(job_run).deliveries, {});
      num_waiting_ -= deliveries.size();
      lock.unlock();
      room_.notify_one();
      for (auto& delivery : deliveries) classify_(std::move(delivery));
      lock.lock();
    }
    waiting_.erase(job_run);
    if (ready_.size() >= kMaxReadyJobs) ready_.clear();
    ready_.insert(job_run);
    room_.notify_one();
  }
}

void JobStarter::prepare(const std::string& job_id, const std::shared_ptr<const JobSpec>& spec) {
  // May fail: the first outcome marks the job as started, too.
  std::ignore = results_.started(job_id);
  // Now, so that the time for it is not counted as the first image's. If it fails, the image fails
  // with the same error.
  std::ignore = classifier_.warm_up(spec, stopping_);
}

}  // namespace classifier
