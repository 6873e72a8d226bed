// Named label sets in the SQLite database of the jobs.
#pragma once

#include "adapters/embedded/sqlite_database.hpp"
#include "ports/label_sets.hpp"

namespace classifier {

class SqliteLabelSets final : public LabelSets {
 public:
  // `database` must outlive this object.
  explicit SqliteLabelSets(SqliteDatabase& database, const LabelSetLimits& limits = {})
      : database_(database), limits_(limits) {}

  Result<std::vector<LabelSet>> list() override;
  Result<LabelSet> get(std::string_view name) override;
  Result<std::optional<Stored>> put(const LabelSet& set, const ExpectedSet& expected) override;
  Result<bool> remove(std::string_view name, const ExpectedSet& expected) override;

 private:
  SqliteDatabase& database_;
  LabelSetLimits limits_;
};

}  // namespace classifier
