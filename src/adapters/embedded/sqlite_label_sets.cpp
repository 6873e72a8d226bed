#include "adapters/embedded/sqlite_label_sets.hpp"

#include <utility>

#include "adapters/codec/label_set_json.hpp"
#include "domain/ids.hpp"

namespace classifier {
namespace {

constexpr std::size_t kVersionDigits = 16;

LabelSet read_set(SQLite::Statement& row) {
  return {.name = row.getColumn(0).getString(),
          .labels = labels_of_text(row.getColumn(1).getString()),
          .updated_at = from_ms(row.getColumn(2).getInt64()),
          .version = row.getColumn(3).getString()};
}

// Empty where there is no such set.
std::string version_of(SqliteConnection& connection, const std::string& name) {
  auto& query = connection.prepare("SELECT version FROM label_sets WHERE name = ?");
  query.bindNoCopy(1, name);
  return query.executeStep() ? query.getColumn(0).getString() : std::string();
}

}  // namespace

Result<std::vector<LabelSet>> SqliteLabelSets::list() {
  return database_.read([](SqliteConnection& connection) -> Result<std::vector<LabelSet>> {
    auto& query = connection.prepare(
        "SELECT name, labels, updated_at, version FROM label_sets ORDER BY name");
    std::vector<LabelSet> sets;
    while (query.executeStep()) sets.push_back(read_set(query));
    return sets;
  });
}

Result<LabelSet> SqliteLabelSets::get(std::string_view name) {
  return database_.read([&](SqliteConnection& connection) -> Result<LabelSet> {
    auto& query = connection.prepare(
        "SELECT name, labels, updated_at, version FROM label_sets WHERE name = ?");
    query.bind(1, std::string(name));
    if (!query.executeStep()) return std::unexpected(no_such_set(name));
    return read_set(query);
  });
}

Result<std::optional<LabelSets::Stored>> SqliteLabelSets::put(const LabelSet& set,
                                                              const ExpectedSet& expected) {
  using Answer = Result<std::optional<Stored>>;
  const auto labels = text_of_labels(set);
  if (!labels) return std::unexpected(labels.error());
  return database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Answer {
    const std::string before = version_of(connection, set.name);
    if (!is_expected(before, expected)) return std::nullopt;
    auto& others = connection.prepare(
        "SELECT count(*), coalesce(sum(length(CAST(labels AS BLOB))), 0) FROM label_sets WHERE "
        "name <> ?");
    others.bindNoCopy(1, set.name);
    others.executeStep();
    if (std::cmp_greater_equal(others.getColumn(0).getInt64(), limits_.max_sets) ||
        std::cmp_greater(others.getColumn(1).getInt64() + std::ssize(*labels), limits_.max_bytes)) {
      return std::unexpected(too_many_sets(limits_));
    }
    Stored stored{.set = set, .is_new = before.empty()};
    stored.set.version = random_hex(kVersionDigits);
    auto& insert = connection.prepare(
        "INSERT OR REPLACE INTO label_sets(name, labels, updated_at, version) VALUES(?, ?, ?, ?)");
    insert.bindNoCopy(1, set.name);
    insert.bindNoCopy(2, *labels);
    insert.bind(3, to_ms(set.updated_at));
    insert.bindNoCopy(4, stored.set.version);
    insert.exec();
    return stored;
  });
}

Result<bool> SqliteLabelSets::remove(std::string_view name, const ExpectedSet& expected) {
  return database_.write(Durability::kFull, [&](SqliteConnection& connection) -> Result<bool> {
    const std::string text(name);
    const std::string version = version_of(connection, text);
    if (version.empty()) return std::unexpected(no_such_set(name));
    if (!is_expected(version, expected)) return false;
    auto& removal = connection.prepare("DELETE FROM label_sets WHERE name = ?");
    removal.bindNoCopy(1, text);
    removal.exec();
    return true;
  });
}

}  // namespace classifier
