#include "services/pipeline.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "services/bounded_queue.hpp"
#include "support/stopwatch.hpp"

namespace classifier {
namespace {

struct Fetched {
  Delivery delivery;
  Result<std::vector<std::byte>> bytes;
  std::optional<MemoryShare> memory;  // for the bytes, and to decode them
};

struct Prepared {
  Delivery delivery;
  PreparedImage image;
  double seconds = 0;  // spent to prepare it
};

std::string name_of(const ImageTask& task) {
  return fmt::format("job {} image {} ({})", task.job_id, task.index, task.s3_key);
}

}  // namespace

class Pipeline::Impl {
 public:
  Impl(Classifier& classifier, Metrics& metrics, PipelineOptions options, Fetch fetch, Done done)
      : classifier_(classifier),
        metrics_(metrics),
        options_(std::move(options)),
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

  void push(Delivery delivery) { incoming_.push(std::move(delivery)); }

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
    // On Linux the niceness belongs to the thread. If it cannot be raised, nothing else changes.
    if (options_.nice != 0) std::ignore = ::nice(options_.nice);
  }

  void run_fetch() {
    lower_priority();
    while (auto delivery = incoming_.pop()) fetched_.push(fetch(std::move(*delivery)));
  }

  Fetched fetch(Delivery delivery) {
    if (options_.stopping.stop_requested()) return {std::move(delivery), stopped(), std::nullopt};
    const Stopwatch watch;
    auto bytes = guarded("fetched", [&] { return fetch_(delivery); });
    metrics_.stage_time(Stage::kFetch, watch.seconds(), 1);
    Fetched fetched{std::move(delivery), std::move(bytes), std::nullopt};
    if (fetched.bytes && options_.memory != nullptr) wait_for_memory(fetched);
    return fetched;
  }

  void wait_for_memory(Fetched& fetched) {
    const auto decoding = guarded("prepared", [&]() -> Result<std::uint64_t> {
      const Watchdog::Watch watched(options_.prepare_watchdog, name_of(fetched.delivery.task));
      return options_.decoding_memory(*fetched.bytes);
    });
    if (!decoding) {
      fetched.bytes = std::unexpected(decoding.error());
      return;
    }
    fetched.memory.emplace(*options_.memory).wait_for(fetched.bytes->size() + *decoding);
  }

  // The next image with its bytes; nullopt at the end.
  std::optional<Fetched> next_fetched() {
    if (options_.fetch_threads > 0) return fetched_.pop();
    auto delivery = incoming_.pop();
    if (!delivery) return std::nullopt;
    return fetch(std::move(*delivery));
  }

  void run_prepare() {
    lower_priority();
    while (auto next = next_fetched()) {
      if (options_.stopping.stop_requested()) next->bytes = stopped();
      if (!next->bytes) {
        done_({std::move(next->delivery), std::move(next->bytes.error()), 0, {}});
        continue;
      }
      const Stopwatch watch;
      auto image = guarded("prepared", [&] {
        const Watchdog::Watch watched(options_.prepare_watchdog, name_of(next->delivery.task));
        return classifier_.prepare(*next->bytes, *next->delivery.task.spec);
      });
      const double seconds = watch.seconds();
      metrics_.stage_time(Stage::kPrepare, seconds, 1);
      next->bytes->clear();
      next->bytes->shrink_to_fit();
      next->memory.reset();
      if (image) {
        prepared_.push({std::move(next->delivery), std::move(*image), seconds});
      } else {
        done_({std::move(next->delivery), std::move(image.error()), seconds * 1e3, {}});
      }
    }
  }

  static std::unexpected<Error> stopped() {
    return fail(ErrorCode::kUnavailable, "the service stopped before it came to the image");
  }

  // An exception becomes an error of this one image.
  template <class Step>
  static auto guarded(const char* what, Step step) -> decltype(step()) {
    try {
      return step();
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::kExhausted, fmt::format("out of memory while the image was {}", what));
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kInternal,
                  fmt::format("the image could not be {}: {}", what, exception.what()));
    }
  }

  void run_classify() {
    lower_priority();
    while (auto first = prepared_.pop()) {
      if (options_.stopping.stop_requested()) {
        done_({std::move(first->delivery), stopped().error(), 0, {}});
      } else {
        classify(take_batch(std::move(*first)));
      }
    }
  }

  // The first image, and those of the same job that wait directly behind it.
  std::vector<Prepared> take_batch(Prepared first) {
    const auto spec = first.delivery.task.spec;
    const std::size_t size = classifier_.preferred_batch(*spec);
    std::vector<Prepared> batch;
    batch.push_back(std::move(first));
    while (batch.size() < size) {
      auto next =
          prepared_.pop_now_if([&](const Prepared& p) { return p.delivery.task.spec == spec; });
      if (!next) break;
      batch.push_back(std::move(*next));
    }
    return batch;
  }

  void classify(std::vector<Prepared> batch) {
    const auto spec = batch.front().delivery.task.spec;
    const Stopwatch watch;
    std::vector<PreparedImage> images;
    images.reserve(batch.size());
    for (auto& prepared : batch) images.push_back(std::move(prepared.image));
    std::vector<Result<Predictions>> results = run_model_watched(batch, images, spec);
    const double seconds = watch.seconds();
    metrics_.stage_time(Stage::kClassify, seconds, batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const double ms = (batch[i].seconds + seconds / static_cast<double>(batch.size())) * 1e3;
      if (results[i]) {
        done_({std::move(batch[i].delivery), std::move(*results[i]), ms,
               std::move(images[i].warning)});
      } else {
        done_({std::move(batch[i].delivery), std::move(results[i].error()), ms, {}});
      }
    }
  }

  std::vector<Result<Predictions>> run_model_watched(std::span<const Prepared> batch,
                                                     std::span<const PreparedImage> images,
                                                     const std::shared_ptr<const JobSpec>& spec) {
    std::string names;
    for (const auto& prepared : batch)
      names += (names.empty() ? "" : ", ") + name_of(prepared.delivery.task);
    const Watchdog::Watch watched(options_.watchdog, std::move(names));
    return run_model(images, spec);
  }

  // One result for each image. If the batch fails, each image runs alone, so that an image that the
  // model cannot process does not fail the others.
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
  BoundedQueue<Delivery> incoming_;
  BoundedQueue<Fetched> fetched_;
  BoundedQueue<Prepared> prepared_;
  std::vector<std::jthread> fetch_threads_;
  std::vector<std::jthread> prepare_threads_;
  std::vector<std::jthread> classify_threads_;
};

Pipeline::Pipeline(Classifier& classifier, Metrics& metrics, PipelineOptions options, Fetch fetch,
                   Done done)
    : impl_(std::make_unique<Impl>(classifier, metrics, std::move(options), std::move(fetch),
                                   std::move(done))) {}

Pipeline::~Pipeline() { finish(); }

void Pipeline::push(Delivery delivery) { impl_->push(std::move(delivery)); }

void Pipeline::finish() { impl_->finish(); }

}  // namespace classifier
