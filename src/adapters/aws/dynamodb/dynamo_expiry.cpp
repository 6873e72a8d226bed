// DynamoJobStore's times to live.
#include <utility>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_job_store.hpp"

namespace classifier::aws {
namespace {

using dynamo::Item;

// A job that is not final is kept from so long before it would expire. The caller comes every hour,
// and the shortest retention is a day.
constexpr std::chrono::hours kKeepBefore{12};

}  // namespace

TimePoint DynamoJobStore::oldest_kept() const {
  if (options_.retention.count() == 0) return TimePoint{};
  return clock_.now() - options_.retention;
}

bool DynamoJobStore::expires_soon(const Item& job_item) const {
  return dynamo::has(job_item, "expires_at") &&
         from_ms(dynamo::number_of(job_item, "expires_at") * 1'000) <= clock_.now() + kKeepBefore;
}

Result<std::size_t> DynamoJobStore::remove_expired(TimePoint created_before,
                                                   std::size_t /*limit*/) {
  if (options_.retention.count() == 0) return 0;
  std::vector<dynamo::Query> queries;
  for (const JobType type : dynamo::kTypes) {
    for (const JobStatus status : {JobStatus::kQueued, JobStatus::kProcessing}) {
      for (int shard = 0; shard < dynamo::kListingShards; ++shard) {
        queries
            .emplace_back(dynamo::listing_pk(type, status, shard), dynamo::kBeforeAll,
                          dynamo::listing_sk(created_before + kKeepBefore, dynamo::kAfterAll))
            .index = "listing";
      }
    }
  }
  const auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  for (const auto& jobs : *answers) {
    for (const Item& job : jobs) {
      if (!expires_soon(job)) continue;
      if (auto kept = keep(job); !kept) return std::unexpected(kept.error());
    }
  }
  return 0;
}

// Lets the job and all its items expire a whole retention from now.
Result<void> DynamoJobStore::keep(const Item& job_item) {
  const Job job = dynamo::read_job(job_item).job;
  dynamo::Expression later;
  later.set("expires_at", dynamo::number(*dynamo::expiry(clock_.now(), options_.retention)));
  // The job itself last: after a failure this is done again.
  const Item job_key = dynamo::key(dynamo::job_pk(job.id), dynamo::kJob);
  auto updated = for_items(job.id, job.counts.total, [&](std::vector<Item> keys) {
    std::erase(keys, job_key);
    return table_.update_all(keys, later);
  });
  if (!updated) return updated;
  const std::string tally = dynamo::tally_pk(dynamo::shard_of(job.id, dynamo::kTallyShards));
  return table_.update_all(
      std::vector{dynamo::key(tally, dynamo::day_of(job.created_at)),
                  dynamo::key(tally, dynamo::tally_sk(job.created_at, job.id)), job_key},
      later);
}

}  // namespace classifier::aws
