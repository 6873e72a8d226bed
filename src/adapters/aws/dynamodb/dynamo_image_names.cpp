#include "adapters/aws/dynamodb/dynamo_image_names.hpp"

#include <unordered_map>
#include <unordered_set>

namespace classifier::aws {
namespace {

constexpr std::string_view kNamePrefix = "IMAGE#";

}  // namespace

dynamo::Item name_item(std::string_view image) {
  return dynamo::key(std::string(kNamePrefix) + std::string(image), "NAME");
}

std::string image_of(const dynamo::Item& item) {
  return dynamo::text_of(item, "pk").substr(kNamePrefix.size());
}

Result<void> DynamoImageNames::announce(std::string_view key, std::string_view name,
                                        std::string_view batch, TimePoint now) {
  dynamo::Expression change;
  change.set("name", dynamo::text(name)).set("at", dynamo::number(now));
  if (!batch.empty()) change.set("batch", dynamo::text(batch));
  const auto stored = table_.update(name_item(key), change);
  if (!stored) return std::unexpected(stored.error());
  return {};
}

Result<std::vector<std::string>> DynamoImageNames::names(std::span<const std::string> keys) {
  std::vector<dynamo::Item> wanted;
  std::unordered_set<std::string_view> seen;  // a batch must not name an item twice
  for (const auto& key : keys)
    if (seen.insert(key).second) wanted.push_back(name_item(key));
  const auto items = table_.get_all(wanted);
  if (!items) return std::unexpected(items.error());
  std::unordered_map<std::string, std::string> name_of;
  for (const auto& item : *items) name_of[image_of(item)] = dynamo::text_of(item, "name");
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const auto& key : keys) {
    const auto found = name_of.find(key);
    names.push_back(found == name_of.end() ? std::string() : found->second);
  }
  return names;
}

Result<void> DynamoImageNames::forget(std::string_view key) {
  return table_.remove(name_item(key));
}

}  // namespace classifier::aws
