// What may happen to a job, and the words for it: the same in every store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

Error job_not_found();
Error other_request_of_key();  // an Idempotency-Key with another fingerprint
Error unknown_page_token();

// kConflict when the job is final already.
Result<void> check_cancel(const Job& job);
// kConflict when the job is not final, or nothing is left to run.
Result<void> check_retry(const Job& job);

// How a job ends whose images are all done.
JobStatus final_status(const JobCounts& counts);

// `Job::error` of a cancelled job, and of one whose images all failed.
std::string cancelled_reason(const JobCounts& counts);
std::string failed_reason(std::int64_t total, std::string_view first_error);

}  // namespace classifier
