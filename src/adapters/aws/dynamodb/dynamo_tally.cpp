// DynamoJobStore's numbers of jobs, for the `total` of lists.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_job_store.hpp"

namespace classifier::aws {
namespace {

using dynamo::Action;
using dynamo::Expression;
using dynamo::Item;
using dynamo::number;

constexpr std::size_t kJobsOfFold = dynamo::Table::kMaxActions - 1;  // and the day's tally

// Jobs of one type and status in a tally item.
std::int64_t count_in(const Item& item, JobType type, JobStatus status) {
  return dynamo::number_of(item, dynamo::tally_name(type, status).c_str());
}

std::int64_t count_open(const Item& item, JobType type) {
  return count_in(item, type, JobStatus::kQueued) + count_in(item, type, JobStatus::kProcessing);
}

bool is_of_job(const Item& item) { return dynamo::text_of(item, "sk").contains('#'); }

// A job that ended has 0, or -1 if an earlier version accepted it.
bool is_open(const Item& item) {
  return std::ranges::any_of(dynamo::kTypes,
                             [&](JobType type) { return count_open(item, type) > 0; });
}

}  // namespace

// At least a day after the last of the day's jobs that are listed.
Expression DynamoJobStore::tally_change() const {
  Expression change;
  if (const auto expires_at =
          dynamo::expiry(clock_.now() + std::chrono::days(2), options_.retention)) {
    change.set("expires_at", number(*expires_at));
  }
  return change;
}

// In an item that only this job has: one for all jobs would be part of many transactions at once.
Action DynamoJobStore::tally(const Job& job, std::optional<JobStatus> from,
                             std::optional<JobStatus> to) const {
  const auto counted_as = [](JobStatus status) {
    return is_final(status) ? status : JobStatus::kQueued;
  };
  Expression change = tally_change();
  if (from) change.add(dynamo::tally_name(job.spec->type, counted_as(*from)), -1);
  if (to) change.add(dynamo::tally_name(job.spec->type, counted_as(*to)), 1);
  return dynamo::update(
      dynamo::key(dynamo::tally_pk(dynamo::shard_of(job.id, dynamo::kTallyShards)),
                  dynamo::tally_sk(job.created_at, job.id)),
      change);
}

// Moves the items of some final jobs into the tally of their day, so that lists have fewer to read.
// A retry of a job after that makes a new item, with -1 for the old status.
Result<void> DynamoJobStore::fold_tally(int shard) {
  const std::string pk = dynamo::tally_pk(shard);
  const auto items = table_.query({pk, dynamo::kBeforeAll, dynamo::kAfterAll});
  if (!items) return std::unexpected(items.error());
  std::string day;
  std::vector<Action> actions;
  std::map<std::string, std::int64_t> sums;
  for (const Item& item : *items) {
    const std::string sk = dynamo::text_of(item, "sk");
    if (!is_of_job(item) || is_open(item)) continue;
    if (day.empty()) day = sk.substr(0, sk.find('#'));
    if (!sk.starts_with(day) || actions.size() == kJobsOfFold) break;
    Expression unchanged;
    for (const JobType type : dynamo::kTypes) {
      for (const JobStatus status : dynamo::kStatuses) {
        const std::string name = dynamo::tally_name(type, status);
        if (!dynamo::has(item, name.c_str())) continue;
        unchanged.only_if(fmt::format("#{0} = :{0}", name)).value(name, item.at(name));
        sums[name] += count_in(item, type, status);
      }
    }
    actions.push_back(dynamo::remove(dynamo::key(pk, sk), unchanged));
  }
  if (actions.empty()) return {};
  Expression change = tally_change();
  for (const auto& [name, sum] : sums) {
    if (sum != 0) change.add(name, sum);
  }
  actions.push_back(dynamo::update(dynamo::key(pk, day), change));
  const auto outcome = table_.try_transact(std::move(actions));
  if (!outcome) return std::unexpected(outcome.error());
  return {};
}

Result<std::int64_t> DynamoJobStore::count_processing(const JobFilter& filter) {
  std::vector<dynamo::Query> queries;
  for (const JobType type : dynamo::kTypes) {
    if (filter.type && *filter.type != type) continue;
    for (int shard = 0; shard < dynamo::kListingShards; ++shard) {
      queries
          .emplace_back(dynamo::listing_pk(type, JobStatus::kProcessing, shard), dynamo::kBeforeAll,
                        dynamo::kAfterAll)
          .index = "listing";
    }
  }
  const auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  std::int64_t total = 0;
  for (const auto& items : *answers) total += static_cast<std::int64_t>(items.size());
  return total;
}

Result<std::int64_t> DynamoJobStore::count_jobs(const JobFilter& filter) {
  // The tally does not have it, and no more jobs are in processing than workers can take up.
  if (filter.status == JobStatus::kProcessing) return count_processing(filter);
  std::vector<dynamo::Query> queries;
  queries.reserve(dynamo::kTallyShards);
  for (int shard = 0; shard < dynamo::kTallyShards; ++shard)
    queries.emplace_back(dynamo::tally_pk(shard), dynamo::kBeforeAll, dynamo::kAfterAll)
        .consistent = false;
  const auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  const std::string oldest_day = dynamo::day_of(oldest_kept());
  std::int64_t total = 0;
  for (const auto& items : *answers) {
    for (const Item& item : items) {
      // Only jobs that are not final are older than that.
      const bool all = dynamo::text_of(item, "sk") >= oldest_day;
      for (const JobType type : dynamo::kTypes) {
        if (filter.type && *filter.type != type) continue;
        if (!filter.status || !is_final(*filter.status)) total += count_open(item, type);
        for (const JobStatus status : dynamo::kStatuses) {
          const bool wanted = !filter.status || *filter.status == status;
          if (is_final(status) && wanted && all) total += count_in(item, type, status);
        }
      }
    }
  }
  if (!filter.status || is_final(*filter.status)) return total;
  const auto processing = count_processing(filter);
  if (!processing) return std::unexpected(processing.error());
  return std::max<std::int64_t>(0, total - *processing);
}

}  // namespace classifier::aws
