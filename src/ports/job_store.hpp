// The port to jobs and their accounting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/job.hpp"

namespace classifier {

struct IdempotencyKey {
  std::string key;
  std::string fingerprint;  // of the request that came with it
};

struct NewJob {
  std::string id;
  std::shared_ptr<const JobSpec> spec;
  std::vector<std::string> s3_keys;  // one image each, in the user's order; may repeat
  std::vector<std::string>
      filenames;  // parallel to s3_keys: equal keys have equal names, others differ
  TimePoint created_at;
  std::optional<IdempotencyKey> idempotency;
};

struct JobFilter {
  std::optional<JobStatus> status;
  std::optional<JobType> type;
};

struct JobPage {
  std::vector<Job> jobs;                  // newest first
  std::int64_t total = 0;                 // jobs that match the filter, on all pages
  std::optional<std::string> next_token;  // opaque; absent on the last page
};

// Tasks of one job that have not been sent to the work queue yet.
struct UnsentTasks {
  std::string job_id;
  int generation = 0;
  std::vector<ImageTask> tasks;  // rising index; may be empty when all of the range are finished
  std::int64_t next_index = 0;   // what mark_sent takes once the tasks are in the queue
};

// Every method may be called from any thread, and by several processes on the same store. Times
// that go into a job are given by the caller. Errors: kNotFound for an unknown job, kUnavailable
// for anything that may pass.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Accepts a job, in status queued with nothing sent. All of it survives a crash or power loss
  // once this returns, and none of it exists if it fails. With an idempotency key seen before: the
  // job of that time when the fingerprint is the same, kConflict when it differs.
  virtual Result<Job> create(const NewJob& job) = 0;

  virtual Result<Job> get(std::string_view job_id) = 0;

  // The specs of listed jobs have no custom labels; get() has them. kInvalidArgument for a token
  // that this store did not make.
  virtual Result<JobPage> list(const JobFilter& filter, std::size_t limit,
                               std::string_view token) = 0;

  // Up to `limit` tasks of each of up to `max_jobs` unfinished jobs that are not sent completely,
  // oldest first. Sending is at least once: tasks are offered again until mark_sent.
  virtual Result<std::vector<UnsentTasks>> unsent(std::size_t max_jobs, std::size_t limit) = 0;
  virtual Result<void> mark_sent(const UnsentTasks& sent) = 0;

  // Moves a queued job to processing. No effect in any other status.
  virtual Result<void> mark_started(std::string_view job_id, TimePoint now) = 0;

  // Counts each outcome exactly once, whoever brings it and however often: an outcome is ignored
  // when that image already has one, when its generation is not the job's, or when the job is
  // final. Finishes jobs whose last image this was: completed, or failed where every image failed.
  // Returns how many of them counted. After an error any of them may have counted: bring them
  // again.
  virtual Result<std::size_t> record(std::span<const ImageOutcome> outcomes, TimePoint now) = 0;

  // kConflict when the job is final already.
  virtual Result<Job> cancel(std::string_view job_id, TimePoint now) = 0;

  // Forgets the failed images of a final job, and takes up those that were never done, as a new
  // generation. kConflict when the job is not final, or nothing is left to run.
  virtual Result<Job> retry(std::string_view job_id, TimePoint now) = 0;

  // Up to `limit` images of a job from index `from`, in order.
  virtual Result<std::vector<ImageRecord>> records(std::string_view job_id, std::int64_t from,
                                                   std::size_t limit) = 0;

  // Forgets up to `limit` final jobs that were accepted before `created_before`, with all that the
  // store knows of them; images and their copies are not touched. Returns how many; fewer than
  // `limit` where nothing is left. Stores that do so by themselves return 0.
  virtual Result<std::size_t> remove_expired(TimePoint created_before, std::size_t limit) = 0;

  // Whether the store answers; the error says why not.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
