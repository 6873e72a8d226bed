// Jobs and outcomes for tests and benchmarks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "domain/ids.hpp"
#include "domain/job.hpp"
#include "ports/job_store.hpp"

namespace classifier::testing {

// A job of the images "uploads/<index>.jpg".
inline NewJob new_job(std::int64_t images, TimePoint created_at, JobSpec spec = {}) {
  NewJob job;
  job.id = make_job_id(created_at);
  if (spec.model.empty()) spec.model = "a_model";
  job.spec = std::make_shared<const JobSpec>(std::move(spec));
  for (std::int64_t i = 0; i < images; ++i) {
    job.filenames.push_back(std::to_string(i) + ".jpg");
    job.s3_keys.push_back("uploads/" + job.filenames.back());
  }
  job.created_at = created_at;
  return job;
}

// The outcome of a cat, if `score` reaches the default threshold of 0.5.
inline ImageOutcome success(const std::string& job_id, std::int64_t index, int generation = 0,
                            float score = 0.9F) {
  return {.job_id = job_id,
          .index = index,
          .generation = generation,
          .result = Predictions{{"cat", score}, {"dog", 1 - score}},
          .output_key = score >= 0.5F ? job_id + "/cat/x.jpg" : "",
          .processing_time_ms = 2.5};
}

}  // namespace classifier::testing
