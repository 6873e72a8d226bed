// Named label sets as items of the jobs' table.
#pragma once

#include <string>
#include <utility>

#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "ports/label_sets.hpp"

namespace classifier::aws {

// One item for each set: pk "LABELSETS", sk "SET#<name>", attributes `labels` (JSON), `updated_at`
// and `version`; and one, sk "TOTAL", that counts them and their bytes, and is changed in the same
// transactions. None has an expiry.
class DynamoLabelSets final : public LabelSets {
 public:
  // `client` must outlive this object.
  DynamoLabelSets(AwsClient& client, std::string table, const LabelSetLimits& limits = {})
      : table_(client, std::move(table)), limits_(limits) {}

  Result<std::vector<LabelSet>> list() override;
  Result<LabelSet> get(std::string_view name) override;
  Result<std::optional<Stored>> put(const LabelSet& set, const ExpectedSet& expected) override;
  Result<bool> remove(std::string_view name, const ExpectedSet& expected) override;

 private:
  // The item; an empty one where there is none.
  Result<dynamo::Item> find(std::string_view name);

  dynamo::Table table_;
  LabelSetLimits limits_;
};

}  // namespace classifier::aws
