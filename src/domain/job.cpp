#include "domain/job.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace classifier {
namespace {

constexpr std::array<std::pair<JobType, std::string_view>, 2> kJobTypes{{
    {JobType::kImageClassification, "image_classification"},
    {JobType::kCustomClassification, "custom_classification"},
}};

constexpr std::array<std::pair<JobStatus, std::string_view>, 6> kJobStatuses{{
    {JobStatus::kPending, "pending"},
    {JobStatus::kQueued, "queued"},
    {JobStatus::kProcessing, "processing"},
    {JobStatus::kCompleted, "completed"},
    {JobStatus::kFailed, "failed"},
    {JobStatus::kCancelled, "cancelled"},
}};

template <class Table, class Value>
std::string_view name_of(const Table& table, Value value) {
  const auto* const row = std::ranges::find(table, value, [](const auto& r) { return r.first; });
  return row == table.end() ? std::string_view{"unknown"} : row->second;
}

template <class Value, std::size_t N>
std::optional<Value> value_of(const std::array<std::pair<Value, std::string_view>, N>& table,
                              std::string_view name) {
  const auto* const row = std::ranges::find(table, name, [](const auto& r) { return r.second; });
  if (row == table.end()) return std::nullopt;
  return row->first;
}

}  // namespace

std::string_view to_string(JobType type) { return name_of(kJobTypes, type); }
std::string_view to_string(JobStatus status) { return name_of(kJobStatuses, status); }
std::optional<JobType> parse_job_type(std::string_view name) { return value_of(kJobTypes, name); }
std::optional<JobStatus> parse_job_status(std::string_view name) {
  return value_of(kJobStatuses, name);
}

bool is_final(JobStatus status) {
  return status == JobStatus::kCompleted || status == JobStatus::kFailed ||
         status == JobStatus::kCancelled;
}

ImageState state_of(const ImageOutcome& outcome, const JobSpec& spec) {
  const auto* predictions = std::get_if<Predictions>(&outcome.result);
  if (predictions == nullptr || predictions->empty()) return ImageState::kFailed;
  return predictions->front().score >= spec.confidence_threshold ? ImageState::kClassified
                                                                 : ImageState::kUnknown;
}

}  // namespace classifier
