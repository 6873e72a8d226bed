#include "adapters/aws/dynamodb/dynamo_table.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "adapters/aws/client/json_request.hpp"
#include "adapters/codec/json_text.hpp"
#include "domain/ids.hpp"
#include "support/backoff.hpp"

namespace classifier::aws::dynamo {
namespace {

using nlohmann::json;

constexpr std::size_t kBatchItems = 25;         // of one BatchWriteItem
constexpr std::size_t kBatchKeys = 100;         // of BatchGetItem
constexpr std::size_t kBatchBytes = 8U << 20U;  // half of the limit, since JSON adds to it
constexpr std::size_t kUpdatesAtOnce = 256;
constexpr std::chrono::milliseconds kFirstWait{40};
constexpr std::chrono::milliseconds kLongestWait{1'000};

json& body_of(Action& action) { return action.begin().value(); }

// One reason for each action of a cancelled transaction: "None" or empty, "ConditionalCheckFailed",
// "TransactionConflict", …
std::vector<std::string> cancellation_reasons(const AwsError& error) {
  std::vector<std::string> reasons;
  const auto body = parse_json(error.body);
  if (!body) return reasons;
  for (const auto& reason : json_field(*body, "CancellationReasons"))
    reasons.push_back(text_field(reason, "Code"));
  return reasons;
}

}  // namespace

Action put(Item item, const Expression& condition) {
  json body = {{"Item", std::move(item)}};
  condition.write_to(body);
  return {{"Put", std::move(body)}};
}

Action put_new(Item item) {
  return put(std::move(item), Expression().only_if("attribute_not_exists(#pk)"));
}

Action update(const Item& key, const Expression& expression) {
  json body = {{"Key", key}};
  expression.write_to(body);
  return {{"Update", std::move(body)}};
}

Action remove(const Item& key, const Expression& condition) {
  json body = {{"Key", key}};
  condition.write_to(body);
  return {{"Delete", std::move(body)}};
}

AwsRequest Table::request(const char* operation, const json& body) const {
  return json_request("dynamodb", "DynamoDB_20120810", operation, body);
}

Error Table::explain(const AwsError& error) const {
  if (error.code == "ResourceNotFoundException") {
    return {
        ErrorCode::kNotFound,
        fmt::format("DynamoDB has no table \"{}\" here: check DYNAMODB_TABLE and AWS_REGION, or "
                    "create it",
                    name_)};
  }
  return to_error(error);
}

Result<json> Table::answer(AwsResult response) const {
  if (!response) return std::unexpected(at_run_time(explain(response.error())));
  return json_answer("DynamoDB", *response);
}

Result<json> Table::call(const char* operation, const json& body) {
  return answer(client_.call(request(operation, body)));
}

Result<Item> Table::get(const Item& key) {
  auto body = call("GetItem", {{"TableName", name_}, {"Key", key}, {"ConsistentRead", true}});
  if (!body) return std::unexpected(body.error());
  if (!body->contains("Item")) return fail(ErrorCode::kNotFound, "no such item");
  return std::move(body->at("Item"));
}

Result<std::vector<Item>> Table::get_all(std::span<const Item> keys, bool consistent) {
  std::vector<json> batches;
  for (const auto& key : keys) {
    if (batches.empty() || batches.back().size() == kBatchKeys) batches.push_back(json::array());
    batches.back().push_back(key);
  }
  std::vector<Item> items;
  for (int attempt = 0; !batches.empty(); ++attempt) {
    if (attempt > 0) wait_after(attempt);
    std::vector<AwsRequest> requests;
    requests.reserve(batches.size());
    for (const auto& batch : batches)
      requests.push_back(request(
          "BatchGetItem",
          {{"RequestItems", {{name_, {{"Keys", batch}, {"ConsistentRead", consistent}}}}}}));
    std::vector<json> left;
    for (auto& response : client_.call_all(std::move(requests))) {
      auto body = answer(std::move(response));
      if (!body) return std::unexpected(body.error());
      const json& found = json_field(*body, "Responses");
      if (found.contains(name_))
        for (const auto& item : found.at(name_)) items.push_back(item);
      const json& unprocessed = json_field(*body, "UnprocessedKeys");
      if (unprocessed.contains(name_)) left.push_back(json_field(unprocessed.at(name_), "Keys"));
    }
    if (!left.empty() && attempt == kTransactionTries) {
      return fail(ErrorCode::kUnavailable,
                  "DynamoDB read only part of the items, because it throttles the table: try again "
                  "later");
    }
    batches = std::move(left);
  }
  return items;
}

Result<void> Table::remove(const Item& key) {
  const auto removed = call("DeleteItem", {{"TableName", name_}, {"Key", key}});
  if (!removed) return std::unexpected(removed.error());
  return {};
}

json Table::query_body(const Query& query) const {
  const bool indexed = !query.index.empty();
  json body = {{"TableName", name_},
               {"ScanIndexForward", !query.newest_first},
               {"KeyConditionExpression", "#pk = :pk AND #sk BETWEEN :low AND :high"},
               {"ExpressionAttributeNames",
                {{"#pk", indexed ? query.index + "_pk" : "pk"},
                 {"#sk", indexed ? query.index + "_sk" : "sk"}}},
               {"ExpressionAttributeValues",
                {{":pk", text(query.pk)}, {":low", text(query.low)}, {":high", text(query.high)}}}};
  if (indexed) {
    body["IndexName"] = query.index;
  } else {
    body["ConsistentRead"] = query.consistent;
  }
  if (query.limit) body["Limit"] = *query.limit;
  return body;
}

Result<std::vector<Item>> Table::query(const Query& query) {
  auto answers = query_all({&query, 1});
  if (!answers) return std::unexpected(answers.error());
  return std::move(answers->front());
}

Result<std::vector<std::vector<Item>>> Table::query_all(std::span<const Query> queries) {
  std::vector<std::vector<Item>> items(queries.size());
  std::vector<json> bodies(queries.size());
  std::vector<std::size_t> open(queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i) {
    bodies[i] = query_body(queries[i]);
    open[i] = i;
  }
  while (!open.empty()) {
    std::vector<AwsRequest> requests;
    requests.reserve(open.size());
    for (const std::size_t i : open) requests.push_back(request("Query", bodies[i]));
    auto responses = client_.call_all(std::move(requests));
    std::vector<std::size_t> still_open;
    for (std::size_t n = 0; n < open.size(); ++n) {
      const std::size_t i = open[n];
      auto body = answer(std::move(responses[n]));
      if (!body) return std::unexpected(body.error());
      for (const auto& item : json_field(*body, "Items")) items[i].push_back(item);
      const bool full = queries[i].limit && items[i].size() >= *queries[i].limit;
      if (!full && body->contains("LastEvaluatedKey")) {
        bodies[i]["ExclusiveStartKey"] = body->at("LastEvaluatedKey");
        still_open.push_back(i);
      }
    }
    open = std::move(still_open);
  }
  return items;
}

Result<void> Table::put_all(std::span<const Item> items) {
  std::vector<json> batches;
  std::size_t bytes = 0;
  for (const auto& item : items) {
    const std::size_t size = item.dump().size();
    if (batches.empty() || batches.back().size() == kBatchItems || bytes + size > kBatchBytes) {
      batches.push_back(json::array());
      bytes = 0;
    }
    bytes += size;
    batches.back().push_back({{"PutRequest", {{"Item", item}}}});
  }
  return write_all(std::move(batches));
}

Result<void> Table::remove_all(std::span<const Item> keys) {
  std::vector<json> batches;
  for (const auto& key : keys) {
    if (batches.empty() || batches.back().size() == kBatchItems) batches.push_back(json::array());
    batches.back().push_back({{"DeleteRequest", {{"Key", key}}}});
  }
  return write_all(std::move(batches));
}

Result<void> Table::write_all(std::vector<json> batches) {
  for (int attempt = 0; !batches.empty(); ++attempt) {
    if (attempt > 0) wait_after(attempt);
    std::vector<AwsRequest> requests;
    requests.reserve(batches.size());
    for (const auto& batch : batches)
      requests.push_back(request("BatchWriteItem", {{"RequestItems", {{name_, batch}}}}));
    std::vector<json> left;
    for (auto& response : client_.call_all(std::move(requests))) {
      auto body = answer(std::move(response));
      if (!body) return std::unexpected(body.error());
      const json& unprocessed = json_field(*body, "UnprocessedItems");
      if (unprocessed.contains(name_)) left.push_back(unprocessed.at(name_));
    }
    if (!left.empty() && attempt == kTransactionTries) {
      return fail(ErrorCode::kUnavailable,
                  "DynamoDB wrote only part of the items, because it throttles the table: try "
                  "again later");
    }
    batches = std::move(left);
  }
  return {};
}

Result<std::optional<Item>> Table::update(const Item& key, const Expression& expression) {
  json body = {{"TableName", name_}, {"Key", key}, {"ReturnValues", "ALL_NEW"}};
  expression.write_to(body);
  for (int attempt = 1;; ++attempt) {
    auto response = client_.call(request("UpdateItem", body));
    if (!response && response.error().code == "ConditionalCheckFailedException")
      return std::nullopt;
    if (!response && response.error().code == "TransactionConflictException" &&
        attempt < kTransactionTries) {
      wait_after(attempt);
      continue;
    }
    auto updated = answer(std::move(response));
    if (!updated) return std::unexpected(updated.error());
    return json_field(*updated, "Attributes");
  }
}

Result<void> Table::update_all(std::span<const Item> keys, Expression expression) {
  expression.only_if("attribute_exists(#pk)");
  for (std::size_t begin = 0; begin < keys.size(); begin += kUpdatesAtOnce) {
    const auto some = keys.subspan(begin, std::min(kUpdatesAtOnce, keys.size() - begin));
    std::vector<AwsRequest> requests;
    requests.reserve(some.size());
    for (const Item& key : some) {
      json body = {{"TableName", name_}, {"Key", key}};
      expression.write_to(body);
      requests.push_back(request("UpdateItem", body));
    }
    auto responses = client_.call_all(std::move(requests));
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (responses[i] || responses[i].error().code == "ConditionalCheckFailedException") continue;
      if (responses[i].error().code != "TransactionConflictException")
        return std::unexpected(at_run_time(explain(responses[i].error())));
      if (auto updated = update(some[i], expression); !updated)
        return std::unexpected(updated.error());
    }
  }
  return {};
}

json Table::transaction(std::vector<Action> actions) const {
  for (auto& action : actions) body_of(action)["TableName"] = name_;
  // Because of the token, a repetition after a lost answer is reported as done, not as refused.
  return {{"ClientRequestToken", random_hex(32)}, {"TransactItems", std::move(actions)}};
}

// nullopt where it may be sent again as it is: it conflicts with another one, or runs already.
Result<std::optional<TransactionOutcome>> Table::send_transaction(json& body) {
  auto response = client_.call(request("TransactWriteItems", body));
  if (response) return TransactionOutcome{.done = true, .refused = {}};
  const AwsError& error = response.error();
  if (error.code == "TransactionInProgressException") return std::nullopt;
  if (error.code != "TransactionCanceledException")
    return std::unexpected(at_run_time(explain(error)));
  TransactionOutcome outcome;
  bool any = false;
  for (const auto& reason : cancellation_reasons(error)) {
    if (reason == "ValidationError" || reason == "ItemCollectionSizeLimitExceeded")
      return std::unexpected(at_run_time(explain(error)));
    outcome.refused.push_back(reason == "ConditionalCheckFailed");
    any = any || outcome.refused.back();
  }
  if (any) return outcome;
  // The old token belongs to the cancelled transaction.
  body["ClientRequestToken"] = random_hex(32);
  return std::nullopt;
}

Result<TransactionOutcome> Table::transact(std::vector<Action> actions) {
  json body = transaction(std::move(actions));
  for (int attempt = 1; attempt <= kTransactionTries; ++attempt) {
    if (attempt > 1) wait_after(attempt - 1);
    auto outcome = send_transaction(body);
    if (!outcome) return std::unexpected(outcome.error());
    if (*outcome) return std::move(**outcome);
  }
  return fail(ErrorCode::kUnavailable,
              "DynamoDB is busy with other writes to the same items: try again later");
}

Result<std::optional<TransactionOutcome>> Table::try_transact(std::vector<Action> actions) {
  json body = transaction(std::move(actions));
  return send_transaction(body);
}

void Table::wait_after(int failures) {
  std::this_thread::sleep_for(full_jitter(exponential_backoff(kFirstWait, kLongestWait, failures)));
}

Result<void> Table::ping() {
  // Reading an item that never exists is cheaper than DescribeTable, and needs no extra permission.
  auto read = request("GetItem", {{"TableName", name_}, {"Key", key("PING", "PING")}});
  read.patience = kPatience;
  auto response = client_.call(std::move(read));
  if (!response) return std::unexpected(explain(response.error()));
  auto body = answer(std::move(response));
  if (!body) return std::unexpected(body.error());
  return {};
}

}  // namespace classifier::aws::dynamo
