#include "domain/job_rules.hpp"

#include <spdlog/fmt/fmt.h>

#include "domain/text.hpp"

namespace classifier {
namespace {

constexpr std::size_t kNameCharacters = 200;

}  // namespace

Error job_not_found() { return {ErrorCode::kNotFound, "Job not found"}; }

Error other_request_of_key() {
  return {ErrorCode::kConflict,
          "this Idempotency-Key was used for another request: use a new key for a new job"};
}

Error unknown_page_token() {
  return {ErrorCode::kInvalidArgument, "next_token is not one that GET /jobs returned"};
}

Error changed_meanwhile() {
  return {ErrorCode::kUnavailable, "the job was changed by others at the same time: try again"};
}

Result<std::string> job_name(std::string_view text) {
  std::string name = trim(text);
  if (has_control_character(name) || !is_utf8(name)) {
    return fail(ErrorCode::kInvalidArgument,
                "name has a control character or is not UTF-8: write it in one line of text");
  }
  if (const std::size_t size = utf8_length(name); size > kNameCharacters) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("name has {} characters; at most {} are allowed", size, kNameCharacters));
  }
  return name;
}

Result<void> check_cancel(const Job& job) {
  if (!is_final(job.status)) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("the job is already {}: only a job that still runs can be cancelled",
                          to_string(job.status)));
}

Result<void> check_retry(const Job& job) {
  if (!is_final(job.status)) {
    return fail(ErrorCode::kConflict,
                "the job still runs: wait until it is done, or cancel it first");
  }
  if (job.counts.classified + job.counts.unknown == job.counts.total)
    return fail(ErrorCode::kConflict, "no image of this job failed: there is nothing to retry");
  return {};
}

Result<void> check_remove(const Job& job) {
  if (is_final(job.status)) return {};
  return fail(ErrorCode::kConflict,
              "the job still runs: wait until it is done, or cancel it before you delete it");
}

JobStatus final_status(const JobCounts& counts) {
  return counts.classified + counts.unknown > 0 ? JobStatus::kCompleted : JobStatus::kFailed;
}

std::string cancelled_reason(const JobCounts& counts) {
  return fmt::format("cancelled on request after {} of {} images", counts.done(), counts.total);
}

std::string failed_reason(std::int64_t total, std::string_view first_error) {
  return fmt::format("none of the {} images could be classified; the first one: {}", total,
                     first_error);
}

}  // namespace classifier
