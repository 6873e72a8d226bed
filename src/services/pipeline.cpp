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

struct Incoming {
  Delivery delivery;
  Pipeline::Source source;
};

// An image, and what is known of it for the memory.
struct Wanted {
  Delivery delivery;
  std::string fingerprint;  // of the model; empty: nothing is remembered
  std::optional<KnownContent> known;
};

struct Fetched {
  Wanted wanted;
  Result<std::vector<std::byte>> bytes;
  std::string version;                // of the object; empty where it is not known
  std::optional<MemoryShare> memory;  // for the bytes, and to decode them
};

struct Prepared {
  Delivery delivery;
  PreparedImage image;
  std::string fingerprint;
  std::string content;  // to be remembered by; empty: not at all
  double seconds = 0;   // spent to prepare it
};

// Most images that are recalled at once.
constexpr std::size_t kRecallBatch = 64;

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
        unseen_(options_.queue_capacity),
        fetched_(options_.queue_capacity),
        prepared_(options_.queue_capacity) {
    recall_thread_ = std::jthread([this] { run_recall(); });
    for (std::size_t i = 0; i < options_.fetch_threads; ++i)
      fetch_threads_.emplace_back([this] { run_fetch(); });
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.prepare_threads, 1); ++i) {
      prepare_threads_.emplace_back([this] { run_prepare(); });
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.classify_threads, 1); ++i) {
      classify_threads_.emplace_back([this] { run_classify(); });
    }
  }

  void push(Delivery delivery, Pipeline::Source source) {
    incoming_.push({std::move(delivery), source});
  }

  void finish() {
    incoming_.close();
    recall_thread_ = {};  // joins
    unseen_.close();
    fetch_threads_.clear();
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

  void run_recall() {
    lower_priority();
    while (true) {
      // Whatever is there: an image that waited for others would be late.
      auto batch = incoming_.pop_batch(kRecallBatch, std::chrono::milliseconds(0),
                                       [](const Incoming&) { return false; });
      if (batch.empty()) return;
      if (options_.image_memory == nullptr || options_.stopping.stop_requested()) {
        for (auto& image : batch) unseen_.push({std::move(image.delivery), {}, std::nullopt});
      } else {
        recall(std::move(batch));
      }
    }
  }

  void recall(std::vector<Incoming> batch) {
    std::vector<std::string> keys;
    for (const auto& image : batch) {
      if (image.source == Pipeline::Source::kStore) keys.push_back(image.delivery.task.s3_key);
    }
    auto known = options_.image_memory->contents(keys);
    std::vector<std::optional<KnownContent>> contents(batch.size());
    auto next = known.begin();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].source == Pipeline::Source::kStore) contents[i] = std::move(*next++);
    }
    for (std::size_t begin = 0, end = 0; begin < batch.size(); begin = end) {
      // Neighbours are mostly of one job.
      const std::string& model = batch[begin].delivery.task.spec->model;
      while (end < batch.size() && batch[end].delivery.task.spec->model == model) ++end;
      recall({&batch[begin], end - begin}, {&contents[begin], end - begin});
    }
  }

  // Of one model.
  void recall(std::span<Incoming> batch, std::span<std::optional<KnownContent>> contents) {
    const Stopwatch watch;
    const std::string fingerprint =
        options_.image_memory->fingerprint(batch.front().delivery.task.spec->model);
    std::vector<std::string> known;
    for (const auto& content : contents) {
      if (content && !fingerprint.empty()) known.push_back(content->sha256);
    }
    std::vector<std::optional<SeenImage>> seen;
    if (!known.empty()) seen = options_.image_memory->recall(fingerprint, known);
    const double ms = watch.seconds() * 1e3 / static_cast<double>(batch.size());
    auto next = seen.begin();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const bool looked_up = next != seen.end() && contents[i];
      if (!looked_up || !answer(batch[i].delivery, *next++, ms))
        unseen_.push({std::move(batch[i].delivery), fingerprint, std::move(contents[i])});
    }
  }

  // Whether the image is done with what is remembered of it.
  bool answer(Delivery& delivery, const std::optional<SeenImage>& seen, double ms) {
    if (!seen) return false;
    auto predictions =
        guarded("classified", [&] { return classifier_.rank(*seen, delivery.task.spec); });
    if (!predictions) return false;  // the image is seen again, and has the error if it is not new
    metrics_.image_reused();
    done_({std::move(delivery), std::move(*predictions), ms, seen->warning, true});
    return true;
  }

  void run_fetch() {
    lower_priority();
    while (auto wanted = unseen_.pop()) fetched_.push(fetch(std::move(*wanted)));
  }

  Fetched fetch(Wanted wanted) {
    if (options_.stopping.stop_requested()) return {std::move(wanted), stopped(), {}, std::nullopt};
    const Stopwatch watch;
    auto image = guarded("fetched", [&] { return fetch_(wanted.delivery); });
    metrics_.stage_time(Stage::kFetch, watch.seconds(), 1);
    if (!image)
      return {std::move(wanted), std::unexpected(std::move(image.error())), {}, std::nullopt};
    Fetched fetched{std::move(wanted), std::move(image->bytes), std::move(image->version),
                    std::nullopt};
    if (fetched.bytes && options_.memory != nullptr) wait_for_memory(fetched);
    return fetched;
  }

  void wait_for_memory(Fetched& fetched) {
    const auto decoding = guarded("prepared", [&]() -> Result<std::uint64_t> {
      const Watchdog::Watch watched(options_.prepare_watchdog,
                                    name_of(fetched.wanted.delivery.task));
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
    auto wanted = unseen_.pop();
    if (!wanted) return std::nullopt;
    return fetch(std::move(*wanted));
  }

  void run_prepare() {
    lower_priority();
    while (auto next = next_fetched()) {
      if (options_.stopping.stop_requested()) next->bytes = stopped();
      Wanted& wanted = next->wanted;
      if (!next->bytes) {
        done_({std::move(wanted.delivery), std::move(next->bytes.error()), 0, {}});
        continue;
      }
      const Stopwatch watch;
      const std::string content = content_of(wanted, *next->bytes, next->version);
      if (!content.empty() && !was_looked_up(wanted, content)) {
        const auto seen = options_.image_memory->recall(wanted.fingerprint, {&content, 1});
        if (answer(wanted.delivery, seen.front(), watch.seconds() * 1e3)) continue;
      }
      auto image = guarded("prepared", [&] {
        const Watchdog::Watch watched(options_.prepare_watchdog, name_of(wanted.delivery.task));
        return classifier_.prepare(*next->bytes, *wanted.delivery.task.spec);
      });
      const double seconds = watch.seconds();
      metrics_.stage_time(Stage::kPrepare, seconds, 1);
      next->bytes->clear();
      next->bytes->shrink_to_fit();
      next->memory.reset();
      if (image) {
        prepared_.push({std::move(wanted.delivery), std::move(*image),
                        std::move(wanted.fingerprint), content, seconds});
      } else {
        done_({std::move(wanted.delivery), std::move(image.error()), seconds * 1e3, {}});
      }
    }
  }

  // Empty where it is not to be remembered.
  std::string content_of(const Wanted& wanted, std::span<const std::byte> bytes,
                         const std::string& version) {
    if (options_.image_memory == nullptr || wanted.fingerprint.empty()) return {};
    return options_.image_memory->content_of(wanted.delivery.task.s3_key, wanted.known, bytes,
                                             version);
  }

  static bool was_looked_up(const Wanted& wanted, const std::string& content) {
    return wanted.known && wanted.known->sha256 == content;
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
    std::vector<Result<SeenImage>> results = run_model_watched(batch, images, spec);
    const double seconds = watch.seconds();
    metrics_.stage_time(Stage::kClassify, seconds, batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const double ms = (batch[i].seconds + seconds / static_cast<double>(batch.size())) * 1e3;
      auto predictions =
          results[i] ? guarded("classified", [&] { return classifier_.rank(*results[i], spec); })
                     : std::unexpected(std::move(results[i].error()));
      if (!predictions) {
        done_({std::move(batch[i].delivery), std::move(predictions.error()), ms, {}});
        continue;
      }
      std::string warning = results[i]->warning;
      if (!batch[i].content.empty()) {
        options_.image_memory->remember(batch[i].fingerprint, batch[i].content, *results[i]);
      }
      done_({std::move(batch[i].delivery), std::move(*predictions), ms, std::move(warning)});
    }
  }

  std::vector<Result<SeenImage>> run_model_watched(std::span<const Prepared> batch,
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
  std::vector<Result<SeenImage>> run_model(std::span<const PreparedImage> images,
                                           const std::shared_ptr<const JobSpec>& spec) {
    auto all = guarded("classified", [&] { return classifier_.see(images, *spec); });
    std::vector<Result<SeenImage>> results;
    results.reserve(images.size());
    if (all) {
      for (auto& seen : *all) results.emplace_back(std::move(seen));
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
  BoundedQueue<Incoming> incoming_;
  BoundedQueue<Wanted> unseen_;
  BoundedQueue<Fetched> fetched_;
  BoundedQueue<Prepared> prepared_;
  std::jthread recall_thread_;
  std::vector<std::jthread> fetch_threads_;
  std::vector<std::jthread> prepare_threads_;
  std::vector<std::jthread> classify_threads_;
};

Pipeline::Pipeline(Classifier& classifier, Metrics& metrics, PipelineOptions options, Fetch fetch,
                   Done done)
    : impl_(std::make_unique<Impl>(classifier, metrics, std::move(options), std::move(fetch),
                                   std::move(done))) {}

Pipeline::~Pipeline() { finish(); }

void Pipeline::push(Delivery delivery, Source source) { impl_->push(std::move(delivery), source); }

void Pipeline::finish() { impl_->finish(); }

}  // namespace classifier
