// The way of an image through one process: fetch and prepare on some threads, classify on others,
// with bounded queues between them so that decoding and inference overlap and memory stays flat.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "domain/error.hpp"
#include "domain/job.hpp"
#include "ports/classifier.hpp"
#include "ports/metrics.hpp"
#include "services/watchdog.hpp"

namespace classifier {

// One image on its way, with what its owner needs to recognise it.
struct PipelineItem {
  ImageTask task;
  std::string receipt;
  int receive_count = 1;
};

struct PipelineResult {
  PipelineItem item;
  std::variant<Predictions, Error> result;
  double processing_time_ms = 0;
};

struct PipelineOptions {
  // Threads that only fetch, for stores that take long to answer; 0: those that prepare do it.
  std::size_t fetch_threads = 0;
  std::size_t prepare_threads = 2;
  std::size_t classify_threads = 2;
  std::size_t queue_capacity = 16;  // images that wait in front of each stage
  int nice = 0;                     // added to the threads' niceness, so that the API answers first
  // Watches the preparing of each image and the classifying of each batch, not their waiting in a
  // queue; lives longer than the pipeline. nullptr: they may take as long as they do.
  Watchdog* watchdog = nullptr;
};

class Pipeline {
 public:
  using Fetch = std::function<Result<std::vector<std::byte>>(const PipelineItem&)>;
  // Called once for each item, from the pipeline's threads, in the order in which images finish.
  using Done = std::function<void(PipelineResult)>;

  Pipeline(Classifier& classifier, Metrics& metrics, PipelineOptions options, Fetch fetch,
           Done done);
  // Finishes what is inside.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Hands an image over; blocks while the first queue is full. Thread-safe.
  void push(PipelineItem item);

  // Waits until everything that was pushed is done, and ends the threads. Nothing may be pushed
  // after it.
  void finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace classifier
