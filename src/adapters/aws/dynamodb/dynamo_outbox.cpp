// DynamoJobStore's outbox: tasks that the dispatcher has not sent to the queue yet.
#include <algorithm>
#include <utility>

#include "adapters/aws/dynamodb/dynamo_job_store.hpp"

namespace classifier::aws {

using dynamo::Expression;
using dynamo::number;
using dynamo::text;

void DynamoJobStore::note_fresh(const std::string& job_id) {
  const std::scoped_lock lock(mutex_);
  if (std::ranges::find(fresh_, job_id) == fresh_.end()) fresh_.push_back(job_id);
}

void DynamoJobStore::forget_fresh(const std::string& job_id) {
  const std::scoped_lock lock(mutex_);
  std::erase(fresh_, job_id);
}

// Jobs accepted by this process come first, because the index shows them late.
Result<std::vector<std::string>> DynamoJobStore::jobs_with_unsent(std::size_t max_jobs) {
  std::vector<std::string> ids;
  {
    const std::scoped_lock lock(mutex_);
    ids = fresh_;
  }
  // Others send the jobs that they accepted, unless they end before.
  const std::string others = dynamo::listing_sk(clock_.now() - options_.lease, dynamo::kAfterAll);
  std::vector<dynamo::Query> queries;
  queries.reserve(dynamo::kUnsentShards);
  for (int shard = 0; shard < dynamo::kUnsentShards; ++shard) {
    auto& query = queries.emplace_back(dynamo::unsent_pk(shard), dynamo::kBeforeAll, others);
    query.index = "unsent";
    query.limit = max_jobs;
  }
  const auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  std::vector<std::string> indexed;
  for (const auto& items : *answers) {
    for (const auto& item : items) indexed.push_back(dynamo::text_of(item, "unsent_sk"));
  }
  std::ranges::sort(indexed);
  for (const auto& sk : indexed) {
    std::string id = sk.substr(sk.find('#') + 1);
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(std::move(id));
  }
  return ids;
}

// The next tasks of a job; nullopt where there are none, or another process has the lease.
Result<std::optional<UnsentTasks>> DynamoJobStore::take_unsent(const std::string& job_id,
                                                               std::size_t limit) {
  const auto now = clock_.now();
  Expression lease;
  lease.set("lease_owner", text(owner_))
      .set("lease_until", number(now + options_.lease))
      .only_if("attribute_exists(#unsent_pk)")
      .only_if(
          "attribute_not_exists(#lease_owner) OR #lease_owner = :lease_owner OR "
          "#lease_until < :now")
      .value("now", number(now));
  const auto item = table_.update(dynamo::key(dynamo::job_pk(job_id), dynamo::kJob), lease);
  if (!item) return std::unexpected(item.error());
  if (!*item) {
    forget_fresh(job_id);
    return std::nullopt;
  }
  const dynamo::JobRow row = dynamo::read_job(**item);
  const Job& job = row.job;
  const auto known = fixed(row);
  if (!known) return std::unexpected(known.error());
  UnsentTasks unsent{.job_id = job_id, .generation = job.retry_count, .tasks = {}, .next_index = 0};
  unsent.next_index = std::min(job.counts.total, row.sent_next + static_cast<std::int64_t>(limit));
  // In the first generation no unsent task has an outcome.
  auto records = images_.read(job, row.sent_next, unsent.next_index, job.retry_count > 0);
  if (!records) return std::unexpected(records.error());
  for (auto& record : *records) {
    if (record.outcome) continue;
    unsent.tasks.push_back({.job_id = job_id,
                            .spec = (*known)->spec,
                            .index = record.index,
                            .s3_key = std::move(record.s3_key),
                            .filename = std::move(record.filename),
                            .generation = job.retry_count});
  }
  return unsent;
}

Result<std::vector<UnsentTasks>> DynamoJobStore::unsent(std::size_t max_jobs, std::size_t limit) {
  const auto ids = jobs_with_unsent(max_jobs);
  if (!ids) return std::unexpected(ids.error());
  std::vector<UnsentTasks> all;
  for (const auto& id : *ids) {
    if (all.size() == max_jobs) break;
    auto tasks = take_unsent(id, limit);
    if (!tasks) return std::unexpected(tasks.error());
    if (*tasks) all.push_back(std::move(**tasks));
  }
  return all;
}

Result<void> DynamoJobStore::mark_sent(const UnsentTasks& sent) {
  const auto known = fixed(sent.job_id);
  if (!known) return std::unexpected(known.error());
  const bool all = sent.next_index >= (*known)->total;
  Expression change;
  change.set("sent_next", number(sent.next_index))
      .only_if("#sent_next < :sent_next AND #generation = :generation_was")
      .value("generation_was", number(sent.generation));
  if (all) {
    for (const char* gone : {"unsent_pk", "unsent_sk", "lease_owner", "lease_until"})
      change.remove(gone);
  }
  const auto updated =
      table_.update(dynamo::key(dynamo::job_pk(sent.job_id), dynamo::kJob), change);
  if (!updated) return std::unexpected(updated.error());
  if (all) forget_fresh(sent.job_id);
  return {};
}

}  // namespace classifier::aws
