// Rules for changes of a job, and their messages, which all stores share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

Error job_not_found();
Error other_request_of_key();  // the Idempotency-Key was used with another fingerprint
Error unknown_page_token();
Error changed_meanwhile();

// The name without white space around it; empty: none. kInvalidArgument for one that is too long,
// or not one line of UTF-8.
Result<std::string> job_name(std::string_view text);

// kConflict if the job is final.
Result<void> check_cancel(const Job& job);
// kConflict if the job is not final, or no image failed or is left to run.
Result<void> check_retry(const Job& job);
// kConflict if the job is not final.
Result<void> check_remove(const Job& job);

// The status of a job whose images are all done.
JobStatus final_status(const JobCounts& counts);

// `Job::error` of a cancelled job, and of one whose images all failed.
std::string cancelled_reason(const JobCounts& counts);
std::string failed_reason(std::int64_t total, std::string_view first_error);

}  // namespace classifier
