#include "services/job_service.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <utility>

#include "domain/ids.hpp"
#include "domain/job_rules.hpp"
#include "domain/text.hpp"
#include "domain/unique_names.hpp"

namespace classifier {
namespace {

auto invalid(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }

Result<void> check_label(const std::string& label, const std::string& place,
                         const JobLimits& limits) {
  if (label.empty()) return invalid(fmt::format("{} is empty: remove it or name it", place));
  if (label.size() > limits.max_label_bytes) {
    return invalid(fmt::format("{} has {} bytes; at most {} are allowed", place, label.size(),
                               limits.max_label_bytes));
  }
  if (has_control_character(label) || !is_utf8(label))
    return invalid(fmt::format("{} has a control character or is not UTF-8", place));
  if (label == "unknown") {
    return invalid(
        fmt::format("{} is \"unknown\", which stands for images below the threshold: choose "
                    "another word",
                    place));
  }
  return {};
}

// Consoles and other tools show an object as "s3://bucket/key".
Result<void> check_no_url(std::string_view key, std::size_t index) {
  constexpr std::string_view kScheme = "s3://";
  if (to_lower(key.substr(0, kScheme.size())) != kScheme) return {};
  const std::size_t slash = key.find('/', kScheme.size());
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1);
  return invalid(fmt::format("s3_keys[{}] is a URL of S3: give the key alone: {}", index,
                             rest.empty() ? "uploads/cat.jpg" : utf8_prefix(rest, 200)));
}

Result<void> check_keys(const std::vector<std::string>& keys, const JobLimits& limits) {
  if (keys.empty()) {
    return invalid("s3_keys is missing or empty: name at least one image");
  }
  if (keys.size() > limits.max_images) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("s3_keys has {} images; at most {} are allowed in one job: split it",
                            keys.size(), limits.max_images));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].empty()) return invalid(fmt::format("s3_keys[{}] is empty", i));
    if (keys[i].size() > limits.max_key_bytes) {
      return invalid(fmt::format("s3_keys[{}] has {} bytes; a key has at most {}", i,
                                 keys[i].size(), limits.max_key_bytes));
    }
    if (has_control_character(keys[i]) || !is_utf8(keys[i]))
      return invalid(fmt::format("s3_keys[{}] has a control character or is not UTF-8", i));
    if (auto valid = check_no_url(keys[i], i); !valid) return valid;
    if (has_dot_part(keys[i])) {
      return invalid(fmt::format(
          "s3_keys[{}] has \".\" or \"..\" between slashes, which no key of an image has", i));
    }
  }
  return {};
}

// Two requests with the same fingerprint are the same. It has the model as the user named it.
std::string fingerprint(const SubmitRequest& request) {
  nlohmann::json parts = {to_string(request.type), request.model, request.s3_keys,
                          request.custom_labels,   request.top_k, request.confidence_threshold};
  if (request.images) {
    const auto& [filter, order] = *request.images;
    const auto ms = [](const std::optional<TimePoint>& time) { return time ? to_ms(*time) : -1; };
    parts.push_back({filter.prefix, filter.folder.value_or(""), filter.words, filter.batch,
                     ms(filter.taken_from), ms(filter.taken_to), static_cast<int>(order)});
    if (filter.undated) parts.push_back({{"taken", "none"}});
  }
  if (!request.name.empty()) parts.push_back({{"name", request.name}});
  return sha256_hex(parts.dump());
}

// Unique file names for the different keys of a job.
class Filenames {
 public:
  // Prepends one more folder until the name is free. Two keys can still give the same name, because
  // a slash becomes "_"; then a number is added.
  std::string take(std::string_view key) {
    std::size_t slash = key.rfind('/');
    std::string name(filename_of(key));
    while ((name.empty() || taken_.contains(name)) && slash != std::string_view::npos &&
           slash > 0) {
      slash = key.rfind('/', slash - 1);
      name = key.substr(slash + 1);
      std::ranges::replace(name, '/', '_');
    }
    if (name.empty()) name = "image";
    if (name.size() > 200) name = shorten_filename(name, 200);
    return taken_.take(std::move(name));
  }

 private:
  UniqueNames taken_;
};

}  // namespace

Result<void> check_labels(std::vector<std::string>& labels, const JobLimits& limits,
                          std::string_view field) {
  if (labels.empty()) {
    return invalid(fmt::format(
        "{} is missing: name at least one category, such as [\"dog\", \"cat\"]", field));
  }
  if (labels.size() > limits.max_labels) {
    return invalid(fmt::format("{} has {} labels; at most {} are allowed", field, labels.size(),
                               limits.max_labels));
  }
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = trim(labels[i]);
    const std::string& label = labels[i];
    if (auto valid = check_label(label, fmt::format("{}[{}]", field, i), limits); !valid)
      return valid;
    const auto [earlier, is_new] = seen.emplace(label, i);
    if (!is_new) {
      return invalid(fmt::format("{} has \"{}\" twice (entries {} and {}): remove one", field,
                                 label, earlier->second, i));
    }
  }
  return {};
}

Result<JobSpec> make_spec(JobType type, std::string_view model,
                          std::vector<std::string> custom_labels, int top_k,
                          double confidence_threshold, const JobLimits& limits,
                          const Classifier& classifier) {
  if (top_k < 1 || top_k > 10) {
    return invalid(fmt::format("top_k must be a whole number from 1 to 10, not {}", top_k));
  }
  if (!(confidence_threshold >= 0 && confidence_threshold <= 1)) {
    return invalid(fmt::format("confidence_threshold must be a number from 0 to 1, not {}",
                               short_number(confidence_threshold)));
  }
  if (type == JobType::kCustomClassification) {
    if (auto valid = check_labels(custom_labels, limits, "custom_labels"); !valid)
      return std::unexpected(valid.error());
  } else if (!custom_labels.empty()) {
    return invalid(
        "custom_labels is allowed with job_type \"custom_classification\" only: change the type or "
        "leave custom_labels out");
  }
  auto resolved = classifier.resolve(type, model);
  if (!resolved) return std::unexpected(resolved.error());
  return JobSpec{.type = type,
                 .model = std::move(*resolved),
                 .custom_labels = std::move(custom_labels),
                 .top_k = top_k,
                 .confidence_threshold = confidence_threshold};
}

std::vector<std::string> unique_filenames(const std::vector<std::string>& keys) {
  std::unordered_map<std::string_view, std::string> name_of_key;
  Filenames taken;
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const auto& key : keys) {
    auto [known, is_new] = name_of_key.try_emplace(key);
    if (is_new) known->second = taken.take(key);
    names.push_back(known->second);
  }
  return names;
}

JobService::JobService(JobStore& jobs, WorkQueue& queue, const Classifier& classifier,
                       const Clock& clock, Metrics& metrics, JobLimits limits,
                       std::function<void()> on_work, RuleStores rule_stores,
                       std::function<void()> on_removed)
    : jobs_(jobs),
      queue_(queue),
      classifier_(classifier),
      clock_(clock),
      metrics_(metrics),
      limits_(limits),
      backlog_(queue, limits.max_backlog),
      on_work_(std::move(on_work)),
      rule_stores_(rule_stores),
      on_removed_(std::move(on_removed)) {}

Result<Job> JobService::submit(const SubmitRequest& request) {
  if (!request.images) {
    if (auto valid = check_keys(request.s3_keys, limits_); !valid)
      return std::unexpected(valid.error());
  } else if (!request.s3_keys.empty()) {
    return invalid("give s3_keys or images, not both");
  }
  if (request.idempotency_key.size() > limits_.max_idempotency_key_bytes) {
    return invalid(
        fmt::format("Idempotency-Key has more than {} bytes", limits_.max_idempotency_key_bytes));
  }
  auto name = job_name(request.name);
  if (!name) return std::unexpected(name.error());
  auto spec = make_spec(request.type, request.model, request.custom_labels, request.top_k,
                        request.confidence_threshold, limits_, classifier_);
  if (!spec) return std::unexpected(spec.error());
  if (auto room = backlog_.check(); !room) return std::unexpected(room.error());
  NewJob job{.id = make_job_id(clock_.now()),
             .name = std::move(*name),
             .spec = std::make_shared<const JobSpec>(std::move(*spec)),
             .s3_keys = request.s3_keys,
             .filenames = unique_filenames(request.s3_keys),
             .created_at = clock_.now(),
             .idempotency = std::nullopt};
  if (!request.idempotency_key.empty())
    job.idempotency = {request.idempotency_key, fingerprint(request)};
  auto created = request.images ? create_by_rule(job, *request.images) : jobs_.create(job);
  if (!created) return created;
  if (created->id == job.id) {
    const auto images = static_cast<std::size_t>(created->counts.total);
    metrics_.job_accepted(images);
    backlog_.add(images);
  }
  on_work_();
  return created;
}

Result<Job> JobService::create_by_rule(const NewJob& job, const ImageRule& rule) {
  if (rule_stores_.catalogue == nullptr || rule_stores_.drafts == nullptr)
    return fail(ErrorCode::kUnsupported, kNoCatalogue);
  Catalogue& catalogue = *rule_stores_.catalogue;
  if (!catalogue.complete()) {
    return fail(ErrorCode::kUnavailable,
                "the catalogue of images is still being made: try again in a moment, or give "
                "s3_keys in place of images");
  }
  const auto size = catalogue.list(rule.filter, rule.order, 0, 0);
  if (!size) return std::unexpected(size.error());
  const auto too_many = [&](std::int64_t total) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("images selects {} images; at most {} are allowed in one job: split it",
                            total, limits_.max_images));
  };
  const auto most = static_cast<std::int64_t>(limits_.max_images);
  if (size->total > most) return too_many(size->total);
  if (size->total == 0)
    return invalid("images selects no image: GET /images with the same conditions lists them");
  auto draft = rule_stores_.drafts->begin(job);
  if (!draft) return std::unexpected(draft.error());
  Filenames filenames;
  std::int64_t total = 0;
  const auto added = catalogue.visit(rule.filter, rule.order,
                                     [&](std::span<const std::string> keys) -> Result<void> {
                                       total += static_cast<std::int64_t>(keys.size());
                                       if (total > most) return too_many(total);
                                       std::vector<JobImage> images;
                                       images.reserve(keys.size());
                                       for (const auto& key : keys)
                                         images.push_back({key, filenames.take(key)});
                                       return (*draft)->add(images);
                                     });
  if (!added) return std::unexpected(added.error());
  if (total == 0) return invalid("all images that images selects were deleted meanwhile");
  return (*draft)->commit();
}

Result<Job> JobService::cancel(std::string_view job_id) {
  auto job = jobs_.cancel(job_id, clock_.now());
  // Workers drop the messages that remain when they receive them.
  if (job) std::ignore = queue_.drop_job(job_id, job->retry_count);
  return job;
}

Result<Job> JobService::retry(std::string_view job_id) {
  auto job = jobs_.retry(job_id, clock_.now());
  if (job) on_work_();
  return job;
}

Result<Job> JobService::rename(std::string_view job_id, std::string_view name) {
  const auto valid = job_name(name);
  if (!valid) return std::unexpected(valid.error());
  return jobs_.rename(job_id, *valid);
}

Result<void> JobService::remove(std::string_view job_id) {
  auto removed = jobs_.remove(job_id, clock_.now());
  if (removed) on_removed_();
  return removed;
}

}  // namespace classifier
