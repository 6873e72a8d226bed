// Stores what workers report in the job store.
#pragma once

#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "ports/metrics.hpp"
#include "ports/result_sink.hpp"

namespace classifier {

// Thread-safe.
class Accounting final : public ResultSink {
 public:
  Accounting(JobStore& jobs, const Clock& clock) : jobs_(jobs), clock_(clock) {}

  Result<void> started(std::string_view job_id) override {
    return jobs_.mark_started(job_id, clock_.now());
  }

  Result<void> report(std::span<const ImageOutcome> outcomes) override {
    if (auto counted = jobs_.record(outcomes, clock_.now()); !counted)
      return std::unexpected(counted.error());
    return {};
  }

  Result<void> ping() override { return jobs_.ping(); }

 private:
  JobStore& jobs_;
  const Clock& clock_;
};

}  // namespace classifier
