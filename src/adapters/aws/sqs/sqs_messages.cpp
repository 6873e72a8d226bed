#include "adapters/aws/sqs/sqs_messages.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "adapters/codec/outcome_json.hpp"
#include "domain/text.hpp"

namespace classifier::aws::sqs {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kMaxCount = 1'000'000;  // of failures and losses

// The first of s3_keys.
std::string first_key(const json& body) {
  const json& keys = json_field(body, "s3_keys");
  return keys.is_array() && !keys.empty() ? text_or_empty(keys.front()) : std::string();
}

}  // namespace

std::int64_t whole_attribute(const json& attributes, const char* name) {
  return parse_integer(text_field(attributes, name)).value_or(0);
}

std::vector<Message> read_messages(const json& answer) {
  std::vector<Message> messages;
  const json& list = json_field(answer, "Messages");
  if (!list.is_array()) return messages;
  for (const auto& entry : list) {
    const json& attributes = json_field(entry, "Attributes");
    const std::int64_t receives = std::clamp<std::int64_t>(
        whole_attribute(attributes, "ApproximateReceiveCount"), 1, std::numeric_limits<int>::max());
    messages.push_back({.id = text_field(entry, "MessageId"),
                        .body = text_field(entry, "Body"),
                        .receipt = text_field(entry, "ReceiptHandle"),
                        .receive_count = static_cast<int>(receives),
                        .sent_at = from_ms(whole_attribute(attributes, "SentTimestamp"))});
  }
  return messages;
}

Result<Delivery> read_delivery(const Message& message) {
  const auto document = parse_json(message.body);
  if (!document) return std::unexpected(document.error());
  const auto index = whole_number<std::int64_t>(json_field(*document, "index"));
  const auto generation = whole_number<int>(json_field(*document, "retry_count"));
  Delivery delivery{.task = {}, .receipt = message.receipt};
  ImageTask& task = delivery.task;
  task.job_id = text_field(*document, "job_id");
  task.s3_key = first_key(*document);
  task.filename = text_field(*document, "filename");
  if (task.job_id.empty() || task.s3_key.empty() || !index || *index < 0 || !generation ||
      *generation < 0) {
    return fail(ErrorCode::kInvalidArgument, "it must have job_id, s3_keys, index and retry_count");
  }
  if (task.filename.empty()) task.filename = filename_of(task.s3_key);
  if (task.filename.empty()) task.filename = task.s3_key;
  task.index = *index;
  task.generation = *generation;
  const auto count = [&](const char* name) {
    return std::clamp(whole_number<int>(json_field(*document, name)).value_or(0), 0, kMaxCount);
  };
  delivery.failures = count("failures");
  // A message that is given back is a new one, which has its own count of receives.
  delivery.losses = count("losses") + std::min(message.receive_count - 1, kMaxCount);
  return delivery;
}

bool was_dead_letter(std::string_view body) {
  const auto document = parse_json(body);
  return document && json_field(*document, "dead_letter").is_object();
}

Result<StatusMessage> read_status(const Message& message) {
  const auto body = parse_json(message.body);
  if (!body) return std::unexpected(body.error());
  StatusMessage status{
      .job_id = text_field(*body, "job_id"), .outcomes = {}, .receipt = message.receipt};
  if (status.job_id.empty()) return fail(ErrorCode::kInvalidArgument, "it has no job_id");
  if (!body->contains("result")) return status;
  const json& outcomes = json_field(json_field(*body, "result"), "outcomes");
  if (!outcomes.is_array())
    return fail(ErrorCode::kInvalidArgument, "its result has no list of outcomes");
  for (const auto& entry : outcomes) {
    auto outcome = outcome_from_json(entry, status.job_id);
    if (!outcome) return std::unexpected(outcome.error());
    status.outcomes.push_back(std::move(*outcome));
  }
  return status;
}

std::optional<DeadLetter> read_dead_letter(const Message& message) {
  const auto body = parse_json(message.body);
  if (!body || !body->is_object()) return std::nullopt;
  const json& death = json_field(*body, "dead_letter");
  const std::string reason = text_field(death, "reason");
  return DeadLetter{
      .id = message.id,
      .job_id = text_field(*body, "job_id"),
      .index = whole_number<std::int64_t>(json_field(*body, "index")).value_or(0),
      .s3_key = first_key(*body),
      .reason = reason.empty() ? "moved by SQS after too many receives" : reason,
      .receive_count =
          whole_number<int>(json_field(death, "receive_count")).value_or(message.receive_count),
      .buried_at = message.sent_at};
}

}  // namespace classifier::aws::sqs
