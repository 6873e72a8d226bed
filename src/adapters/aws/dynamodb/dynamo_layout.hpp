// The items of the table: their keys and attributes. docs/aws.md has an overview.
#pragma once

#include <array>
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

inline constexpr std::array kTypes{JobType::kImageClassification, JobType::kCustomClassification};
inline constexpr std::array kStatuses{JobStatus::kQueued, JobStatus::kProcessing,
                                      JobStatus::kCompleted, JobStatus::kFailed,
                                      JobStatus::kCancelled};

inline constexpr int kListingShards = 2;  // for each type and status
inline constexpr int kUnsentShards = 4;
inline constexpr int kTallyShards = 8;
inline constexpr int kMaxCounters = 8;

// Sort keys in a job's partition, in ascending order.
inline constexpr const char* kFirstCounter = "COUNT#";
inline constexpr const char* kJob = "JOB";
inline constexpr const char* kFirstLabels = "LABELS#";
// Sort keys in a segment's partition: of image keys, between these two …
inline constexpr const char* kFirstKeys = "K#";
inline constexpr const char* kLastKeys = "K#~";
// … and of outcomes, with this prefix.
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
// The partition of removed jobs, with sort keys of listing_sk().
inline constexpr const char* kRemovedPk = "REMOVED";
std::string day_of(TimePoint time);  // "20260131", UTC
// Sort keys in a tally's partition: of a day's tally, day_of(), and of a job that is not added to
// it yet.
std::string tally_sk(TimePoint created, std::string_view job_id);
// The attribute of a tally item that counts jobs of this type and status. All that are not final
// count as queued; earlier versions counted those in processing apart.
std::string tally_name(JobType type, JobStatus status);

// The shard of a job, from 0 to `shards` - 1: the same in all processes and versions.
int shard_of(std::string_view job_id, int shards);

// When the items of a job expire, in Unix seconds; nullopt: never.
std::optional<std::int64_t> expiry(TimePoint created, std::chrono::days retention);

// A job as read from its partition; its spec has no labels.
struct JobRow {
  Job job;
  int counters = 1;
  std::int64_t sent_next = 0;
  std::string
      last_counted_by;  // who changed a counter last; the same for all who read the last one
  // All counters were read, and have the job's generation. They may not: a query is no snapshot, so
  // that a simultaneous retry leads to counters from before it with a job from after it.
  bool whole = false;
};

// The number of counters for a job with that many images, 1 to kMaxCounters, so that even images of
// a small job that are done at the same time are counted in different items.
int counters_for(std::int64_t images);

Item job_item(const NewJob& job, std::optional<std::int64_t> expires_at);
Item counter_item(const NewJob& job, int counter, std::optional<std::int64_t> expires_at);
// The items with a job's labels and the keys of its images, each below DynamoDB's size limit.
std::vector<Item> bulk_items(const NewJob& job, std::optional<std::int64_t> expires_at);

// From the job's item alone. It has counts only if the job is completed or failed.
JobRow read_job(const Item& item);
// From the job's item and its counters; nullopt without the job's.
std::optional<JobRow> read_job(const std::vector<Item>& items);

// The update of a job item's status and of all that depends on it, provided that its status and
// generation are still those of `row`.
Expression status_change(const JobRow& row, JobStatus to, TimePoint now);
// Adds the job to the index of jobs with unsent tasks.
void add_to_unsent(Expression& change, const Job& job);

Item removal_item(const Job& job, TimePoint removed_at);
RemovedJob read_removal(const Item& item);

// An image's key and filename.
struct ImageName {
  std::string key;
  std::string filename;
};
std::vector<ImageName> read_image_names(const std::vector<Item>& parts);

// The labels in items of bulk_items, in order.
std::vector<std::string> read_labels(const std::vector<Item>& parts);

Item outcome_item(const ImageOutcome& outcome, ImageState state, std::string_view pk,
                  std::optional<std::int64_t> expires_at);
// nullopt for an item that is no outcome, and for a failure of an earlier generation, which no
// longer counts. Where predictions cannot be read, the result is an error.
std::optional<ImageOutcome> read_outcome(const Item& item, std::string_view job_id, int generation);

}  // namespace classifier::aws::dynamo
