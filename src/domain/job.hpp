// Jobs, their images, and the outcomes of images.
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

// The names in the API: "image_classification", "queued", …
std::string_view to_string(JobType type);
std::string_view to_string(JobStatus status);
std::optional<JobType> parse_job_type(std::string_view name);
std::optional<JobStatus> parse_job_status(std::string_view name);

// Completed, failed and cancelled jobs do not change, unless they are retried.
bool is_final(JobStatus status);

// How all images of a job are classified; fixed at submission.
struct JobSpec {
  JobType type = JobType::kImageClassification;
  std::string model;  // name of the model
  std::vector<std::string>
      custom_labels;  // only for kCustomClassification; distinct, in the user's order
  int top_k = 5;      // 1 to 10
  double confidence_threshold = 0.5;  // 0 to 1
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

// How an image is counted.
enum class ImageState { kClassified, kUnknown, kFailed };

// Images of a job by outcome. `classified + unknown + failed <= total`.
struct JobCounts {
  std::int64_t total = 0;
  std::int64_t classified = 0;  // top score at or above the threshold
  std::int64_t unknown = 0;     // top score below it
  std::int64_t failed = 0;      // could not be classified
  std::int64_t reused = 0;      // of those that are done: answered from memory
  [[nodiscard]] std::int64_t done() const { return classified + unknown + failed; }
  void add(ImageState state, bool from_memory) {
    if (from_memory) ++reused;
    ++(state == ImageState::kClassified ? classified
       : state == ImageState::kUnknown  ? unknown
                                        : failed);
  }
  friend bool operator==(const JobCounts&, const JobCounts&) = default;
};

struct Job {
  std::string id;
  std::string name;  // by the user; may be empty
  std::shared_ptr<const JobSpec> spec;
  JobStatus status = JobStatus::kPending;
  JobCounts counts;
  TimePoint created_at;
  TimePoint updated_at;
  std::optional<TimePoint> started_at;    // the first image of this run was taken up
  std::optional<TimePoint> completed_at;  // set with a final status
  std::optional<std::string> error;       // why a job failed or was cancelled
  int retry_count = 0;                    // how often the job was retried
};

// One image of a job, as sent through the work queue.
struct ImageTask {
  std::string job_id;
  std::shared_ptr<const JobSpec> spec;
  std::int64_t index = 0;  // position in the job's s3_keys
  std::string s3_key;
  std::string filename;  // unique among the job's distinct keys; names the output
  int generation = 0;    // the job's retry_count when the task was sent
};

// The outcome of one image: predictions, or an error.
struct ImageOutcome {
  std::string job_id;
  std::int64_t index = 0;
  int generation = 0;
  std::variant<Predictions, Error> result;  // Predictions is never empty
  std::string output_key;                   // key of the sorted copy; empty if there is none
  double processing_time_ms = 0;            // for decoding and inference, without time in queues
  // What is missing of a classified image, in a sentence; may be empty.
  std::string warning = {};  // NOLINT(readability-redundant-member-init)
  // Answered from memory: not decoded and not run. Only counted, not stored for each image.
  bool reused = false;
};

ImageState state_of(const ImageOutcome& outcome, const JobSpec& spec);

// One image of a stored job. Without an outcome, the image is not done.
struct ImageRecord {
  std::int64_t index = 0;
  std::string s3_key;
  std::string filename;
  // The user's name of the image, as the catalogue had it when the job was accepted; empty where
  // there was none.
  std::string name;
  std::optional<ImageOutcome> outcome;
};

}  // namespace classifier
