// DynamoJobStore's jobs that a user deletes.
#include <utility>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_job_store.hpp"
#include "adapters/aws/dynamodb/segments.hpp"
#include "domain/job_rules.hpp"

namespace classifier::aws {
namespace {

using dynamo::Action;
using dynamo::Expression;
using dynamo::Item;

void add_keys(const std::vector<Item>& items, std::vector<Item>& keys) {
  for (const Item& item : items)
    keys.push_back(dynamo::key(dynamo::text_of(item, "pk"), dynamo::text_of(item, "sk")));
}

Item removal_key(const RemovedJob& job) {
  return dynamo::key(dynamo::kRemovedPk, dynamo::listing_sk(job.removed_at, job.id));
}

}  // namespace

// Job and counters in one transaction with the note of what is left: without its counters, no
// outcome of the job can be stored any more.
Result<void> DynamoJobStore::remove(std::string_view job_id, TimePoint now) {
  for (int attempt = 0; attempt < dynamo::Table::kTransactionTries; ++attempt) {
    if (attempt > 0) dynamo::Table::wait_after(attempt);
    const auto row = read(job_id);
    if (!row) return std::unexpected(row.error());
    const Job& job = row->job;
    if (auto may = check_remove(job); !may) return may;
    const std::string pk = dynamo::job_pk(job.id);
    std::vector<Action> actions{
        dynamo::remove(dynamo::key(pk, dynamo::kJob),
                       Expression()
                           .only_if("#status = :was AND #generation = :generation_was")
                           .value("was", dynamo::text(to_string(job.status)))
                           .value("generation_was", dynamo::number(job.retry_count)))};
    for (int i = 0; i < row->counters; ++i)
      actions.push_back(dynamo::remove(dynamo::key(pk, dynamo::counter_sk(i)), {}));
    actions.push_back(dynamo::put_new(dynamo::removal_item(job, now)));
    actions.push_back(tally(job, job.status, std::nullopt));
    // After a conflict with another change of this job, it is looked at again.
    const auto outcome = table_.try_transact(std::move(actions));
    if (!outcome) return std::unexpected(outcome.error());
    if (*outcome && (*outcome)->done) return {};
  }
  return std::unexpected(changed_meanwhile());
}

Result<std::vector<RemovedJob>> DynamoJobStore::removed(TimePoint removed_before,
                                                        std::size_t limit) {
  const auto items = table_.query({dynamo::kRemovedPk, dynamo::kBeforeAll, dynamo::kAfterAll});
  if (!items) return std::unexpected(items.error());
  std::vector<RemovedJob> jobs;
  for (const Item& item : *items) {
    RemovedJob job = dynamo::read_removal(item);
    if (jobs.size() == limit) break;
    if (!dynamo::boolean_of(item, "purged") || job.removed_at < removed_before)
      jobs.push_back(std::move(job));
  }
  return jobs;
}

Result<void> DynamoJobStore::purge(const RemovedJob& job) {
  auto removed = for_items(job.id, job.total,
                           [&](const std::vector<Item>& keys) { return table_.remove_all(keys); });
  if (!removed) return removed;
  const auto noted = table_.update(
      removal_key(job),
      Expression().set("purged", dynamo::boolean(true)).only_if("attribute_exists(#pk)"));
  if (!noted) return std::unexpected(noted.error());
  return {};
}

Result<void> DynamoJobStore::forget(const RemovedJob& job) {
  return table_.remove(removal_key(job));
}

// Calls `use` with the keys of all items of a job, but not of its tally, in pieces.
Result<void> DynamoJobStore::for_items(
    std::string_view job_id, std::int64_t total,
    const std::function<Result<void>(std::vector<Item> keys)>& use) {
  const Segments segments(total);
  for (std::int64_t block = 0; block < segments.blocks(); ++block) {
    std::vector<dynamo::Query> queries;
    queries.reserve(static_cast<std::size_t>(segments.stripes(block)));
    for (std::int64_t stripe = 0; stripe < segments.stripes(block); ++stripe) {
      queries.emplace_back(dynamo::segment_pk(job_id, block * Segments::kStripes + stripe),
                           dynamo::kBeforeAll, dynamo::kAfterAll);
    }
    const auto answers = table_.query_all(queries);
    if (!answers) return std::unexpected(answers.error());
    std::vector<Item> keys;
    for (const auto& items : *answers) add_keys(items, keys);
    if (auto used = use(std::move(keys)); !used) return used;
  }
  const auto items = table_.query({dynamo::job_pk(job_id), dynamo::kBeforeAll, dynamo::kAfterAll});
  if (!items) return std::unexpected(items.error());
  std::vector<Item> keys;
  add_keys(*items, keys);
  return use(std::move(keys));
}

}  // namespace classifier::aws
