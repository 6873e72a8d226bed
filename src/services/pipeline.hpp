// Fetches, prepares and classifies images on threads of its own. Bounded queues between the stages
// let decoding and inference overlap, and limit the memory in use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "domain/error.hpp"
#include "domain/job.hpp"
#include "ports/classifier.hpp"
#include "ports/metrics.hpp"
#include "ports/object_store.hpp"
#include "ports/work_queue.hpp"
#include "services/image_memory.hpp"
#include "services/watchdog.hpp"
#include "support/memory_budget.hpp"

namespace classifier {

struct PipelineResult {
  Delivery delivery;
  std::variant<Predictions, Error> result;
  double processing_time_ms = 0;
  std::string warning;  // of a classified image; may be empty
  bool reused = false;  // answered from memory
};

// The bytes of an image, made of what whoever fetches it knows.
struct FetchedImage {
  FetchedImage(std::vector<std::byte> image) : bytes(std::move(image)) {}
  FetchedImage(StoredObject object)
      : bytes(std::move(object.bytes)), version(std::move(object.etag)) {}

  std::vector<std::byte> bytes;
  std::string version;  // of the object; empty where it is not known
};

struct PipelineOptions {
  // Threads that only fetch, for stores that answer slowly; 0: the threads that prepare also fetch.
  std::size_t fetch_threads = 0;
  std::size_t prepare_threads = 2;
  std::size_t classify_threads = 2;
  std::size_t queue_capacity = 16;  // images that wait before each stage
  int nice = 0;                     // added to the threads' niceness, so that the API has priority
  // Limit the time to prepare an image and to classify a batch, without the time in queues; outlive
  // the pipeline. nullptr: no limit.
  Watchdog* prepare_watchdog = nullptr;
  Watchdog* watchdog = nullptr;
  // Once it is requested, images that wait for a stage are done with kUnavailable.
  // NOLINTNEXTLINE(readability-redundant-member-init)
  std::stop_token stopping = {};
  // An image waits for its share of `memory`, which it has until it is prepared: the size of its
  // file, and what `decoding_memory` says. `memory` outlives the pipeline; nullptr: no limit.
  MemoryBudget* memory = nullptr;
  // NOLINTNEXTLINE(readability-redundant-member-init)
  std::function<std::uint64_t(std::span<const std::byte> image)> decoding_memory = {};
  // Images that it remembers are not fetched or, where their content is known only then, not
  // prepared. Outlives the pipeline; nullptr: every image is seen.
  ImageMemory* image_memory = nullptr;
};

class Pipeline {
 public:
  // Where an image is. The memory knows the content of a stored one by its key.
  enum class Source { kStore, kCaller };
  using Fetch = std::function<Result<FetchedImage>(const Delivery&)>;
  // Called once for each image, on the pipeline's threads, in the order in which images finish.
  using Done = std::function<void(PipelineResult)>;

  Pipeline(Classifier& classifier, Metrics& metrics, PipelineOptions options, Fetch fetch,
           Done done);
  // Calls finish().
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Adds an image; blocks while the first queue is full, whose images also wait to be recalled.
  // Images that come from no queue need no receipt. Thread-safe.
  void push(Delivery delivery, Source source = Source::kStore);

  // Waits until every image is done, and ends the threads. Nothing may be pushed after it.
  void finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
