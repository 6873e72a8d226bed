#include "adapters/aws/dynamodb/dynamo_job_store.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "domain/ids.hpp"
#include "domain/job_rules.hpp"

namespace classifier::aws {
namespace {

using dynamo::Action;
using dynamo::Expression;
using dynamo::Item;
using dynamo::JobRow;
using dynamo::number;
using dynamo::text;

constexpr std::size_t kJobsKept = 256;
// Fewer than a fold takes, so that folding keeps up.
constexpr unsigned kJobsForFold = 64;

// The items of a job and its counters.
dynamo::Query job_query(std::string_view job_id) {
  return {dynamo::job_pk(job_id), dynamo::kFirstCounter, dynamo::kJob};
}

struct ListingPartition {
  std::string pk;
  TimePoint oldest;  // of the jobs that are listed
};

// The partitions of the index "listing" that match the filter. Jobs that are not final are kept,
// and so listed, however old they are.
std::vector<ListingPartition> listing_partitions(const JobFilter& filter, TimePoint oldest_kept) {
  std::vector<ListingPartition> partitions;
  for (const JobType type : dynamo::kTypes) {
    if (filter.type && *filter.type != type) continue;
    for (const JobStatus status : dynamo::kStatuses) {
      if (filter.status && *filter.status != status) continue;
      for (int shard = 0; shard < dynamo::kListingShards; ++shard)
        partitions.push_back({dynamo::listing_pk(type, status, shard),
                              is_final(status) ? oldest_kept : TimePoint{}});
    }
  }
  return partitions;
}

// "<13 digits>#<job id>", the sort key of the last job of a page.
bool is_token(std::string_view token) {
  constexpr std::size_t kDigits = 13;
  return token.size() > kDigits + 1 && token[kDigits] == '#' &&
         token.substr(0, kDigits).find_first_not_of("0123456789") == std::string_view::npos;
}

// An upper bound for the sort keys before `sk`.
std::string just_before(std::string sk) {
  --sk.back();
  return sk + "~";
}

}  // namespace

DynamoJobStore::DynamoJobStore(AwsClient& client, std::string table, const Clock& clock,
                               DynamoJobStoreOptions options)
    : table_(client, std::move(table)),
      images_(table_),
      clock_(clock),
      options_(options),
      owner_(random_hex(16)),
      fixed_(kJobsKept) {}

Result<JobRow> DynamoJobStore::read(std::string_view job_id) {
  if (job_id.empty()) return std::unexpected(job_not_found());
  auto items = table_.query(job_query(job_id));
  if (!items) return std::unexpected(items.error());
  auto row = dynamo::read_job(*items);
  if (!row) return std::unexpected(job_not_found());
  return std::move(*row);
}

Result<std::shared_ptr<const DynamoJobStore::Fixed>> DynamoJobStore::fixed(const JobRow& row) {
  if (auto known = fixed_.find(row.job.id)) return known;
  JobSpec spec = *row.job.spec;
  if (spec.type == JobType::kCustomClassification) {
    const auto parts =
        table_.query({dynamo::job_pk(row.job.id), dynamo::kFirstLabels, dynamo::kAfterAll});
    if (!parts) return std::unexpected(parts.error());
    spec.custom_labels = dynamo::read_labels(*parts);
  }
  return fixed_.insert(row.job.id, {std::make_shared<const JobSpec>(std::move(spec)),
                                    row.job.counts.total, row.counters});
}

Result<std::shared_ptr<const DynamoJobStore::Fixed>> DynamoJobStore::fixed(
    const std::string& job_id) {
  if (auto known = fixed_.find(job_id)) return known;
  const auto row = read(job_id);
  if (!row) return std::unexpected(row.error());
  return fixed(*row);
}

Result<Job> DynamoJobStore::with_labels(JobRow row) {
  const auto known = fixed(row);
  if (!known) return std::unexpected(known.error());
  row.job.spec = (*known)->spec;
  return std::move(row.job);
}

Result<Job> DynamoJobStore::get(std::string_view job_id) {
  auto row = read(job_id);
  if (!row) return std::unexpected(row.error());
  return with_labels(std::move(*row));
}

Result<std::vector<ImageRecord>> DynamoJobStore::records(std::string_view job_id, std::int64_t from,
                                                         std::size_t limit) {
  const auto row = read(job_id);
  if (!row) return std::unexpected(row.error());
  return images_.read(row->job, from, from + static_cast<std::int64_t>(limit), true);
}

// Without an index by image this would read the whole table, and an index would add a write to each
// image of each job.
Result<JobRecordPage> DynamoJobStore::records_of_image(std::string_view /*s3_key*/,
                                                       std::size_t /*limit*/,
                                                       std::string_view /*token*/) {
  return fail(ErrorCode::kUnsupported,
              "these stores cannot look up an image in all jobs: open the results of a job, which "
              "GET /jobs lists");
}

Result<void> DynamoJobStore::ping() { return table_.ping(); }

// The job that was created with this key. kNotFound where there is none, or it was removed: then
// `removed` becomes its id.
Result<Job> DynamoJobStore::job_of_key(const IdempotencyKey& idempotency, std::string& removed) {
  const auto item = table_.get(dynamo::key(dynamo::idempotency_pk(idempotency.key), "IDEMPOTENCY"));
  if (!item) return std::unexpected(item.error());
  const bool expired =
      options_.retention.count() > 0 &&
      dynamo::number_of(*item, "expires_at") * 1'000 <= clock_.now().time_since_epoch().count();
  if (expired) return std::unexpected(job_not_found());
  const std::string job_id = dynamo::text_of(*item, "job_id");
  auto job = get(job_id);
  if (!job && job.error().code == ErrorCode::kNotFound) removed = job_id;
  if (job && dynamo::text_of(*item, "fingerprint") != idempotency.fingerprint)
    return std::unexpected(other_request_of_key());
  return job;
}

Result<Job> DynamoJobStore::create(const NewJob& job) {
  std::string removed;
  if (job.idempotency) {
    auto earlier = job_of_key(*job.idempotency, removed);
    if (earlier || earlier.error().code != ErrorCode::kNotFound) return earlier;
  }
  const auto expires_at = dynamo::expiry(job.created_at, options_.retention);
  // First the items that are not visible by themselves; the transaction below makes the job
  // visible.
  if (auto put = table_.put_all(dynamo::bulk_items(job, expires_at)); !put)
    return std::unexpected(put.error());
  const Item item = dynamo::job_item(job, expires_at);
  JobRow row = dynamo::read_job(item);
  std::vector<Action> actions{dynamo::put_new(item)};
  if (job.idempotency) {
    Item key = dynamo::key(dynamo::idempotency_pk(job.idempotency->key), "IDEMPOTENCY");
    key["fingerprint"] = text(job.idempotency->fingerprint);
    key["job_id"] = text(job.id);
    if (expires_at) key["expires_at"] = number(*expires_at);
    actions.push_back(
        dynamo::put(std::move(key),
                    Expression()
                        .only_if("attribute_not_exists(#pk) OR #expires_at <= :now OR "
                                 "#job_id = :removed")
                        .value("removed", text(removed.empty() ? "-" : removed))
                        .value("now", number(job.created_at.time_since_epoch().count() / 1'000))));
  }
  for (int i = 0; i < row.counters; ++i)
    actions.push_back(dynamo::put_new(dynamo::counter_item(job, i, expires_at)));
  actions.push_back(tally(row.job, std::nullopt, JobStatus::kQueued));
  const auto outcome = table_.transact(std::move(actions));
  if (!outcome) return std::unexpected(outcome.error());
  if (!outcome->done) {
    // Another submission with the same key came first.
    if (job.idempotency && outcome->refused.size() > 1 && outcome->refused[1]) {
      auto other = job_of_key(*job.idempotency, removed);
      if (!other && other.error().code == ErrorCode::kNotFound)
        return std::unexpected(changed_meanwhile());
      return other;
    }
    // Ids are unique: the job is this one, and the answer to an earlier attempt was lost.
    return get(job.id);
  }
  fixed_.insert(job.id, {job.spec, row.job.counts.total, row.counters});
  note_fresh(job.id);
  return with_labels(std::move(row));
}

Result<JobPage> DynamoJobStore::list(const JobFilter& filter, std::size_t limit,
                                     std::string_view token) {
  if (!token.empty() && !is_token(token)) return std::unexpected(unknown_page_token());
  std::vector<dynamo::Query> queries;
  const std::string newest = token.empty() ? dynamo::kAfterAll : just_before(std::string(token));
  for (const auto& partition : listing_partitions(filter, oldest_kept())) {
    const std::string oldest = dynamo::listing_sk(partition.oldest, "");
    if (oldest > newest) continue;  // a page of jobs that run and are older than all that ended
    auto& query = queries.emplace_back(partition.pk, oldest, newest);
    query.index = "listing";
    query.newest_first = true;
    query.limit = limit + 1;
  }
  const auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  std::vector<const Item*> found;
  for (const auto& items : *answers) {
    for (const auto& item : items) found.push_back(&item);
  }
  std::ranges::sort(found, std::greater{},
                    [](const Item* item) { return dynamo::text_of(*item, "listing_sk"); });
  // While a job's status changes, the index may show it in two partitions.
  const auto [again, end] = std::ranges::unique(
      found, {}, [](const Item* item) { return dynamo::text_of(*item, "listing_sk"); });
  found.erase(again, end);
  JobPage page;
  for (std::size_t i = 0; i < std::min(limit, found.size()); ++i)
    page.jobs.push_back(dynamo::read_job(*found[i]).job);
  if (auto counted = add_counts(page.jobs); !counted) return std::unexpected(counted.error());
  if (found.size() > limit) page.next_token = dynamo::text_of(*found[limit - 1], "listing_sk");
  const auto total = count_jobs(filter);
  if (!total) return std::unexpected(total.error());
  page.total = *total;
  return page;
}

// Adds the counts of jobs that are not finished, which only their counters have.
Result<void> DynamoJobStore::add_counts(std::vector<Job>& jobs) {
  std::vector<dynamo::Query> queries;
  std::vector<Job*> open;
  for (auto& job : jobs) {
    if (job.status == JobStatus::kCompleted || job.status == JobStatus::kFailed) continue;
    open.push_back(&job);
    queries.push_back(job_query(job.id));
  }
  const auto answers = table_.query_all(queries);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (const auto row = dynamo::read_job((*answers)[i])) open[i]->counts = row->job.counts;
  }
  return {};
}

std::vector<Action> DynamoJobStore::counter_updates(const JobRow& row,
                                                    const Expression& expression) const {
  std::vector<Action> actions;
  actions.reserve(static_cast<std::size_t>(row.counters));
  for (int i = 0; i < row.counters; ++i) {
    actions.push_back(
        dynamo::update(dynamo::key(dynamo::job_pk(row.job.id), dynamo::counter_sk(i)), expression));
  }
  return actions;
}

// Changes the job's status in one transaction with `more`; false where the job is no longer as in
// `row`.
Result<bool> DynamoJobStore::move(const JobRow& row, JobStatus to, const Expression& change,
                                  std::vector<Action> more) {
  const Item key = dynamo::key(dynamo::job_pk(row.job.id), dynamo::kJob);
  if (more.empty() && !is_final(row.job.status) && !is_final(to)) {
    // The tally stays the same. Single writes never conflict with each other.
    const auto updated = table_.update(key, change);
    if (!updated) return std::unexpected(updated.error());
    return updated->has_value();
  }
  more.push_back(dynamo::update(key, change));
  more.push_back(tally(row.job, row.job.status, to));
  // After a conflict with another change of this job, it is looked at again.
  const auto outcome = table_.try_transact(std::move(more));
  if (!outcome) return std::unexpected(outcome.error());
  const bool done = *outcome && (*outcome)->done;
  if (done && is_final(to)) {
    const unsigned ended = ++ended_;
    // If it fails, a later one does its work.
    if (ended % kJobsForFold == 0) {
      std::ignore =
          fold_tally(dynamo::shard_of(owner_ + std::to_string(ended), dynamo::kTallyShards));
    }
  }
  return done;
}

Result<void> DynamoJobStore::mark_started(std::string_view job_id, TimePoint now) {
  for (int attempt = 0; attempt < dynamo::Table::kTransactionTries; ++attempt) {
    if (attempt > 0) dynamo::Table::wait_after(attempt);
    const auto row = read(job_id);
    if (!row) return std::unexpected(row.error());
    if (row->job.status != JobStatus::kQueued) return {};
    Expression change = dynamo::status_change(*row, JobStatus::kProcessing, now);
    change.set("started_at", number(now));
    const auto moved = move(*row, JobStatus::kProcessing, change, {});
    if (!moved) return std::unexpected(moved.error());
    if (*moved) return {};
  }
  return std::unexpected(changed_meanwhile());
}

Result<Job> DynamoJobStore::cancel(std::string_view job_id, TimePoint now) {
  for (int attempt = 0; attempt < dynamo::Table::kTransactionTries; ++attempt) {
    if (attempt > 0) dynamo::Table::wait_after(attempt);
    const auto row = read(job_id);
    if (!row) return std::unexpected(row.error());
    const Job& job = row->job;
    if (auto may = check_cancel(job); !may) return std::unexpected(may.error());
    Expression change = dynamo::status_change(*row, JobStatus::kCancelled, now);
    change.set("error", text(cancelled_reason(job.counts)));
    const auto moved =
        move(*row, JobStatus::kCancelled, change,
             counter_updates(*row, Expression().set("open", dynamo::boolean(false))));
    if (!moved) return std::unexpected(moved.error());
    if (*moved) return get(job_id);
  }
  return std::unexpected(changed_meanwhile());
}

Result<Job> DynamoJobStore::rename(std::string_view job_id, std::string_view name) {
  if (job_id.empty()) return std::unexpected(job_not_found());
  Expression change;
  change.only_if("attribute_exists(#pk)");
  if (name.empty())
    change.remove("name");
  else
    change.set("name", text(name));
  const auto renamed = table_.update(dynamo::key(dynamo::job_pk(job_id), dynamo::kJob), change);
  if (!renamed) return std::unexpected(renamed.error());
  if (!*renamed) return std::unexpected(job_not_found());
  return get(job_id);
}

Result<Job> DynamoJobStore::retry(std::string_view job_id, TimePoint now) {
  for (int attempt = 0; attempt < dynamo::Table::kTransactionTries; ++attempt) {
    if (attempt > 0) dynamo::Table::wait_after(attempt);
    const auto row = read(job_id);
    if (!row) return std::unexpected(row.error());
    const Job& job = row->job;
    if (auto may = check_retry(job); !may) return std::unexpected(may.error());
    const std::int64_t generation = job.retry_count + 1;
    Expression change = dynamo::status_change(*row, JobStatus::kQueued, now);
    change.set("generation", number(generation)).set("sent_next", number(0));
    for (const char* gone : {"error", "completed_at", "started_at", "lease_owner", "lease_until"})
      change.remove(gone);
    dynamo::add_to_unsent(change, job);
    const auto moved = move(*row, JobStatus::kQueued, change,
                            counter_updates(*row, Expression()
                                                      .set("open", dynamo::boolean(true))
                                                      .set("generation", number(generation))
                                                      .set("failed", number(0))));
    if (!moved) return std::unexpected(moved.error());
    if (!*moved) continue;
    note_fresh(job.id);
    // An old job may expire before remove_expired() comes. If this fails, that may still be in
    // time.
    const auto item = table_.get(dynamo::key(dynamo::job_pk(job_id), dynamo::kJob));
    if (item && expires_soon(*item)) std::ignore = keep(*item);
    return get(job_id);
  }
  return std::unexpected(changed_meanwhile());
}

}  // namespace classifier::aws
