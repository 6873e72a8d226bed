#include "services/job_service.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <utility>

#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "domain/unique_names.hpp"

namespace classifier {
namespace {

std::string entry(const char* field, std::size_t index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

Result<void> check_labels(std::vector<std::string>& labels, const JobLimits& limits) {
  if (labels.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "custom_labels is missing: name at least one category, such as [\"dog\", \"cat\"]");
  }
  if (labels.size() > limits.max_labels) {
    return fail(ErrorCode::kInvalidArgument,
                "custom_labels has " + std::to_string(labels.size()) + " labels; at most " +
                    std::to_string(limits.max_labels) + " are allowed");
  }
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = trim(labels[i]);
    const std::string& label = labels[i];
    if (label.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  entry("custom_labels", i) + " is empty: remove it or name it");
    }
    if (label.size() > limits.max_label_bytes) {
      return fail(ErrorCode::kInvalidArgument,
                  entry("custom_labels", i) + " has " + std::to_string(label.size()) +
                      " bytes; at most " + std::to_string(limits.max_label_bytes) + " are allowed");
    }
    if (has_control_character(label) || !is_utf8(label)) {
      return fail(ErrorCode::kInvalidArgument,
                  entry("custom_labels", i) + " has a control character or is not UTF-8");
    }
    if (label == "unknown") {
      return fail(ErrorCode::kInvalidArgument,
                  entry("custom_labels", i) +
                      " is \"unknown\", which stands for images below the threshold: "
                      "choose another word");
    }
    const auto [earlier, is_new] = seen.emplace(label, i);
    if (!is_new) {
      return fail(ErrorCode::kInvalidArgument, "custom_labels has \"" + label +
                                                   "\" twice (entries " +
                                                   std::to_string(earlier->second) + " and " +
                                                   std::to_string(i) + "): remove one");
    }
  }
  return {};
}

Result<void> check_keys(const std::vector<std::string>& keys, const JobLimits& limits) {
  if (keys.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "s3_keys is missing or empty: name at least one image");
  }
  if (keys.size() > limits.max_images) {
    return fail(ErrorCode::kTooLarge, "s3_keys has " + std::to_string(keys.size()) +
                                          " images; at most " + std::to_string(limits.max_images) +
                                          " are allowed in one job: split it");
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].empty())
      return fail(ErrorCode::kInvalidArgument, entry("s3_keys", i) + " is empty");
    if (keys[i].size() > limits.max_key_bytes) {
      return fail(ErrorCode::kInvalidArgument,
                  entry("s3_keys", i) + " has " + std::to_string(keys[i].size()) +
                      " bytes; a key has at most " + std::to_string(limits.max_key_bytes));
    }
    if (has_control_character(keys[i]) || !is_utf8(keys[i])) {
      return fail(ErrorCode::kInvalidArgument,
                  entry("s3_keys", i) + " has a control character or is not UTF-8");
    }
    if (has_dot_part(keys[i])) {
      return fail(ErrorCode::kInvalidArgument,
                  entry("s3_keys", i) +
                      " has \".\" or \"..\" between slashes, which no key of an image has");
    }
  }
  return {};
}

// What makes two requests the same. The model is part of it only as the user named it.
std::string fingerprint(const SubmitRequest& request) {
  const nlohmann::json parts = {to_string(request.type), request.model,
                                request.s3_keys,         request.custom_labels,
                                request.top_k,           request.confidence_threshold};
  return sha256_hex(parts.dump());
}

}  // namespace

Result<JobSpec> make_spec(JobType type, std::string_view model,
                          std::vector<std::string> custom_labels, int top_k,
                          double confidence_threshold, const JobLimits& limits,
                          const Classifier& classifier) {
  if (top_k < 1 || top_k > 10) {
    return fail(ErrorCode::kInvalidArgument,
                "top_k must be a whole number from 1 to 10, not " + std::to_string(top_k));
  }
  if (!(confidence_threshold >= 0 && confidence_threshold <= 1)) {
    return fail(ErrorCode::kInvalidArgument,
                "confidence_threshold must be a number from 0 to 1, not " +
                    short_number(confidence_threshold));
  }
  if (type == JobType::kCustomClassification) {
    if (auto valid = check_labels(custom_labels, limits); !valid)
      return std::unexpected(valid.error());
  } else if (!custom_labels.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "custom_labels goes with job_type \"custom_classification\" only: change the type "
                "or leave it out");
  }
  auto resolved = classifier.resolve(type, model);
  if (!resolved) return std::unexpected(resolved.error());
  return JobSpec{.type = type,
                 .model = std::move(*resolved),
                 .custom_labels = std::move(custom_labels),
                 .top_k = top_k,
                 .confidence_threshold = confidence_threshold};
}

std::vector<std::string> unique_filenames(const std::vector<std::string>& keys) {
  std::unordered_map<std::string_view, std::string> name_of_key;
  UniqueNames taken;
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const auto& key : keys) {
    auto [known, is_new] = name_of_key.try_emplace(key);
    if (is_new) {
      // Take in one more folder until the name is free; different keys differ somewhere, but a
      // slash that became a
      // "_" can make two of them alike, and then a number decides.
      std::size_t slash = key.rfind('/');
      std::string name(filename_of(key));
      while ((name.empty() || taken.contains(name)) && slash != std::string::npos && slash > 0) {
        slash = key.rfind('/', slash - 1);
        name = key.substr(slash + 1);
        std::ranges::replace(name, '/', '_');
      }
      if (name.empty()) name = "image";
      if (name.size() > 200) name = shorten_filename(name, 200);
      known->second = taken.take(std::move(name));
    }
    names.push_back(known->second);
  }
  return names;
}

JobService::JobService(JobStore& jobs, WorkQueue& queue, const Classifier& classifier,
                       const Clock& clock, Metrics& metrics, JobLimits limits,
                       std::function<void()> on_work)
    : jobs_(jobs),
      queue_(queue),
      classifier_(classifier),
      clock_(clock),
      metrics_(metrics),
      limits_(limits),
      backlog_(queue, limits.max_backlog),
      on_work_(std::move(on_work)) {}

Result<Job> JobService::submit(const SubmitRequest& request) {
  if (auto valid = check_keys(request.s3_keys, limits_); !valid)
    return std::unexpected(valid.error());
  if (request.idempotency_key.size() > limits_.max_idempotency_key_bytes) {
    return fail(ErrorCode::kInvalidArgument, "Idempotency-Key has more than " +
                                                 std::to_string(limits_.max_idempotency_key_bytes) +
                                                 " bytes");
  }
  auto spec = make_spec(request.type, request.model, request.custom_labels, request.top_k,
                        request.confidence_threshold, limits_, classifier_);
  if (!spec) return std::unexpected(spec.error());
  if (auto room = backlog_.check(); !room) return std::unexpected(room.error());
  NewJob job{.id = make_job_id(clock_.now()),
             .spec = std::make_shared<const JobSpec>(std::move(*spec)),
             .s3_keys = request.s3_keys,
             .filenames = unique_filenames(request.s3_keys),
             .created_at = clock_.now(),
             .idempotency = std::nullopt};
  if (!request.idempotency_key.empty())
    job.idempotency = {request.idempotency_key, fingerprint(request)};
  auto created = jobs_.create(job);
  if (!created) return created;
  if (created->id == job.id) {
    metrics_.job_accepted(job.s3_keys.size());
    backlog_.add(job.s3_keys.size());
  }
  on_work_();
  return created;
}

Result<Job> JobService::get(std::string_view job_id) { return jobs_.get(job_id); }

Result<JobPage> JobService::list(const JobFilter& filter, std::size_t limit,
                                 std::string_view token) {
  return jobs_.list(filter, limit, token);
}

Result<Job> JobService::cancel(std::string_view job_id) {
  auto job = jobs_.cancel(job_id, clock_.now());
  // Messages that stay are dropped one by one when workers receive them.
  if (job) std::ignore = queue_.drop_job(job_id, job->retry_count);
  return job;
}

Result<Job> JobService::retry(std::string_view job_id) {
  auto job = jobs_.retry(job_id, clock_.now());
  if (job) on_work_();
  return job;
}

Result<std::vector<ImageRecord>> JobService::records(std::string_view job_id, std::int64_t from,
                                                     std::size_t limit) {
  return jobs_.records(job_id, from, limit);
}

}  // namespace classifier
