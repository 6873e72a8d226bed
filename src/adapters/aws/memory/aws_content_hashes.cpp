#include "adapters/aws/memory/aws_content_hashes.hpp"

#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_image_names.hpp"
#include "adapters/aws/dynamodb/dynamo_layout.hpp"
#include "adapters/aws/dynamodb/dynamo_trash.hpp"
#include "adapters/aws/memory/aws_embeddings.hpp"

namespace classifier::aws {
namespace {

constexpr const char* kContent = "CONTENT";
constexpr const char* kName = "NAME";  // the next one in the partition

std::string image_pk(const std::string& key) { return dynamo::text_of(name_item(key), "pk"); }

dynamo::Item content_key(const std::string& key) { return dynamo::key(image_pk(key), kContent); }

// The items of an image.
struct OfImage {
  dynamo::Item content;
  dynamo::Item name;
};

OfImage of_image(const std::vector<dynamo::Item>& items) {
  OfImage found;
  for (const auto& item : items)
    (dynamo::text_of(item, "sk") == kContent ? found.content : found.name) = item;
  return found;
}

}  // namespace

Result<std::vector<std::optional<KnownContent>>> AwsContentHashes::find(
    std::span<const std::string> keys) {
  std::vector<std::string> once;
  std::unordered_map<std::string_view, KnownContent> found;
  std::vector<dynamo::Query> queries;
  for (const auto& key : keys) {
    if (!found.try_emplace(key).second) continue;
    once.push_back(key);
    queries.emplace_back(image_pk(key), kContent, kName).consistent = false;
  }
  const auto items = table_.query_all(queries);
  if (!items) return std::unexpected(items.error());
  std::vector<std::string> asked;
  std::vector<OfImage> images;
  for (std::size_t i = 0; i < once.size(); ++i) {
    OfImage image = of_image((*items)[i]);
    if (image.content.empty()) continue;
    asked.push_back(once[i]);
    images.push_back(std::move(image));
  }
  const auto objects = objects_.head_all(Bucket::kInput, asked);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!objects[i]) {
      if (objects[i].error().code == ErrorCode::kNotFound) continue;
      return std::unexpected(objects[i].error());
    }
    const dynamo::Item& content = images[i].content;
    if (dynamo::text_of(content, "etag") != objects[i]->etag) continue;
    if (is_in_trash(images[i].name, *objects[i])) continue;
    found[asked[i]] = {.sha256 = dynamo::text_of(content, "sha256"), .version = objects[i]->etag};
  }
  std::vector<std::optional<KnownContent>> contents;
  contents.reserve(keys.size());
  for (const auto& key : keys) {
    const KnownContent& known = found[key];
    contents.push_back(known.sha256.empty() ? std::nullopt : std::optional(known));
  }
  return contents;
}

Result<bool> AwsContentHashes::is_current(const std::string& key, const std::string& version) {
  const auto object = objects_.head(Bucket::kInput, key);
  if (!object) return std::unexpected(object.error());
  return object->etag == version;
}

Result<void> AwsContentHashes::put(std::span<const FoundContent> found) {
  const auto expires_at = dynamo::expiry(clock_.now(), kRemembered);
  std::unordered_map<std::string_view, const KnownContent*> last;  // of each key
  for (const auto& [key, content] : found) last[key] = &content;
  std::vector<dynamo::Item> items;
  items.reserve(last.size());
  for (const auto& [key, content] : last) {
    items.push_back(content_key(std::string(key)));
    items.back()["etag"] = dynamo::text(content->version);
    items.back()["sha256"] = dynamo::text(content->sha256);
    if (expires_at) items.back()["expires_at"] = dynamo::number(*expires_at);
  }
  return table_.put_all(items);
}

Result<std::optional<std::string>> AwsContentHashes::forget(const std::string& key) {
  const auto item = table_.get(content_key(key));
  if (!item && item.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!item) return std::unexpected(item.error());
  if (auto removed = table_.remove(content_key(key)); !removed)
    return std::unexpected(removed.error());
  return dynamo::text_of(*item, "sha256");
}

}  // namespace classifier::aws
