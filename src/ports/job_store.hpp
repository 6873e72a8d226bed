// The port to jobs and the outcomes of their images.
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
  std::string fingerprint;  // of the request with this key
};

struct NewJob {
  std::string id;
  std::string name;  // empty: none
  std::shared_ptr<const JobSpec> spec;
  std::vector<std::string> s3_keys;  // one for each image, in the user's order; may repeat
  std::vector<std::string>
      filenames;  // one for each of s3_keys; equal for equal keys, otherwise different
  TimePoint created_at;
  std::optional<IdempotencyKey> idempotency;
};

struct JobFilter {
  std::optional<JobStatus> status;
  std::optional<JobType> type;
};

struct JobPage {
  std::vector<Job> jobs;                  // newest first
  std::int64_t total = 0;                 // all jobs that match the filter
  std::optional<std::string> next_token;  // opaque; absent on the last page
};

// What a job found for an image.
struct JobRecord {
  Job job;  // without its custom labels
  ImageRecord record;
};

struct JobRecordPage {
  std::vector<JobRecord> records;         // newest job first, then by rising index
  std::optional<std::string> next_token;  // opaque; absent where there are no older jobs
};

// Tasks of one job that have not been sent to the work queue yet.
struct UnsentTasks {
  std::string job_id;
  int generation = 0;
  std::vector<ImageTask> tasks;  // by rising index; empty if all images of the range are done
  std::int64_t next_index = 0;   // where the next call continues after mark_sent
};

// A job that a user deleted, until nothing of it is left.
struct RemovedJob {
  std::string id;
  TimePoint removed_at;
  std::int64_t total = 0;  // images
};

// Thread-safe; several processes may use the same store. The caller gives the times that a job
// stores. Errors: kNotFound for an unknown job, kUnavailable for transient failures.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Stores a job as queued, with no task sent. Once this returns, the whole job survives a crash or
  // power loss; after an error nothing of it exists. For an idempotency key that was used before:
  // the job of that request if the fingerprint is the same, otherwise kConflict.
  virtual Result<Job> create(const NewJob& job) = 0;

  virtual Result<Job> get(std::string_view job_id) = 0;

  // Listed jobs have no custom labels; get() returns them. kInvalidArgument for a token that this
  // store did not make.
  virtual Result<JobPage> list(const JobFilter& filter, std::size_t limit,
                               std::string_view token) = 0;

  // Up to `limit` unsent tasks of each of up to `max_jobs` unfinished jobs, oldest jobs first.
  // Until mark_sent, the same tasks are returned again, so each is sent at least once.
  virtual Result<std::vector<UnsentTasks>> unsent(std::size_t max_jobs, std::size_t limit) = 0;
  virtual Result<void> mark_sent(const UnsentTasks& sent) = 0;

  // Sets a queued job to processing. No effect in any other status.
  virtual Result<void> mark_started(std::string_view job_id, TimePoint now) = 0;

  // Stores and counts each outcome exactly once, however often it is reported: an outcome is
  // ignored if its image already has one, if its generation is not the job's, or if the job is
  // final. With its last image a job becomes completed, or failed if every image failed. Returns
  // how many outcomes were counted. After an error any of them may have been: call this again.
  virtual Result<std::size_t> record(std::span<const ImageOutcome> outcomes, TimePoint now) = 0;

  // kConflict if the job is final.
  virtual Result<Job> cancel(std::string_view job_id, TimePoint now) = 0;

  // Queues the failed and unfinished images of a final job again, as a new generation. kConflict if
  // the job is not final, or has no such images.
  virtual Result<Job> retry(std::string_view job_id, TimePoint now) = 0;

  // Gives the job another name, or none if it is empty. Of several at once the last one wins.
  virtual Result<Job> rename(std::string_view job_id, std::string_view name) = 0;

  // Removes a final job: once this returns, nobody finds it any more, even after a power loss, its
  // idempotency key is free, and outcomes of it are ignored. Its records may remain until purge().
  // kConflict if the job is not final.
  virtual Result<void> remove(std::string_view job_id, TimePoint now) = 0;

  // Up to `limit` jobs that remove() removed, oldest first: those that are not purged yet, and
  // those that were removed before `removed_before`, until they are forgotten.
  virtual Result<std::vector<RemovedJob>> removed(TimePoint removed_before, std::size_t limit) = 0;

  // Removes what is left of a removed job, in pieces. To be called again after an error.
  virtual Result<void> purge(const RemovedJob& job) = 0;

  // removed() no longer returns the job. To be called once nothing of it can appear again.
  virtual Result<void> forget(const RemovedJob& job) = 0;

  // Up to `limit` images of a job from index `from`, in order.
  virtual Result<std::vector<ImageRecord>> records(std::string_view job_id, std::int64_t from,
                                                   std::size_t limit) = 0;

  // Up to `limit` outcomes of all jobs for the image `s3_key`: one for each time that a job has it,
  // also if it failed. A call looks through a bounded part of the jobs, so that a page may have few
  // outcomes, or none, and a next_token. kInvalidArgument for a token that this store did not make;
  // kUnsupported from a store that cannot look.
  virtual Result<JobRecordPage> records_of_image(std::string_view s3_key, std::size_t limit,
                                                 std::string_view token) = 0;

  // Removes up to `limit` final jobs that were created before `created_before`, with their outcomes
  // but not their images. Returns how many; fewer than `limit` if none is left. Stores that remove
  // old jobs by themselves return 0.
  virtual Result<std::size_t> remove_expired(TimePoint created_before, std::size_t limit) = 0;

  // Fails if the store does not answer.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
