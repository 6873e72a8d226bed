// The calls of DynamoDB that the job store needs, on one table.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/aws/client/aws_client.hpp"
#include "adapters/aws/dynamodb/dynamo_item.hpp"
#include "domain/error.hpp"

namespace classifier::aws::dynamo {

// One action of a transaction: {"Put": {…}}, {"Update": {…}} or {"Delete": {…}}, without the
// table's name.
using Action = nlohmann::json;

// An item that must not exist yet; or, with an expression, on its condition.
Action put(Item item, const Expression& condition);
Action put_new(Item item);
Action update(const Item& key, const Expression& expression);

// What became of a transaction. Where it was refused, `refused[i]` tells whether the condition of
// action i failed; at least one did.
struct TransactionOutcome {
  bool done = false;
  std::vector<bool> refused;
};

// Items of one partition, by rising sort key.
struct Query {
  // Sort keys from `low` to `high`, both included.
  Query(std::string partition, std::string first, std::string last)
      : pk(std::move(partition)), low(std::move(first)), high(std::move(last)) {}

  std::string pk;
  std::string low;
  std::string high;
  std::string index;  // empty: the table itself
  bool newest_first = false;
  bool consistent = true;            // not with an index
  std::optional<std::size_t> limit;  // items at most; absent: all, whatever pages it takes
};

// Sorts after every sort key of the table.
inline constexpr const char* kAfterAll = "~";

// Thread-safe. Errors name the call and the table.
class Table {
 public:
  static constexpr std::size_t kMaxActions = 100;  // of one transaction

  // `client` outlives the table.
  Table(AwsClient& client, std::string name) : client_(client), name_(std::move(name)) {}

  // kNotFound: no such item. The read is consistent.
  Result<Item> get(const Item& key);

  Result<std::vector<Item>> query(const Query& query);
  // All at once; the answers in order.
  Result<std::vector<std::vector<Item>>> query_all(std::span<const Query> queries);

  // Puts all items, in batches at once. After an error any part of them may be there.
  Result<void> put_all(std::span<const Item> items);

  // The item after the update; nullopt where the condition failed.
  Result<std::optional<Item>> update(const Item& key, const Expression& expression);

  // All actions or none. Conflicts with other transactions are tried again.
  Result<TransactionOutcome> transact(std::vector<Action> actions);

  // Whether the table answers. kNotFound where it is missing, kUnauthorized and kForbidden where
  // the credentials are not good enough; other calls tell all that as kUnavailable.
  Result<void> ping();

 private:
  AwsRequest request(const char* operation, const nlohmann::json& body) const;
  Result<nlohmann::json> answer(AwsResult response) const;
  Result<nlohmann::json> call(const char* operation, const nlohmann::json& body);
  Error explain(const AwsError& error) const;
  nlohmann::json query_body(const Query& query) const;

  AwsClient& client_;
  std::string name_;
};

}  // namespace classifier::aws::dynamo
