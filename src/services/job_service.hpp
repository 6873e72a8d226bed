// Submits, cancels, retries, renames and removes jobs. Their state is read from the job store
// directly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/catalogue.hpp"
#include "ports/classifier.hpp"
#include "ports/clock.hpp"
#include "ports/job_drafts.hpp"
#include "ports/job_store.hpp"
#include "ports/metrics.hpp"
#include "ports/work_queue.hpp"
#include "services/backlog.hpp"

namespace classifier {

// All images of the catalogue that the filter admits when the job is accepted.
struct ImageRule {
  ImageFilter filter;
  ImageOrder order = ImageOrder::kKey;
};

struct SubmitRequest {
  std::string name;  // may be empty
  JobType type = JobType::kImageClassification;
  std::string model;  // empty: the default for the type
  std::vector<std::string> s3_keys;
  std::optional<ImageRule> images;  // in place of s3_keys
  std::vector<std::string> custom_labels;
  int top_k = 5;
  double confidence_threshold = 0.5;
  std::string idempotency_key;  // empty: none
};

struct JobLimits {
  std::size_t max_images = 1'000'000;
  std::size_t max_labels = 10'000;
  std::size_t max_label_bytes = 1'000;
  std::size_t max_key_bytes = 1'024;
  std::size_t max_idempotency_key_bytes = 255;
  std::int64_t max_backlog = 0;  // images that wait in the queue; 0: no limit
};

// Checks labels, which an error calls `field`. White space around them is removed.
Result<void> check_labels(std::vector<std::string>& labels, const JobLimits& limits,
                          std::string_view field);

// Checks the fields that classification needs and resolves the model. White space around labels is
// removed.
Result<JobSpec> make_spec(JobType type, std::string_view model,
                          std::vector<std::string> custom_labels, int top_k,
                          double confidence_threshold, const JobLimits& limits,
                          const Classifier& classifier);

// A name for each key, different for different keys: the last part of the key, with the folders
// before it if another key has taken that name ("a/cat.jpg", "b/cat.jpg" -> "cat.jpg",
// "b_cat.jpg").
std::vector<std::string> unique_filenames(const std::vector<std::string>& keys);

// What jobs by rule need; null where the stores have no catalogue.
struct RuleStores {
  Catalogue* catalogue = nullptr;
  JobDrafts* drafts = nullptr;
};

// Thread-safe.
class JobService {
 public:
  // `on_work` is called when there are tasks to send, `on_removed` when a job was removed; they
  // must not block.
  JobService(
      JobStore& jobs, WorkQueue& queue, const Classifier& classifier, const Clock& clock,
      Metrics& metrics, JobLimits limits, std::function<void()> on_work,
      RuleStores rule_stores = {}, std::function<void()> on_removed = [] {});

  // Once this returns a job, it is durable and will run to its end despite crashes. kUnavailable
  // when too many images wait already; then nothing is stored.
  Result<Job> submit(const SubmitRequest& request);

  Result<Job> cancel(std::string_view job_id);
  Result<Job> retry(std::string_view job_id);
  Result<Job> rename(std::string_view job_id, std::string_view name);
  // Once this returns, the job and its results are gone for everyone. Its sorted copies are removed
  // later, by Retention.
  Result<void> remove(std::string_view job_id);

 private:
  Result<Job> create_by_rule(const NewJob& job, const ImageRule& rule);

  JobStore& jobs_;
  WorkQueue& queue_;
  const Classifier& classifier_;
  const Clock& clock_;
  Metrics& metrics_;
  JobLimits limits_;
  Backlog backlog_;
  std::function<void()> on_work_;
  RuleStores rule_stores_;
  std::function<void()> on_removed_;
};

}  // namespace classifier
