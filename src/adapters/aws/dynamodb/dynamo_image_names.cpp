#include "adapters/aws/dynamodb/dynamo_image_names.hpp"

#include <unordered_map>
#include <unordered_set>

namespace classifier::aws {
namespace {

constexpr std::string_view kPrefix = "IMAGE#";

dynamo::Item item_key(std::string_view image) {
  return dynamo::key(std::string(kPrefix) + std::string(image), "NAME");
}

}  // namespace

Result<void> DynamoImageNames::announce(std::string_view key, std::string_view name,
                                        std::string_view batch, TimePoint now) {
  dynamo::Expression change;
  change.set("name", dynamo::text(name)).set("at", dynamo::number(now));
  if (!batch.empty()) change.set("batch", dynamo::text(batch));
  const auto stored = table_.update(item_key(key), change);
  if (!stored) return std::unexpected(stored.error());
  return {};
}

Result<std::vector<std::string>> DynamoImageNames::names(std::span<const std::string> keys) {
  std::vector<dynamo::Item> wanted;
  std::unordered_set<std::string_view> seen;  // a batch must not name an item twice
  for (const auto& key : keys)
    if (seen.insert(key).second) wanted.push_back(item_key(key));
  const auto items = table_.get_all(wanted);
  if (!items) return std::unexpected(items.error());
  std::unordered_map<std::string, std::string> name_of;
  for (const auto& item : *items)
    name_of[dynamo::text_of(item, "pk").substr(kPrefix.size())] = dynamo::text_of(item, "name");
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const auto& key : keys) {
    const auto found = name_of.find(key);
    names.push_back(found == name_of.end() ? std::string() : found->second);
  }
  return names;
}

Result<void> DynamoImageNames::forget(std::string_view key) { return table_.remove(item_key(key)); }

}  // namespace classifier::aws
