// The port to the counters that operators watch.
#pragma once

#include <cstddef>
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
  virtual void image_retried() = 0;
  virtual void image_buried() = 0;
  virtual void stage_time(Stage stage, double seconds, std::size_t images) = 0;
  virtual void job_accepted(std::size_t images) = 0;
};

// For programs that nobody watches, and tests.
class NoMetrics final : public Metrics {
 public:
  void image_done(ImageState /*state*/) override {}
  void image_retried() override {}
  void image_buried() override {}
  void stage_time(Stage /*stage*/, double /*seconds*/, std::size_t /*images*/) override {}
  void job_accepted(std::size_t /*images*/) override {}
};

}  // namespace classifier
