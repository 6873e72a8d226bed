// One table of DynamoDB, with the calls that the job store needs.
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

// An action of a transaction, without the table's name: {"Put": {…}} or {"Update": {…}}.
using Action = nlohmann::json;

// Puts an item if the condition holds, or if there is no such item yet.
Action put(Item item, const Expression& condition);
Action put_new(Item item);
Action update(const Item& key, const Expression& expression);
Action remove(const Item& key, const Expression& condition);

// The outcome of a transaction. Where it was not done, `refused[i]` says whether the condition of
// action i failed; at least one did.
struct TransactionOutcome {
  bool done = false;
  std::vector<bool> refused;
};

// A query for items of one partition, ordered by sort key.
struct Query {
  // Sort keys from `first` to `last`, both inclusive.
  Query(std::string partition, std::string first, std::string last)
      : pk(std::move(partition)), low(std::move(first)), high(std::move(last)) {}

  std::string pk;
  std::string low;
  std::string high;
  std::string index;  // empty: the table
  bool newest_first = false;
  bool consistent = true;            // ignored with an index
  std::optional<std::size_t> limit;  // of items; nullopt: all pages
};

// Sort before and after all sort keys of the table.
inline constexpr const char* kBeforeAll = " ";
inline constexpr const char* kAfterAll = "~";

// Thread-safe. Error messages name the call and the table.
class Table {
 public:
  static constexpr std::size_t kMaxActions = 100;  // of one transaction
  static constexpr int kTransactionTries = 12;     // when transactions conflict; about 5 s

  // `client` must outlive the table.
  Table(AwsClient& client, std::string name) : client_(client), name_(std::move(name)) {}

  // A consistent read; kNotFound where there is no such item.
  Result<Item> get(const Item& key);

  // The items of those keys that have one, in any order, read in parallel batches, each key once.
  Result<std::vector<Item>> get_all(std::span<const Item> keys, bool consistent = false);

  Result<std::vector<Item>> query(const Query& query);
  // Runs all queries in parallel; results are in the order of the queries.
  Result<std::vector<std::vector<Item>>> query_all(std::span<const Query> queries);

  // Puts all items, in parallel batches. After an error any of them may be stored.
  Result<void> put_all(std::span<const Item> items);

  // No effect where there is no such item.
  Result<void> remove(const Item& key);
  // The same for all, in parallel batches. After an error any of them may be removed.
  Result<void> remove_all(std::span<const Item> keys);

  // The item after the update; nullopt where the condition failed.
  Result<std::optional<Item>> update(const Item& key, const Expression& expression);

  // Updates all items that exist, in parallel. After an error any of them may be updated.
  Result<void> update_all(std::span<const Item> keys, Expression expression);

  // All actions or none. Retries conflicts with other transactions.
  Result<TransactionOutcome> transact(std::vector<Action> actions);
  // The same once; nullopt: it conflicts with another transaction.
  Result<std::optional<TransactionOutcome>> try_transact(std::vector<Action> actions);

  // Waits before another try, longer after more failures.
  static void wait_after(int failures);

  // Whether the table answers. kNotFound where it is missing; kUnauthorized or kForbidden where the
  // credentials do not suffice. Other calls return kUnavailable for all of these.
  Result<void> ping();

 private:
  Result<void> write_all(std::vector<nlohmann::json> batches);
  nlohmann::json transaction(std::vector<Action> actions) const;
  Result<std::optional<TransactionOutcome>> send_transaction(nlohmann::json& body);
  AwsRequest request(const char* operation, const nlohmann::json& body) const;
  Result<nlohmann::json> answer(AwsResult response) const;
  Result<nlohmann::json> call(const char* operation, const nlohmann::json& body);
  Error explain(const AwsError& error) const;
  nlohmann::json query_body(const Query& query) const;

  AwsClient& client_;
  std::string name_;
};

}  // namespace classifier::aws::dynamo
