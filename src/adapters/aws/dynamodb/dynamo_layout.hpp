// The items of the jobs' table: their keys, and what is written into them. docs/aws.md has the
// overview.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_item.hpp"
#include "domain/job.hpp"
#include "ports/job_store.hpp"

namespace classifier::aws::dynamo {

inline constexpr int kListingShards = 2;  // partitions for each type and status
inline constexpr int kUnsentShards = 4;
inline constexpr int kTallyShards = 8;
inline constexpr int kMaxCounters = 8;

// Sort keys of a job's partition, in their order.
inline constexpr const char* kFirstCounter = "COUNT#";
inline constexpr const char* kJob = "JOB";
inline constexpr const char* kFirstLabels = "LABELS#";
// Image keys in a segment's partition.
inline constexpr const char* kFirstKeys = "K#";
inline constexpr const char* kLastKeys = "K#~";

// Outcomes there.
inline constexpr std::string_view kFirstImage = "I#";

std::string job_pk(std::string_view job_id);
std::string counter_sk(int counter);
std::string segment_pk(std::string_view job_id, std::int64_t segment);
std::string image_sk(std::int64_t index);
std::string idempotency_pk(std::string_view key);
std::string listing_pk(JobType type, JobStatus status, int shard);
std::string listing_sk(TimePoint created, std::string_view job_id);
std::string unsent_pk(int shard);
std::string tally_pk(int shard);
std::string day_of(TimePoint time);  // "20260131", UTC
// Attribute of a tally item that counts jobs of this type and status.
std::string tally_name(JobType type, JobStatus status);

// A number below `shards` that is always the same for a job.
int shard_of(std::string_view job_id, int shards);

// When the items of a job may go, in seconds of Unix time; nullopt: never.
std::optional<std::int64_t> expiry(TimePoint created, std::chrono::days retention);

// A job as its partition has it; its spec has no labels.
struct JobRow {
  Job job;
  int counters = 1;
  std::int64_t sent_next = 0;
  std::optional<std::int64_t> expires_at;
  // Read with all of its counters, each of the job's generation. A query is no snapshot: a retry in
  // the midst of it leaves counters of before with the job of after.
  bool whole = false;
};

// Counters that a job with that many images gets.
int counters_for(std::int64_t images);

Item job_item(const NewJob& job, std::optional<std::int64_t> expires_at);
Item counter_item(const NewJob& job, int counter, std::optional<std::int64_t> expires_at);
// Its labels and the keys of its images, in items below the size that DynamoDB allows.
std::vector<Item> bulk_items(const NewJob& job, std::optional<std::int64_t> expires_at);

// Without counters: the counts are those that a completed or failed job ended with.
JobRow read_job(const Item& item);
// `items`: the job's and its counters'; nullopt without the job's.
std::optional<JobRow> read_job(const std::vector<Item>& items);

// "all that was changed with the status" of a job item.
Expression status_change(const JobRow& row, JobStatus to, TimePoint now);
// Puts the job into the index of jobs that have unsent tasks.
void add_to_unsent(Expression& change, const Job& job);

// Names of an image: its key, and its file name where that is not the key's last part.
struct ImageName {
  std::string key;
  std::string filename;
};
std::vector<ImageName> read_image_names(const std::vector<Item>& parts);

// The labels of items as bulk_items made them, in their order.
std::vector<std::string> read_labels(const std::vector<Item>& parts);

Item outcome_item(const ImageOutcome& outcome, ImageState state, std::string_view pk,
                  std::optional<std::int64_t> expires_at);
// nullopt for a failure of an earlier generation, which does not count any more, and for an item
// that is no outcome. Predictions that cannot be read are an error of the image.
std::optional<ImageOutcome> read_outcome(const Item& item, std::string_view job_id, int generation);

}  // namespace classifier::aws::dynamo
