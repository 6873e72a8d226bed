#include "adapters/aws/sqs/sqs_queue.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/aws/client/json_request.hpp"
#include "adapters/aws/sqs/sqs_messages.hpp"
#include "adapters/codec/json_text.hpp"

namespace classifier::aws::sqs {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kReceivesAtOnce = 8;
constexpr int kSendTries = 4;  // for messages of a batch that SQS refused for a transient reason
constexpr seconds kLongestWait{20};
constexpr seconds kLongestHiding{43'200};

bool is_missing(const std::string& code) {
  return code.ends_with("QueueDoesNotExist") || code.ends_with("NonExistentQueue");
}

// Codes for a receipt that is no longer valid: its message was redelivered or removed.
bool is_old_receipt(const std::string& code) {
  return code == "ReceiptHandleIsInvalid" || code == "InvalidParameterValue" ||
         code.ends_with("MessageNotInflight") || code == "InvalidAddress";
}

}  // namespace

Queue::Queue(const Clients& clients, std::string url, std::string variable,
             seconds visibility_timeout)
    : client_(&clients.calls),
      polling_(&clients.polling),
      url_(std::move(url)),
      variable_(std::move(variable)),
      visibility_timeout_(visibility_timeout) {}

AwsRequest Queue::request(const char* operation, json body) const {
  body["QueueUrl"] = url_;
  return json_request("sqs", "AmazonSQS", operation, body);
}

Error Queue::explain(const AwsError& error) const {
  if (is_missing(error.code)) {
    return {ErrorCode::kNotFound,
            fmt::format("SQS has no queue {} here: check {} and AWS_REGION, or create it", url_,
                        variable_)};
  }
  return to_error(error);
}

Result<json> Queue::answer(AwsResult response) const {
  if (!response) return std::unexpected(at_run_time(explain(response.error())));
  if (response->body.empty()) return json::object();
  return json_answer("SQS", *response);
}

// The entries of a batch that were refused for a transient reason, from the answer to it.
Result<std::vector<json>> Queue::refused(const std::vector<json>& entries,
                                         AwsResult response) const {
  const auto body = answer(std::move(response));
  if (!body) return std::unexpected(body.error());
  std::vector<json> again;
  for (const auto& failed : json_field(*body, "Failed")) {
    if (json_field(failed, "SenderFault") == true) {
      return fail(ErrorCode::kInternal,
                  fmt::format("SQS refused a message: {}, {}", text_field(failed, "Code"),
                              text_field(failed, "Message")));
    }
    const auto same = [&](const json& entry) { return entry.at("Id") == json_field(failed, "Id"); };
    if (const auto entry = std::ranges::find_if(entries, same); entry != entries.end())
      again.push_back(*entry);
  }
  return again;
}

Result<void> Queue::send(std::span<const Outgoing> messages) {
  std::vector<std::vector<json>> batches;
  std::size_t bytes = 0;
  for (const auto& message : messages) {
    if (batches.empty() || batches.back().size() == kBatch ||
        bytes + message.body.size() > kMaxBytes) {
      batches.emplace_back();
      bytes = 0;
    }
    bytes += message.body.size();
    json entry = {{"Id", std::to_string(batches.back().size())}, {"MessageBody", message.body}};
    if (!message.group.empty()) entry["MessageGroupId"] = message.group;
    if (message.delay.count() > 0) entry["DelaySeconds"] = message.delay.count();
    batches.back().push_back(std::move(entry));
  }
  for (int attempt = 1; !batches.empty(); ++attempt) {
    std::vector<AwsRequest> requests;
    requests.reserve(batches.size());
    for (const auto& batch : batches)
      requests.push_back(request("SendMessageBatch", {{"Entries", batch}}));
    auto responses = client_->call_all(std::move(requests));
    std::vector<std::vector<json>> left;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      auto again = refused(batches[i], std::move(responses[i]));
      if (!again) return std::unexpected(again.error());
      if (!again->empty()) left.push_back(std::move(*again));
    }
    if (!left.empty() && attempt == kSendTries)
      return fail(ErrorCode::kUnavailable, "SQS refused some messages for now: try again later");
    batches = std::move(left);
  }
  return {};
}

Result<std::vector<Message>> Queue::receive(std::size_t max, milliseconds wait,
                                            const std::stop_token& stop,
                                            std::optional<seconds> visibility) {
  const auto receive_request = [&](std::size_t some, seconds time) {
    auto receive =
        request("ReceiveMessage",
                {{"MaxNumberOfMessages", std::min(some, kBatch)},
                 {"WaitTimeSeconds", time.count()},
                 {"VisibilityTimeout", visibility.value_or(visibility_timeout_).count()},
                 // Both names, since older emulators know only the first.
                 {"AttributeNames", json::array({"ApproximateReceiveCount", "SentTimestamp"})},
                 {"MessageSystemAttributeNames",
                  json::array({"ApproximateReceiveCount", "SentTimestamp"})}});
    receive.extra_time = time;
    return receive;
  };
  std::vector<Message> messages;
  const auto take = [&](AwsResult response) -> Result<void> {
    const auto body = answer(std::move(response));
    if (!body) return std::unexpected(body.error());
    std::ranges::move(read_messages(*body), std::back_inserter(messages));
    return {};
  };
  const auto time = std::min<seconds>(kLongestWait, std::chrono::duration_cast<seconds>(wait));
  const std::stop_callback end_waiting(stop, [this] { polling_->stop(); });
  if (auto taken = take(polling_->call(receive_request(max, time))); !taken)
    return std::unexpected(taken.error());
  // A full answer suggests that there are more messages: receive them too, without waiting.
  if (messages.size() == kBatch && max > kBatch) {
    std::vector<AwsRequest> more;
    for (std::size_t left = max - kBatch; left > 0 && more.size() < kReceivesAtOnce;
         left -= std::min(left, kBatch)) {
      more.push_back(receive_request(left, seconds(0)));
    }
    for (auto& response : client_->call_all(std::move(more))) {
      // The messages received so far matter more than this error.
      if (auto taken = take(std::move(response)); !taken) break;
    }
  }
  return messages;
}

Result<void> Queue::batch_of_receipts(const char* operation, std::span<const std::string> receipts,
                                      std::optional<seconds> time) {
  std::vector<AwsRequest> requests;
  for (std::size_t begin = 0; begin < receipts.size(); begin += kBatch) {
    json entries = json::array();
    for (std::size_t i = begin; i < std::min(begin + kBatch, receipts.size()); ++i) {
      json entry = {{"Id", std::to_string(i - begin)}, {"ReceiptHandle", receipts[i]}};
      if (time) entry["VisibilityTimeout"] = std::clamp(*time, seconds(0), kLongestHiding).count();
      entries.push_back(std::move(entry));
    }
    requests.push_back(request(operation, {{"Entries", std::move(entries)}}));
  }
  std::optional<Error> error;
  for (auto& response : client_->call_all(std::move(requests))) {
    if (!response && is_old_receipt(response.error().code)) continue;
    const auto body = answer(std::move(response));
    if (!body) {
      error = body.error();
      continue;
    }
    for (const auto& failed : json_field(*body, "Failed")) {
      if (json_field(failed, "SenderFault") != false || is_old_receipt(text_field(failed, "Code")))
        continue;
      error = Error{ErrorCode::kUnavailable,
                    fmt::format("SQS {} failed: {}", operation, text_field(failed, "Message"))};
    }
  }
  if (error) return std::unexpected(std::move(*error));
  return {};
}

Result<void> Queue::remove(std::span<const std::string> receipts) {
  return batch_of_receipts("DeleteMessageBatch", receipts, std::nullopt);
}

Result<void> Queue::hide(std::span<const std::string> receipts, seconds time) {
  return batch_of_receipts("ChangeMessageVisibilityBatch", receipts, time);
}

AwsResult Queue::ask_attributes(std::initializer_list<const char*> names) {
  json list = json::array();
  for (const char* name : names) list.push_back(name);
  auto ask = request("GetQueueAttributes", {{"AttributeNames", std::move(list)}});
  ask.patience = kPatience;
  return client_->call(std::move(ask));
}

Result<json> Queue::attributes(std::initializer_list<const char*> names) {
  auto body = answer(ask_attributes(names));
  if (!body) return std::unexpected(body.error());
  return json_field(*body, "Attributes");
}

Result<Depth> Queue::depth() {
  const auto found =
      attributes({"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
                  "ApproximateNumberOfMessagesDelayed"});
  if (!found) return std::unexpected(found.error());
  return Depth{.visible = whole_attribute(*found, "ApproximateNumberOfMessages"),
               .in_flight = whole_attribute(*found, "ApproximateNumberOfMessagesNotVisible") +
                            whole_attribute(*found, "ApproximateNumberOfMessagesDelayed")};
}

Result<void> Queue::ping() {
  const auto response = ask_attributes({"QueueArn"});
  if (!response) return std::unexpected(explain(response.error()));
  return {};
}

Result<Queue> Queue::dead_letter_queue() {
  const auto found = attributes({"RedrivePolicy"});
  if (!found) return std::unexpected(found.error());
  const auto policy = parse_json(text_field(*found, "RedrivePolicy"));
  const std::string arn = policy ? text_field(*policy, "deadLetterTargetArn") : std::string();
  // arn:aws:sqs:<region>:<account>:<name>
  const std::size_t name = arn.rfind(':');
  if (arn.empty() || name == std::string::npos || name == 0) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("the queue of {} has no redrive policy, so no dead-letter queue", variable_));
  }
  const std::size_t account = arn.rfind(':', name - 1);
  const auto url = answer(client_->call(request(
      "GetQueueUrl", {{"QueueName", arn.substr(name + 1)},
                      {"QueueOwnerAWSAccountId", arn.substr(account + 1, name - account - 1)}})));
  if (!url) return std::unexpected(url.error());
  return Queue({*client_, *polling_}, url->value("QueueUrl", ""),
               "the dead-letter queue of " + variable_, visibility_timeout_);
}

}  // namespace classifier::aws::sqs
