#include "services/pipeline.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "services/bounded_queue.hpp"

namespace classifier {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

double seconds_since(SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Fetched {
  PipelineItem item;
  Result<std::vector<std::byte>> bytes;
};

struct Prepared {
  PipelineItem item;
  PreparedImage image;
  double seconds = 0;  // spent on preparing it
};

std::string name_of(const PipelineItem& item) {
  return "job " + item.task.job_id + " image " + std::to_string(item.task.index) + " (" +
         item.task.s3_key + ")";
}

}  // namespace

class Pipeline::Impl {
 public:
  Impl(Classifier& classifier, Metrics& metrics, PipelineOptions options, Fetch fetch, Done done)
      : classifier_(classifier),
        metrics_(metrics),
        options_(options),
        fetch_(std::move(fetch)),
        done_(std::move(done)),
        incoming_(options_.queue_capacity),
        fetched_(options_.queue_capacity),
        prepared_(options_.queue_capacity) {
    for (std::size_t i = 0; i < options_.fetch_threads; ++i)
      fetch_threads_.emplace_back([this] { run_fetch(); });
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.prepare_threads, 1); ++i) {
      prepare_threads_.emplace_back([this] { run_prepare(); });
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.classify_threads, 1); ++i) {
      classify_threads_.emplace_back([this] { run_classify(); });
    }
  }

  void push(PipelineItem item) { incoming_.push(std::move(item)); }

  void finish() {
    incoming_.close();
    fetch_threads_.clear();  // joins
    fetched_.close();
    prepare_threads_.clear();
    prepared_.close();
    classify_threads_.clear();
  }

 private:
  void lower_priority() const {
    // On Linux the niceness belongs to the thread. Where it cannot be raised, all goes on as it is.
    if (options_.nice != 0) std::ignore = ::nice(options_.nice);
  }

  void run_fetch() {
    lower_priority();
    while (auto item = incoming_.pop()) fetched_.push(fetch(std::move(*item)));
  }

  Fetched fetch(PipelineItem item) {
    const auto start = std::chrono::steady_clock::now();
    auto bytes = guarded("fetched", [&] { return fetch_(item); });
    metrics_.stage_time(Stage::kFetch, seconds_since(start), 1);
    return {std::move(item), std::move(bytes)};
  }

  // The next image with its bytes; nullopt at the end.
  std::optional<Fetched> next_fetched() {
    if (options_.fetch_threads > 0) return fetched_.pop();
    auto item = incoming_.pop();
    if (!item) return std::nullopt;
    return fetch(std::move(*item));
  }

  void run_prepare() {
    lower_priority();
    while (auto next = next_fetched()) {
      if (!next->bytes) {
        done_({std::move(next->item), std::move(next->bytes.error()), 0});
        continue;
      }
      const auto start = std::chrono::steady_clock::now();
      auto image = guarded("prepared", [&] {
        const Watchdog::Watch watch(options_.watchdog, name_of(next->item));
        return classifier_.prepare(*next->bytes, *next->item.task.spec);
      });
      const double seconds = seconds_since(start);
      metrics_.stage_time(Stage::kPrepare, seconds, 1);
      if (image) {
        prepared_.push({std::move(next->item), std::move(*image), seconds});
      } else {
        done_({std::move(next->item), std::move(image.error()), seconds * 1e3});
      }
    }
  }

  // What throws becomes an error of this one image.
  template <class Step>
  static auto guarded(const char* what, Step step) -> decltype(step()) {
    try {
      return step();
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::kExhausted, std::string("out of memory while the image was ") + what);
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kInternal,
                  std::string("the image could not be ") + what + ": " + exception.what());
    }
  }

  void run_classify() {
    lower_priority();
    while (auto first = prepared_.pop()) classify(take_batch(std::move(*first)));
  }

  // The first image and those behind it that wait already and run on the same job's terms.
  std::vector<Prepared> take_batch(Prepared first) {
    const auto spec = first.item.task.spec;
    const std::size_t size = classifier_.preferred_batch(*spec);
    std::vector<Prepared> batch;
    batch.push_back(std::move(first));
    while (batch.size() < size) {
      auto next = prepared_.pop_now_if([&](const Prepared& p) { return p.item.task.spec == spec; });
      if (!next) break;
      batch.push_back(std::move(*next));
    }
    return batch;
  }

  void classify(std::vector<Prepared> batch) {
    const auto spec = batch.front().item.task.spec;
    const auto start = std::chrono::steady_clock::now();
    std::vector<PreparedImage> images;
    images.reserve(batch.size());
    for (auto& prepared : batch) images.push_back(std::move(prepared.image));
    std::vector<Result<Predictions>> results = watched_model(batch, images, spec);
    const double seconds = seconds_since(start);
    metrics_.stage_time(Stage::kClassify, seconds, batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const double ms = (batch[i].seconds + seconds / static_cast<double>(batch.size())) * 1e3;
      if (results[i]) {
        done_({std::move(batch[i].item), std::move(*results[i]), ms});
      } else {
        done_({std::move(batch[i].item), std::move(results[i].error()), ms});
      }
    }
  }

  std::vector<Result<Predictions>> watched_model(std::span<const Prepared> batch,
                                                 std::span<const PreparedImage> images,
                                                 const std::shared_ptr<const JobSpec>& spec) {
    std::string names;
    for (const auto& prepared : batch)
      names += (names.empty() ? "" : ", ") + name_of(prepared.item);
    const Watchdog::Watch watch(options_.watchdog, std::move(names));
    return run_model(images, spec);
  }

  // One result for each image. Where the whole batch fails, each image is tried alone, so that one
  // that the model fails on takes no other with it.
  std::vector<Result<Predictions>> run_model(std::span<const PreparedImage> images,
                                             const std::shared_ptr<const JobSpec>& spec) {
    auto all = guarded("classified", [&] { return classifier_.classify(images, spec); });
    std::vector<Result<Predictions>> results;
    results.reserve(images.size());
    if (all) {
      for (auto& predictions : *all) results.emplace_back(std::move(predictions));
    } else if (images.size() == 1) {
      results.emplace_back(std::unexpected(std::move(all.error())));
    } else {
      for (const auto& image : images)
        results.push_back(std::move(run_model({&image, 1}, spec).front()));
    }
    return results;
  }

  Classifier& classifier_;
  Metrics& metrics_;
  PipelineOptions options_;
  Fetch fetch_;
  Done done_;
  BoundedQueue<PipelineItem> incoming_;
  BoundedQueue<Fetched> fetched_;
  BoundedQueue<Prepared> prepared_;
  std::vector<std::jthread> fetch_threads_;
  std::vector<std::jthread> prepare_threads_;
  std::vector<std::jthread> classify_threads_;
};

Pipeline::Pipeline(Classifier& classifier, Metrics& metrics, PipelineOptions options, Fetch fetch,
                   Done done)
    : impl_(std::make_unique<Impl>(classifier, metrics, options, std::move(fetch),
                                   std::move(done))) {}

Pipeline::~Pipeline() { finish(); }

void Pipeline::push(PipelineItem item) { impl_->push(std::move(item)); }

void Pipeline::finish() { impl_->finish(); }

}  // namespace classifier
