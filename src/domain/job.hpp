// A job, its images and their outcomes: plain values that every layer may use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/error.hpp"
#include "domain/prediction.hpp"
#include "domain/time.hpp"

namespace classifier {

enum class JobType { kImageClassification, kCustomClassification };

enum class JobStatus { kPending, kQueued, kProcessing, kCompleted, kFailed, kCancelled };

// The names on the wire: "image_classification", "queued", …
std::string_view to_string(JobType type);
std::string_view to_string(JobStatus status);
std::optional<JobType> parse_job_type(std::string_view name);
std::optional<JobStatus> parse_job_status(std::string_view name);

// Completed, failed and cancelled jobs change no more, unless their failed images are retried.
bool is_final(JobStatus status);

// How the images of a job are classified; the same for all of them, and fixed at submission.
struct JobSpec {
  JobType type = JobType::kImageClassification;
  std::string model;  // name of the model's folder
  std::vector<std::string>
      custom_labels;  // only for kCustomClassification; distinct, in the user's order
  int top_k = 5;      // 1 to 10
  double confidence_threshold = 0.5;  // 0 to 1
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

// The three ways in which an image counts.
enum class ImageState { kClassified, kUnknown, kFailed };

// Images of a job by outcome. `classified + unknown + failed <= total`.
struct JobCounts {
  std::int64_t total = 0;
  std::int64_t classified = 0;  // top score at or above the threshold
  std::int64_t unknown = 0;     // top score below it
  std::int64_t failed = 0;      // could not be classified
  [[nodiscard]] std::int64_t done() const { return classified + unknown + failed; }
  void add(ImageState state) {
    ++(state == ImageState::kClassified ? classified
       : state == ImageState::kUnknown  ? unknown
                                        : failed);
  }
  friend bool operator==(const JobCounts&, const JobCounts&) = default;
};

struct Job {
  std::string id;
  std::shared_ptr<const JobSpec> spec;
  JobStatus status = JobStatus::kPending;
  JobCounts counts;
  TimePoint created_at;
  TimePoint updated_at;
  std::optional<TimePoint> started_at;    // the first image was taken up
  std::optional<TimePoint> completed_at;  // set with a final status
  std::optional<std::string> error;       // why a job failed or was cancelled
  int retry_count = 0;                    // times that failed images were run again
};

// One image of one job, as it travels through the work queue.
struct ImageTask {
  std::string job_id;
  std::shared_ptr<const JobSpec> spec;
  std::int64_t index = 0;  // position in the job's s3_keys
  std::string s3_key;
  std::string filename;  // unique among the job's distinct keys; names the output
  int generation = 0;    // the job's retry_count when the task was sent; older results do not count
};

// What became of one image: predictions, or an error. Never both.
struct ImageOutcome {
  std::string job_id;
  std::int64_t index = 0;
  int generation = 0;
  std::variant<Predictions, Error> result;  // Predictions is never empty
  std::string output_key;         // key of the copy in the output store; empty without one
  double processing_time_ms = 0;  // decode, inference and ranking, without waiting
};

ImageState state_of(const ImageOutcome& outcome, const JobSpec& spec);

// One row of a job's result, as stored. Without an outcome the image waits or is in work.
struct ImageRecord {
  std::int64_t index = 0;
  std::string s3_key;
  std::string filename;
  std::optional<ImageOutcome> outcome;
};

}  // namespace classifier
