// DynamoJobStore's accounting: correct even if outcomes are reported twice, late, or by several
// processes at once.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "adapters/aws/dynamodb/dynamo_job_store.hpp"
#include "adapters/aws/dynamodb/segments.hpp"
#include "domain/ids.hpp"
#include "domain/job_rules.hpp"

namespace classifier::aws {
namespace {

using dynamo::Action;
using dynamo::Expression;
using dynamo::number;
using dynamo::text;

constexpr std::chrono::milliseconds kOtherEndsJob{100};  // a transaction takes about 20
constexpr int kTornReads = 3;  // of a job and counters that do not belong together
constexpr std::size_t kOutcomesAtOnce = dynamo::Table::kMaxActions - 1;  // and one counter

// Counts in an item that depends on the image, so that images that are done at the same time are
// mostly counted in different ones.
Action counter_update(const ImageOutcome& first, int counters, const JobCounts& counts,
                      const std::string& by, TimePoint now) {
  Expression change;
  change.set("updated_at", number(now)).set("counted_by", text(by));
  if (counts.classified > 0) change.add("classified", counts.classified);
  if (counts.unknown > 0) change.add("unknown", counts.unknown);
  if (counts.failed > 0) change.add("failed", counts.failed);
  if (counts.reused > 0) change.add("reused", counts.reused);
  change.only_if("#open = :open AND #generation = :generation_was")
      .value("open", dynamo::boolean(true))
      .value("generation_was", number(first.generation));
  return dynamo::update(dynamo::key(dynamo::job_pk(first.job_id),
                                    dynamo::counter_sk(static_cast<int>(first.index % counters))),
                        change);
}

}  // namespace

Result<std::size_t> DynamoJobStore::record(std::span<const ImageOutcome> outcomes, TimePoint now) {
  std::map<std::string_view, std::vector<const ImageOutcome*>> by_job;
  for (const auto& outcome : outcomes) by_job[outcome.job_id].push_back(&outcome);
  std::size_t counted = 0;
  for (auto& [job_id, of_job] : by_job) {
    const auto more = record_job(std::move(of_job), now);
    if (!more) return std::unexpected(more.error());
    counted += *more;
  }
  return counted;
}

Result<std::size_t> DynamoJobStore::record_job(std::vector<const ImageOutcome*> outcomes,
                                               TimePoint now) {
  const std::string job_id = outcomes.front()->job_id;
  const auto known = fixed(job_id);
  if (!known && known.error().code == ErrorCode::kNotFound) return 0;
  if (!known) return std::unexpected(known.error());
  // A transaction may contain an item once, and here outcomes of one generation.
  std::map<int, std::map<std::int64_t, const ImageOutcome*>> by_generation;
  for (const ImageOutcome* outcome : outcomes) {
    if (outcome->index >= 0 && outcome->index < (*known)->total)
      by_generation[outcome->generation].emplace(outcome->index, outcome);
  }
  const std::string by = random_hex(8);
  std::size_t counted = 0;
  for (const auto& [generation, by_index] : by_generation) {
    std::vector<const ImageOutcome*> list;
    for (const auto& [index, outcome] : by_index) list.push_back(outcome);
    for (std::size_t begin = 0; begin < list.size(); begin += kOutcomesAtOnce) {
      const auto some =
          std::span(list).subspan(begin, std::min(kOutcomesAtOnce, list.size() - begin));
      const auto more = count(**known, some, by, now);
      if (!more) return std::unexpected(more.error());
      counted += *more;
    }
  }
  // Even if nothing was new: the process that counted the last image may have ended before this.
  auto finished = finish_if_done(job_id, by, now);
  // The table's time to live may have removed the job meanwhile.
  if (!finished && finished.error().code != ErrorCode::kNotFound)
    return std::unexpected(finished.error());
  return counted;
}

// Counts the outcomes, all of one job and generation, that are new; returns their number.
Result<std::size_t> DynamoJobStore::count(const Fixed& fixed,
                                          std::span<const ImageOutcome* const> outcomes,
                                          const std::string& by, TimePoint now) {
  std::vector<const ImageOutcome*> left(outcomes.begin(), outcomes.end());
  const Segments segments(fixed.total);
  // After the job, which expires as long after it was accepted, or later if it was kept.
  const auto expires_at = dynamo::expiry(now, options_.retention);
  while (!left.empty()) {
    JobCounts counts;
    std::vector<Action> actions(1);
    for (const ImageOutcome* outcome : left) {
      const ImageState state = state_of(*outcome, *fixed.spec);
      counts.add(state, outcome->reused);
      actions.push_back(dynamo::put(
          dynamo::outcome_item(
              *outcome, state,
              dynamo::segment_pk(outcome->job_id, segments.segment_of(outcome->index)), expires_at),
          Expression()
              .only_if("attribute_not_exists(#pk) OR (#generation < :generation_now AND "
                       "#failed = :true)")
              .value("generation_now", number(outcome->generation))
              .value("true", dynamo::boolean(true))));
    }
    actions.front() = counter_update(*left.front(), fixed.counters, counts, by, now);
    const auto outcome = table_.transact(std::move(actions));
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->done) return left.size();
    if (outcome->refused.front()) return 0;  // cancelled, or retried in a new generation
    std::vector<const ImageOutcome*> fresh;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (!outcome->refused[i + 1]) fresh.push_back(left[i]);
    }
    left = std::move(fresh);
  }
  return 0;
}

Result<void> DynamoJobStore::finish_if_done(const std::string& job_id, const std::string& by,
                                            TimePoint now) {
  int torn = 0;
  for (int attempt = 0; attempt < dynamo::Table::kTransactionTries; ++attempt) {
    if (attempt > 0) dynamo::Table::wait_after(attempt);
    const auto row = read(job_id);
    if (!row) return std::unexpected(row.error());
    const JobCounts& counts = row->job.counts;
    if (is_final(row->job.status) || counts.done() == 0) return {};
    if (!row->whole) {
      // If a retry is in progress, its outcomes will end the job.
      if (++torn == kTornReads) return {};
      continue;
    }
    const bool done = counts.done() >= counts.total;
    if (!done && row->job.status == JobStatus::kProcessing) return {};
    // Who counted the last images at the same time sees this as well. One does it, the others look
    // whether it was done.
    if (done && attempt == 0 && row->last_counted_by != by) {
      std::this_thread::sleep_for(kOtherEndsJob);
      continue;
    }
    const JobStatus to = done ? final_status(counts) : JobStatus::kProcessing;
    Expression change = dynamo::status_change(*row, to, now);
    if (!row->job.started_at) change.set("started_at", number(now));
    if (to == JobStatus::kFailed) {
      const auto reason = reason_of_failure(row->job);
      if (!reason) return std::unexpected(reason.error());
      change.set("error", text(*reason));
    }
    if (is_final(to)) {
      // For list(), which does not read the counters of finished jobs.
      change.set("classified", number(counts.classified))
          .set("unknown", number(counts.unknown))
          .set("failed", number(counts.failed))
          .set("reused", number(counts.reused));
    }
    const auto moved = move(*row, to, change, {});
    if (!moved) return std::unexpected(moved.error());
    if (*moved) return {};
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("job {} was changed by others at the same time", job_id));
}

Result<std::string> DynamoJobStore::reason_of_failure(const Job& job) {
  const auto first = images_.read(job, 0, 1, true);
  if (!first) return std::unexpected(first.error());
  const auto& outcome = first->front().outcome;
  const auto* const error = outcome ? std::get_if<Error>(&outcome->result) : nullptr;
  return failed_reason(job.counts.total, error == nullptr ? "" : error->message);
}

}  // namespace classifier::aws
