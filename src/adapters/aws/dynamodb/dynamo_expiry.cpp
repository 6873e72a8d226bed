// DynamoJobStore's times to live.
#include <utility>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_job_store.hpp"
#include "adapters/aws/dynamodb/segments.hpp"

namespace classifier::aws {
namespace {

using dynamo::Item;

// A job that is not final is kept from so long before it would expire. The caller comes every hour,
// and the shortest retention is a day.
constexpr std::chrono::hours kKeepBefore{12};

void add_keys(const std::vector<Item>& items, std::vector<Item>& keys) {
  for (const Item& item : items)
    keys.push_back(dynamo::key(dynamo::text_of(item, "pk"), dynamo::text_of(item, "sk")));
}

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
  const Segments segments(job.counts.total);
  for (std::int64_t block = 0; block < segments.blocks(); ++block) {
    std::vector<dynamo::Query> queries;
    queries.reserve(static_cast<std::size_t>(segments.stripes(block)));
    for (std::int64_t stripe = 0; stripe < segments.stripes(block); ++stripe) {
      queries.emplace_back(dynamo::segment_pk(job.id, block * Segments::kStripes + stripe),
                           dynamo::kBeforeAll, dynamo::kAfterAll);
    }
    const auto answers = table_.query_all(queries);
    if (!answers) return std::unexpected(answers.error());
    std::vector<Item> keys;
    for (const auto& items : *answers) add_keys(items, keys);
    if (auto updated = table_.update_all(keys, later); !updated) return updated;
  }
  const auto items = table_.query({dynamo::job_pk(job.id), dynamo::kBeforeAll, dynamo::kAfterAll});
  if (!items) return std::unexpected(items.error());
  std::vector<Item> keys;
  keys.push_back(dynamo::key(dynamo::tally_pk(dynamo::shard_of(job.id, dynamo::kTallyShards)),
                             dynamo::day_of(job.created_at)));
  keys.push_back(dynamo::key(dynamo::tally_pk(dynamo::shard_of(job.id, dynamo::kTallyShards)),
                             dynamo::tally_sk(job.created_at, job.id)));
  add_keys(*items, keys);
  // The job itself last: after a failure this is done again.
  std::erase(keys, dynamo::key(dynamo::job_pk(job.id), dynamo::kJob));
  if (auto updated = table_.update_all(keys, later); !updated) return updated;
  keys.assign(1, dynamo::key(dynamo::job_pk(job.id), dynamo::kJob));
  return table_.update_all(keys, later);
}

}  // namespace classifier::aws
