#include "adapters/aws/dynamodb/dynamo_layout.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <utility>

#include "adapters/aws/dynamodb/segments.hpp"
#include "adapters/codec/json_text.hpp"
#include "adapters/codec/outcome_json.hpp"
#include "domain/text.hpp"

namespace classifier::aws::dynamo {
namespace {

using nlohmann::json;

constexpr std::size_t kPartBytes = 300'000;  // DynamoDB allows 400 kB for an item
constexpr std::size_t kErrorBytes = 1'000;

// "<prefix>000042", so that sort keys sort as their numbers do.
std::string numbered(std::string_view prefix, std::int64_t number) {
  return fmt::format("{}{:06}", prefix, number);
}

std::optional<TimePoint> optional_time(const Item& item, const char* name) {
  if (!has(item, name)) return std::nullopt;
  return from_ms(number_of(item, name));
}

void expire(Item& item, std::optional<std::int64_t> expires_at) {
  if (expires_at) item["expires_at"] = number(*expires_at);
}

// Splits a long list into JSON arrays that each fit into an item.
class Parts {
 public:
  void add(json entry) {
    const std::size_t size = utf8_json(entry).size();
    if (parts_.empty() || bytes_ + size > kPartBytes) {
      parts_.push_back(json::array());
      bytes_ = 0;
    }
    bytes_ += size + 1;
    parts_.back().push_back(std::move(entry));
  }

  // Adds an item for each array, as text in the attribute `name`.
  void append_items(std::vector<Item>& items, const std::string& pk, std::string_view sk_prefix,
                    const char* name, std::optional<std::int64_t> expires_at) const {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      Item item = key(pk, numbered(sk_prefix, static_cast<std::int64_t>(i)));
      item[name] = text(utf8_json(parts_[i]));
      expire(item, expires_at);
      items.push_back(std::move(item));
    }
  }

 private:
  std::vector<json> parts_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::string job_pk(std::string_view job_id) { return "J#" + std::string(job_id); }
std::string counter_sk(int counter) { return kFirstCounter + std::to_string(counter); }
std::string segment_pk(std::string_view job_id, std::int64_t segment) {
  return fmt::format("S#{}#{}", job_id, segment);
}
std::string image_sk(std::int64_t index) { return fmt::format("{}{:08}", kFirstImage, index); }
std::string idempotency_pk(std::string_view key) { return "D#" + sha256_hex(key); }
std::string listing_pk(JobType type, JobStatus status, int shard) {
  return fmt::format("{}#{}#{}", to_string(type), to_string(status), shard);
}
std::string listing_sk(TimePoint created, std::string_view job_id) {
  return fmt::format("{:013}#{}", to_ms(created), job_id);
}
std::string unsent_pk(int shard) { return "U#" + std::to_string(shard); }
std::string tally_pk(int shard) { return "T#" + std::to_string(shard); }
std::string day_of(TimePoint time) { return to_compact(time).substr(0, 8); }
std::string tally_sk(TimePoint created, std::string_view job_id) {
  return fmt::format("{}#{}", day_of(created), job_id);
}
std::string tally_name(JobType type, JobStatus status) {
  return fmt::format("{}_{}", to_string(type), to_string(status));
}

int shard_of(std::string_view job_id, int shards) {
  // FNV-1a, because std::hash may differ between builds.
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : job_id) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return static_cast<int>(hash % static_cast<std::uint32_t>(shards));
}

std::optional<std::int64_t> expiry(TimePoint created, std::chrono::days retention) {
  if (retention.count() == 0) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(created + retention).time_since_epoch().count();
}

int counters_for(std::int64_t images) {
  return static_cast<int>(std::clamp<std::int64_t>(images, 1, kMaxCounters));
}

Item job_item(const NewJob& job, std::optional<std::int64_t> expires_at) {
  const auto total = static_cast<std::int64_t>(job.s3_keys.size());
  const JobSpec& spec = *job.spec;
  Item item = key(job_pk(job.id), kJob);
  item["job_id"] = text(job.id);
  if (!job.name.empty()) item["name"] = text(job.name);
  item["job_type"] = text(to_string(spec.type));
  item["status"] = text(to_string(JobStatus::kQueued));
  item["model"] = text(spec.model);
  item["top_k"] = number(spec.top_k);
  item["confidence_threshold"] = number(spec.confidence_threshold);
  item["total"] = number(total);
  item["counters"] = number(counters_for(total));
  item["generation"] = number(0);
  item["sent_next"] = number(0);
  item["created_at"] = number(job.created_at);
  item["updated_at"] = number(job.created_at);
  item["listing_pk"] =
      text(listing_pk(spec.type, JobStatus::kQueued, shard_of(job.id, kListingShards)));
  item["listing_sk"] = text(listing_sk(job.created_at, job.id));
  item["unsent_pk"] = text(unsent_pk(shard_of(job.id, kUnsentShards)));
  item["unsent_sk"] = text(listing_sk(job.created_at, job.id));
  expire(item, expires_at);
  return item;
}

Item counter_item(const NewJob& job, int counter, std::optional<std::int64_t> expires_at) {
  Item item = key(job_pk(job.id), counter_sk(counter));
  item["generation"] = number(0);
  item["open"] = boolean(true);
  expire(item, expires_at);
  return item;
}

std::vector<Item> bulk_items(const NewJob& job, std::optional<std::int64_t> expires_at) {
  std::vector<Item> items;
  Parts labels;
  for (const auto& label : job.spec->custom_labels) labels.add(label);
  labels.append_items(items, job_pk(job.id), kFirstLabels, "labels", expires_at);
  const auto total = static_cast<std::int64_t>(job.s3_keys.size());
  const Segments segments(total);
  for (std::int64_t block = 0; block < segments.blocks(); ++block) {
    const std::int64_t stripes = segments.stripes(block);
    const std::int64_t end = std::min(total, (block + 1) * Segments::kBlock);
    for (std::int64_t stripe = 0; stripe < stripes; ++stripe) {
      Parts parts;
      for (std::int64_t i = block * Segments::kBlock + stripe; i < end; i += stripes) {
        const auto& image = job.s3_keys[static_cast<std::size_t>(i)];
        const auto& filename = job.filenames[static_cast<std::size_t>(i)];
        parts.add(filename == filename_of(image) ? json(image) : json{image, filename});
      }
      parts.append_items(items, segment_pk(job.id, block * Segments::kStripes + stripe), kFirstKeys,
                         "image_keys", expires_at);
    }
  }
  return items;
}

JobRow read_job(const Item& item) {
  JobRow row;
  JobSpec spec;
  spec.type = parse_job_type(text_of(item, "job_type")).value_or(JobType::kImageClassification);
  spec.model = text_of(item, "model");
  spec.top_k = static_cast<int>(number_of(item, "top_k", 5));
  spec.confidence_threshold = real_of(item, "confidence_threshold");
  row.job.spec = std::make_shared<const JobSpec>(std::move(spec));
  row.job.id = text_of(item, "job_id");
  row.job.name = text_of(item, "name");
  row.job.status = parse_job_status(text_of(item, "status")).value_or(JobStatus::kPending);
  row.job.counts = {.total = number_of(item, "total"),
                    .classified = number_of(item, "classified"),
                    .unknown = number_of(item, "unknown"),
                    .failed = number_of(item, "failed"),
                    .reused = number_of(item, "reused")};
  row.job.created_at = from_ms(number_of(item, "created_at"));
  row.job.updated_at = from_ms(number_of(item, "updated_at"));
  row.job.started_at = optional_time(item, "started_at");
  row.job.completed_at = optional_time(item, "completed_at");
  if (has(item, "error")) row.job.error = text_of(item, "error");
  row.job.retry_count = static_cast<int>(number_of(item, "generation"));
  row.counters =
      static_cast<int>(std::clamp<std::int64_t>(number_of(item, "counters", 1), 1, kMaxCounters));
  row.sent_next = number_of(item, "sent_next");
  return row;
}

std::optional<JobRow> read_job(const std::vector<Item>& items) {
  std::optional<JobRow> row;
  JobCounts counts;
  TimePoint counted_at;
  std::string last_by;
  std::vector<std::int64_t> generations;
  for (const auto& item : items) {
    if (text_of(item, "sk") == kJob) {
      row = read_job(item);
      continue;
    }
    generations.push_back(number_of(item, "generation"));
    counts.classified += number_of(item, "classified");
    counts.unknown += number_of(item, "unknown");
    counts.failed += number_of(item, "failed");
    counts.reused += number_of(item, "reused");
    if (const TimePoint at = from_ms(number_of(item, "updated_at")); at >= counted_at) {
      counted_at = at;
      last_by = text_of(item, "counted_by");
    }
  }
  if (!row) return std::nullopt;
  counts.total = row->job.counts.total;
  row->job.counts = counts;
  row->last_counted_by = std::move(last_by);
  row->whole = std::cmp_equal(generations.size(), row->counters) &&
               std::ranges::count(generations, row->job.retry_count) == row->counters;
  row->job.updated_at = std::max(row->job.updated_at, counted_at);
  return row;
}

Expression status_change(const JobRow& row, JobStatus to, TimePoint now) {
  const Job& job = row.job;
  Expression change;
  change.set("status", text(to_string(to)))
      .set("updated_at", number(now))
      .set("listing_pk", text(listing_pk(job.spec->type, to, shard_of(job.id, kListingShards))))
      .only_if("#status = :was AND #generation = :generation_was")
      .value("was", text(to_string(job.status)))
      .value("generation_was", number(job.retry_count));
  if (is_final(to)) {
    change.set("completed_at", number(now)).remove("unsent_pk").remove("unsent_sk");
  }
  return change;
}

void add_to_unsent(Expression& change, const Job& job) {
  change.set("unsent_pk", text(unsent_pk(shard_of(job.id, kUnsentShards))))
      .set("unsent_sk", text(listing_sk(job.created_at, job.id)));
}

Item removal_item(const Job& job, TimePoint removed_at) {
  Item item = key(kRemovedPk, listing_sk(removed_at, job.id));
  item["job_id"] = text(job.id);
  item["removed_at"] = number(removed_at);
  item["total"] = number(job.counts.total);
  return item;
}

RemovedJob read_removal(const Item& item) {
  return {.id = text_of(item, "job_id"),
          .removed_at = from_ms(number_of(item, "removed_at")),
          .total = number_of(item, "total")};
}

std::vector<ImageName> read_image_names(const std::vector<Item>& parts) {
  std::vector<ImageName> names;
  for (const auto& part : parts) {
    const auto list = parse_json(text_of(part, "image_keys"));
    if (!list) continue;
    for (const auto& entry : *list) {
      if (entry.is_array() && entry.size() == 2) {
        names.push_back({text_or_empty(entry[0]), text_or_empty(entry[1])});
      } else if (entry.is_string()) {
        auto image = entry.get<std::string>();
        std::string filename(filename_of(image));
        names.push_back({std::move(image), std::move(filename)});
      }
    }
  }
  return names;
}

Item outcome_item(const ImageOutcome& outcome, ImageState state, std::string_view pk,
                  std::optional<std::int64_t> expires_at) {
  Item item = key(pk, image_sk(outcome.index));
  item["generation"] = number(outcome.generation);
  item["failed"] = boolean(state == ImageState::kFailed);
  item["ms"] = number(outcome.processing_time_ms);
  if (const auto* error = std::get_if<Error>(&outcome.result)) {
    item["code"] = text(error_code_name(error->code));
    item["error"] = text(utf8_prefix(error->message, kErrorBytes));
  } else {
    item["predictions"] =
        text(utf8_json(predictions_to_json(std::get<Predictions>(outcome.result))));
    if (!outcome.warning.empty()) item["warning"] = text(outcome.warning);
  }
  if (!outcome.output_key.empty()) item["output_key"] = text(outcome.output_key);
  expire(item, expires_at);
  return item;
}

std::vector<std::string> read_labels(const std::vector<Item>& parts) {
  std::vector<std::string> labels;
  for (const auto& part : parts) {
    const auto list = parse_json(text_of(part, "labels"));
    if (!list) continue;
    for (const auto& label : *list) labels.push_back(text_or_empty(label));
  }
  return labels;
}

std::optional<ImageOutcome> read_outcome(const Item& item, std::string_view job_id,
                                         int generation) {
  ImageOutcome outcome;
  outcome.job_id = job_id;
  outcome.generation = static_cast<int>(number_of(item, "generation"));
  if (boolean_of(item, "failed") && outcome.generation < generation) return std::nullopt;
  const std::string sk = text_of(item, "sk");
  if (!sk.starts_with(kFirstImage)) return std::nullopt;
  outcome.index =
      parse_integer(std::string_view(sk).substr(kFirstImage.size())).value_or(outcome.index);
  outcome.processing_time_ms = real_of(item, "ms");
  outcome.output_key = text_of(item, "output_key");
  if (has(item, "predictions")) {
    outcome.result = result_from_text(text_of(item, "predictions"));
    outcome.warning = text_of(item, "warning");
  } else {
    outcome.result = Error{error_code_from_name(text_of(item, "code")), text_of(item, "error")};
  }
  return outcome;
}

}  // namespace classifier::aws::dynamo
