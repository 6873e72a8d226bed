// The ports to metrics.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "domain/job.hpp"

namespace classifier {

enum class Stage { kFetch, kPrepare, kClassify, kStore, kReport };
constexpr std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kFetch:
      return "fetch";
    case Stage::kPrepare:
      return "prepare";
    case Stage::kClassify:
      return "classify";
    case Stage::kStore:
      return "store";
    case Stage::kReport:
      return "report";
  }
  return "unknown";
}

// Thread-safe and cheap; never fails.
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual void image_done(ImageState state) = 0;
  virtual void image_reused() = 0;  // it was answered from memory
  virtual void image_retried() = 0;
  virtual void image_buried() = 0;
  virtual void stage_time(Stage stage, double seconds, std::size_t images) = 0;
  virtual void job_accepted(std::size_t images) = 0;
  // Whether a store of the worker ("image store", "work queue", …) answers.
  virtual void store_answers(std::string_view store, bool answers) = 0;
};

// One HTTP request that was answered.
struct RequestRecord {
  std::string_view method;
  std::string_view route;  // the pattern; "(unknown)" for paths without a route
  int status = 0;
  double seconds = 0;           // from the end of the request's header to the end of the answer
  std::uint64_t bytes_in = 0;   // of the body
  std::uint64_t bytes_out = 0;  // of the body
};

// Thread-safe and cheap; never fails.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  virtual void request_done(const RequestRecord& record) = 0;
  virtual void connections_changed(int delta) = 0;
};

// Called after each call of another service. Thread-safe and cheap; never fails.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  // `outcome` is "ok" or the code of the error. `attempts` counts the requests that were sent.
  virtual void call_done(std::string_view service, std::string_view operation, int attempts,
                         std::string_view outcome, std::chrono::milliseconds took) = 0;
};

// For programs without metrics, and for tests.
class NoMetrics final : public Metrics {
 public:
  void image_done(ImageState /*state*/) override {}
  void image_reused() override {}
  void image_retried() override {}
  void image_buried() override {}
  void stage_time(Stage /*stage*/, double /*seconds*/, std::size_t /*images*/) override {}
  void job_accepted(std::size_t /*images*/) override {}
  void store_answers(std::string_view /*store*/, bool /*answers*/) override {}
};

}  // namespace classifier
