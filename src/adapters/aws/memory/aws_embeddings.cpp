#include "adapters/aws/memory/aws_embeddings.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "adapters/aws/dynamodb/dynamo_layout.hpp"
#include "adapters/aws/memory/seen_record.hpp"
#include "domain/text.hpp"

namespace classifier::aws {
namespace {

constexpr std::string_view kContentPrefix = "CONTENT#";
constexpr const char* kFirstSeen = "SEEN#";
constexpr const char* kLastSeen = "SEEN#~";
constexpr std::size_t kModelDigits = 16;
// Neighbours of an image are mostly in its shard. So items are read for one image first, and for
// more only as far as shards do not have them.
constexpr std::size_t kMoreEachTime = 4;

std::string short_name(std::string_view model) { return sha256_hex(model).substr(0, kModelDigits); }

std::string content_pk(const std::string& sha256) { return std::string(kContentPrefix) + sha256; }

dynamo::Item seen_key(const std::string& model, const std::string& sha256) {
  return dynamo::key(content_pk(sha256), kFirstSeen + model);
}

std::string content_of_item(const dynamo::Item& item) {
  return dynamo::text_of(item, "pk").substr(kContentPrefix.size());
}

std::vector<std::string> without_repetitions(std::span<const std::string> contents) {
  std::vector<std::string> once;
  std::unordered_set<std::string_view> seen;
  for (const auto& content : contents)
    if (seen.insert(content).second) once.push_back(content);
  return once;
}

std::vector<dynamo::Item> keys_of(const std::string& model, std::span<const std::string> contents) {
  std::vector<dynamo::Item> keys;
  keys.reserve(contents.size());
  for (const auto& content : contents) keys.push_back(seen_key(model, content));
  return keys;
}

}  // namespace

Result<std::vector<std::optional<SeenImage>>> AwsEmbeddings::get(
    std::string_view model, std::span<const std::string> contents) {
  const std::string name = short_name(model);
  Found found;
  std::vector<std::string> left = without_repetitions(contents);
  for (std::size_t most = 1;; most *= kMoreEachTime) {
    std::erase_if(left, [&](const std::string& content) {
      const auto bytes = shards_.find_kept(name, content);
      auto seen = bytes ? read_seen(*bytes) : std::nullopt;
      return seen && found.emplace(content, std::move(*seen)).second;
    });
    if (left.empty()) break;
    const auto some = std::span<const std::string>(left).first(std::min(most, left.size()));
    if (auto looked = look_up(name, some, found); !looked) return std::unexpected(looked.error());
    left.erase(left.begin(), left.begin() + std::ssize(some));
  }
  std::vector<std::optional<SeenImage>> answer(contents.size());
  for (std::size_t i = 0; i < contents.size(); ++i)
    if (const auto seen = found.find(contents[i]); seen != found.end()) answer[i] = seen->second;
  return answer;
}

Result<void> AwsEmbeddings::look_up(const std::string& model, std::span<const std::string> contents,
                                    Found& found) {
  const auto items = table_.get_all(keys_of(model, contents));
  if (!items) return std::unexpected(items.error());
  std::map<std::string, std::vector<std::string>> in_shards;
  for (const auto& item : *items) {
    const std::string content = content_of_item(item);
    if (dynamo::has(item, "shard")) {
      in_shards[dynamo::text_of(item, "shard")].push_back(content);
    } else if (auto seen = read_seen(dynamo::bytes_of(item, "seen"))) {
      found.emplace(content, std::move(*seen));
    }
  }
  std::vector<std::string> names;
  names.reserve(in_shards.size());
  for (const auto& [shard, of_shard] : in_shards) names.push_back(shard);
  const auto shards = shards_.get(model, names);
  if (!shards) return std::unexpected(shards.error());
  std::vector<std::string> lost;
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const auto& content : in_shards[names[i]]) {
      const auto& shard = (*shards)[i];
      const auto bytes = shard ? shard->find(content) : std::nullopt;
      if (auto seen = bytes ? read_seen(*bytes) : std::nullopt) {
        found.emplace(content, std::move(*seen));
      } else {
        lost.push_back(content);
      }
    }
  }
  if (lost.empty()) return {};
  return table_.remove_all(keys_of(model, lost));  // or they would never be seen again
}

Result<std::vector<bool>> AwsEmbeddings::has(std::string_view model,
                                             std::span<const std::string> contents) {
  const auto items = table_.get_all(keys_of(short_name(model), without_repetitions(contents)));
  if (!items) return std::unexpected(items.error());
  std::unordered_set<std::string> found;
  for (const auto& item : *items) found.insert(content_of_item(item));
  std::vector<bool> answer;
  answer.reserve(contents.size());
  for (const auto& content : contents) answer.push_back(found.contains(content));
  return answer;
}

Result<void> AwsEmbeddings::put(std::string_view model, std::span<const Remembered> images) {
  std::vector<std::string> contents;
  contents.reserve(images.size());
  for (const auto& image : images) contents.push_back(image.sha256);
  const auto there = has(model, contents);
  if (!there) return std::unexpected(there.error());
  std::vector<SeenRecord> records;
  std::unordered_set<std::string_view> names;  // a batch must not name an item twice
  for (std::size_t i = 0; i < images.size(); ++i)
    if (!(*there)[i] && names.insert(images[i].sha256).second)
      records.push_back({images[i].sha256, write_seen(images[i].seen)});
  if (records.empty()) return {};
  return put_records(short_name(model), records);
}

Result<void> AwsEmbeddings::put_records(const std::string& model,
                                        std::span<const SeenRecord> records) {
  const auto expires_at = dynamo::expiry(clock_.now(), kRemembered);
  std::vector<dynamo::Item> items;
  items.reserve(records.size());
  for (const auto& record : records) {
    items.push_back(seen_key(model, record.sha256));
    if (expires_at) items.back()["expires_at"] = dynamo::number(*expires_at);
  }
  if (records.size() < kFewestInShard) {
    for (std::size_t i = 0; i < records.size(); ++i)
      items[i]["seen"] = dynamo::binary(records[i].seen);
    return table_.put_all(items);
  }
  // As few shards as there may be, of the same size.
  const std::size_t shards =
      (records.size() + SeenShards::kMostImages - 1) / SeenShards::kMostImages;
  std::vector<std::span<const SeenRecord>> groups;
  groups.reserve(shards);
  const auto begin_of = [&](std::size_t shard) { return records.size() * shard / shards; };
  for (std::size_t i = 0; i < shards; ++i)
    groups.push_back(records.subspan(begin_of(i), begin_of(i + 1) - begin_of(i)));
  const auto names = shards_.put(model, groups);
  if (!names) return std::unexpected(names.error());
  for (std::size_t i = 0; i < shards; ++i)
    for (std::size_t at = begin_of(i); at < begin_of(i + 1); ++at)
      items[at]["shard"] = dynamo::text((*names)[i]);
  return table_.put_all(items);
}

Result<void> AwsEmbeddings::forget(std::span<const std::string> contents) {
  std::vector<dynamo::Query> queries;
  for (const auto& content : without_repetitions(contents)) {
    shards_.drop(content);
    queries.emplace_back(content_pk(content), kFirstSeen, kLastSeen);
  }
  const auto of_contents = table_.query_all(queries);
  if (!of_contents) return std::unexpected(of_contents.error());
  std::vector<dynamo::Item> keys;
  for (const auto& items : *of_contents)
    for (const auto& item : items)
      keys.push_back(dynamo::key(dynamo::text_of(item, "pk"), dynamo::text_of(item, "sk")));
  return table_.remove_all(keys);
}

}  // namespace classifier::aws
