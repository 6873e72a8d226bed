// Jobs and their accounting in one DynamoDB table. docs/aws.md describes the items, and why no
// outcome is lost or counted twice.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_images.hpp"
#include "adapters/aws/dynamodb/dynamo_layout.hpp"
#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "ports/clock.hpp"
#include "ports/job_store.hpp"
#include "support/lru_cache.hpp"

namespace classifier::aws {

struct DynamoJobStoreOptions {
  // From a job's creation until the table's time to live removes it and its items; 0: never.
  std::chrono::days retention{90};
  // How long a dispatcher reserves a job's unsent tasks: after it ends, others wait at most this
  // long.
  std::chrono::milliseconds lease{15'000};
};

class DynamoJobStore final : public JobStore {
 public:
  DynamoJobStore(AwsClient& client, std::string table, const Clock& clock,
                 DynamoJobStoreOptions options = {});

  Result<Job> create(const NewJob& job) override;
  Result<Job> get(std::string_view job_id) override;
  Result<JobPage> list(const JobFilter& filter, std::size_t limit, std::string_view token) override;
  Result<std::vector<UnsentTasks>> unsent(std::size_t max_jobs, std::size_t limit) override;
  Result<void> mark_sent(const UnsentTasks& sent) override;
  Result<void> mark_started(std::string_view job_id, TimePoint now) override;
  Result<std::size_t> record(std::span<const ImageOutcome> outcomes, TimePoint now) override;
  Result<Job> cancel(std::string_view job_id, TimePoint now) override;
  Result<Job> retry(std::string_view job_id, TimePoint now) override;
  Result<Job> rename(std::string_view job_id, std::string_view name) override;
  Result<void> remove(std::string_view job_id, TimePoint now) override;
  Result<std::vector<RemovedJob>> removed(TimePoint removed_before, std::size_t limit) override;
  Result<void> purge(const RemovedJob& job) override;
  Result<void> forget(const RemovedJob& job) override;
  Result<std::vector<ImageRecord>> records(std::string_view job_id, std::int64_t from,
                                           std::size_t limit) override;
  // Removes none, since the table's time to live does. Puts that off for jobs that are not final.
  Result<JobRecordPage> records_of_image(std::string_view s3_key, std::size_t limit,
                                         std::string_view token) override;
  Result<std::size_t> remove_expired(TimePoint created_before, std::size_t limit) override;
  Result<void> ping() override;

 private:
  // The constant part of a job.
  struct Fixed {
    std::shared_ptr<const JobSpec> spec;  // with its labels
    std::int64_t total = 0;
    int counters = 1;
  };

  Result<dynamo::JobRow> read(std::string_view job_id);
  Result<std::shared_ptr<const Fixed>> fixed(const dynamo::JobRow& row);
  Result<std::shared_ptr<const Fixed>> fixed(const std::string& job_id);
  Result<Job> with_labels(dynamo::JobRow row);
  Result<Job> job_of_key(const IdempotencyKey& idempotency, std::string& removed);
  Result<bool> move(const dynamo::JobRow& row, JobStatus to, const dynamo::Expression& change,
                    std::vector<dynamo::Action> more);
  dynamo::Expression tally_change() const;
  dynamo::Action tally(const Job& job, std::optional<JobStatus> from,
                       std::optional<JobStatus> to) const;
  Result<void> fold_tally(int shard);
  std::vector<dynamo::Action> counter_updates(const dynamo::JobRow& row,
                                              const dynamo::Expression& expression) const;
  Result<std::size_t> record_job(std::vector<const ImageOutcome*> outcomes, TimePoint now);
  Result<std::size_t> count(const Fixed& fixed, std::span<const ImageOutcome* const> outcomes,
                            const std::string& by, TimePoint now);
  Result<void> finish_if_done(const std::string& job_id, const std::string& by, TimePoint now);
  Result<std::string> reason_of_failure(const Job& job);
  void note_fresh(const std::string& job_id);
  void forget_fresh(const std::string& job_id);
  Result<std::vector<std::string>> jobs_with_unsent(std::size_t max_jobs);
  Result<std::optional<UnsentTasks>> take_unsent(const std::string& job_id, std::size_t limit);
  Result<void> add_counts(std::vector<Job>& jobs);
  Result<std::int64_t> count_jobs(const JobFilter& filter);
  Result<std::int64_t> count_processing(const JobFilter& filter);
  bool expires_soon(const dynamo::Item& job_item) const;
  Result<void> keep(const dynamo::Item& job_item);
  Result<void> for_items(std::string_view job_id, std::int64_t total,
                         const std::function<Result<void>(std::vector<dynamo::Item> keys)>& use);
  TimePoint oldest_kept() const;

  dynamo::Table table_;
  dynamo::Images images_;
  const Clock& clock_;
  DynamoJobStoreOptions options_;
  std::string owner_;  // of this store's leases
  LruCache<std::string, Fixed> fixed_;
  std::atomic<unsigned> ended_{0};  // jobs that this store brought to their end
  std::mutex mutex_;
  // Jobs accepted here, which the index may not show yet; guarded by mutex_.
  std::vector<std::string> fresh_;
};

}  // namespace classifier::aws
