#include "adapters/aws/dynamodb/dynamo_label_sets.hpp"

#include <utility>

#include "adapters/codec/label_set_json.hpp"
#include "domain/ids.hpp"

namespace classifier::aws {
namespace {

constexpr const char* kSets = "LABELSETS";
constexpr std::string_view kSet = "SET#";
constexpr const char* kAfterSets = "SET$";
constexpr std::size_t kSetVersionDigits = 16;
constexpr int kSetTries = 8;

std::string set_sk(std::string_view name) { return std::string(kSet) + std::string(name); }

LabelSet read_set(const dynamo::Item& item) {
  return {.name = dynamo::text_of(item, "sk").substr(kSet.size()),
          .labels = labels_of_text(dynamo::text_of(item, "labels")),
          .updated_at = from_ms(dynamo::number_of(item, "updated_at")),
          .version = dynamo::text_of(item, "version")};
}

// The condition that the item is as it was read.
dynamo::Expression unchanged(const std::string& version) {
  dynamo::Expression condition;
  if (version.empty()) return condition.only_if("attribute_not_exists(#pk)");
  return condition.only_if("#version = :version").value("version", dynamo::text(version));
}

}  // namespace

Result<dynamo::Item> DynamoLabelSets::find(std::string_view name) {
  auto item = table_.get(dynamo::key(kSets, set_sk(name)));
  if (!item && item.error().code == ErrorCode::kNotFound) return dynamo::Item::object();
  return item;
}

Result<std::vector<LabelSet>> DynamoLabelSets::list() {
  const auto items = table_.query({kSets, std::string(kSet), kAfterSets});
  if (!items) return std::unexpected(items.error());
  std::vector<LabelSet> sets;
  sets.reserve(items->size());
  for (const auto& item : *items) sets.push_back(read_set(item));
  return sets;
}

Result<LabelSet> DynamoLabelSets::get(std::string_view name) {
  const auto item = find(name);
  if (!item) return std::unexpected(item.error());
  if (item->empty()) return std::unexpected(no_such_set(name));
  return read_set(*item);
}

Result<std::optional<LabelSets::Stored>> DynamoLabelSets::put(const LabelSet& set,
                                                              const ExpectedSet& expected) {
  const auto labels = text_of_labels(set);
  if (!labels) return std::unexpected(labels.error());
  for (int attempt = 1; attempt <= kSetTries; ++attempt) {
    const auto before = find(set.name);
    if (!before) return std::unexpected(before.error());
    const std::string version = dynamo::text_of(*before, "version");
    if (!is_expected(version, expected)) return std::nullopt;
    Stored stored{.set = set, .is_new = version.empty()};
    stored.set.version = random_hex(kSetVersionDigits);
    dynamo::Item item = dynamo::key(kSets, set_sk(set.name));
    item["labels"] = dynamo::text(*labels);
    item["updated_at"] = dynamo::number(set.updated_at);
    item["version"] = dynamo::text(stored.set.version);
    const std::int64_t more_sets = stored.is_new ? 1 : 0;
    const std::int64_t more_bytes =
        std::ssize(*labels) - std::ssize(dynamo::text_of(*before, "labels"));
    dynamo::Expression total;
    total.add("sets", more_sets)
        .add("bytes", more_bytes)
        .only_if("attribute_not_exists(#sets) OR (#sets <= :most_sets AND #bytes <= :most_bytes)")
        .value("most_sets", dynamo::number(static_cast<std::int64_t>(limits_.max_sets) - more_sets))
        .value("most_bytes",
               dynamo::number(static_cast<std::int64_t>(limits_.max_bytes) - more_bytes));
    const auto outcome = table_.transact({dynamo::put(std::move(item), unchanged(version)),
                                          dynamo::update(dynamo::key(kSets, "TOTAL"), total)});
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->done) return stored;
    if (!outcome->refused.empty() && outcome->refused.front())
      continue;  // it was changed meanwhile
    return std::unexpected(too_many_sets(limits_));
  }
  return fail(ErrorCode::kUnavailable, "others change this label set all the time: try again");
}

Result<bool> DynamoLabelSets::remove(std::string_view name, const ExpectedSet& expected) {
  for (int attempt = 1; attempt <= kSetTries; ++attempt) {
    const auto before = find(name);
    if (!before) return std::unexpected(before.error());
    if (before->empty()) return std::unexpected(no_such_set(name));
    const std::string version = dynamo::text_of(*before, "version");
    if (!is_expected(version, expected)) return false;
    dynamo::Expression total;
    total.add("sets", -1).add("bytes", -std::ssize(dynamo::text_of(*before, "labels")));
    const auto outcome =
        table_.transact({dynamo::remove(dynamo::key(kSets, set_sk(name)), unchanged(version)),
                         dynamo::update(dynamo::key(kSets, "TOTAL"), total)});
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->done) return true;
  }
  return fail(ErrorCode::kUnavailable, "others change this label set all the time: try again");
}

}  // namespace classifier::aws
