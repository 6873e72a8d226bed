#include "adapters/aws/dynamodb/dynamo_trash.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "adapters/aws/dynamodb/dynamo_image_names.hpp"
#include "adapters/aws/dynamodb/dynamo_layout.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier::aws {
namespace {

constexpr const char* kTrash = "TRASH";
constexpr std::size_t kTrashThreads = 16;
// Somebody who removes an image for longer has died.
constexpr std::chrono::minutes kRemoving{5};

// S3 gives times in seconds where it tells of one object.
std::string version_of(const ObjectInfo& object) {
  const auto time = std::chrono::floor<std::chrono::seconds>(object.last_modified);
  return fmt::format("{} {}", object.etag, time.time_since_epoch().count());
}

std::string place_of(TimePoint deleted_at, std::string_view key) {
  return dynamo::listing_sk(deleted_at, sha256_hex(key).substr(0, 16));
}

bool is_trashed(const dynamo::Item& item) { return dynamo::has(item, "trash_version"); }
bool is_being_removed(const dynamo::Item& item) { return dynamo::has(item, "trash_removing"); }

TrashedImage read_image(const dynamo::Item& item) {
  const std::string version = dynamo::text_of(item, "trash_version");
  return {.key = image_of(item),
          .name = dynamo::text_of(item, "name"),
          .size = static_cast<std::uint64_t>(dynamo::number_of(item, "trash_size")),
          .etag = version.substr(0, version.rfind(' ')),
          .sha256 = {},
          .deleted_at = from_ms(dynamo::number_of(item, "trashed_at")),
          .expires_at = from_ms(dynamo::number_of(item, "trash_until"))};
}

// As long as it is the deletion that `item` tells of.
dynamo::Expression out_of_trash(const dynamo::Item& item) {
  dynamo::Expression change;
  for (const char* name : {"trash_version", "trash_size", "trashed_at", "trash_until",
                           "trash_removing", "listing_pk", "listing_sk"})
    change.remove(name);
  change.only_if("#listing_sk = :place")
      .value("place", dynamo::text(dynamo::text_of(item, "listing_sk")));
  return change;
}

std::unexpected<Error> not_in_trash(std::string_view key) {
  return fail(ErrorCode::kNotFound, fmt::format("the image \"{}\" is not in the trash", key));
}

// Calls `work` with 0 to `count` - 1, on several threads, since each call waits for the network.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  threads.reserve(kTrashThreads);
  for (std::size_t i = 0; i < std::min(count, kTrashThreads); ++i) {
    threads.emplace_back([&] {
      for (std::size_t index = next++; index < count; index = next++) work(index);
    });
  }
}

}  // namespace

bool is_in_trash(const dynamo::Item& item, const ObjectInfo& object) {
  return dynamo::text_of(item, "trash_version") == version_of(object);
}

Result<std::optional<dynamo::Item>> DynamoTrash::item_of(std::string_view key) {
  auto item = table_.get(name_item(key));
  if (item) return std::optional(std::move(*item));
  if (item.error().code == ErrorCode::kNotFound) return std::nullopt;
  return std::unexpected(item.error());
}

Result<void> DynamoTrash::put(std::string_view key, TimePoint now, TimePoint expires_at) {
  const auto object = objects_.head(Bucket::kInput, key);
  if (!object) return std::unexpected(object.error());
  dynamo::Expression change;
  change.set("trash_version", dynamo::text(version_of(*object)))
      .set("trash_size", dynamo::number(static_cast<std::int64_t>(object->size)))
      .set("trashed_at", dynamo::number(now))
      .set("trash_until", dynamo::number(expires_at))
      .set("listing_pk", dynamo::text(kTrash))
      .set("listing_sk", dynamo::text(place_of(now, key)))
      .remove("trash_removing")
      .only_if("attribute_not_exists(#trash_version) OR #trash_version <> :trash_version");
  const auto stored = table_.update(name_item(key), change);
  if (!stored) return std::unexpected(stored.error());
  if (!*stored) return std::unexpected(in_trash(key));
  return {};
}

Result<TrashPage> DynamoTrash::list(std::size_t limit, std::string_view after) {
  dynamo::Query query(kTrash, dynamo::kBeforeAll, dynamo::kAfterAll);
  query.index = "listing";
  query.newest_first = true;
  const auto items = table_.query(query);
  if (!items) return std::unexpected(items.error());
  TrashPage page;
  std::string last;
  for (const dynamo::Item& item : *items) {
    if (is_being_removed(item)) continue;
    ++page.total;
    page.bytes += static_cast<std::uint64_t>(dynamo::number_of(item, "trash_size"));
    std::string place = dynamo::text_of(item, "listing_sk");
    if (!after.empty() && place >= after) continue;
    if (page.images.size() == limit) {
      page.next = last;
      continue;
    }
    page.images.push_back(read_image(item));
    last = std::move(place);
  }
  return page;
}

Result<TrashedImage> DynamoTrash::find(std::string_view key) {
  const auto item = item_of(key);
  if (!item) return std::unexpected(item.error());
  if (!*item || !is_trashed(**item) || is_being_removed(**item)) return not_in_trash(key);
  return read_image(**item);
}

Result<std::unique_ptr<ObjectReader>> DynamoTrash::open(std::string_view key) {
  const auto item = item_of(key);
  if (!item) return std::unexpected(item.error());
  if (!*item || !is_trashed(**item) || is_being_removed(**item)) return not_in_trash(key);
  auto reader = objects_.open(Bucket::kInput, key);
  if (!reader) return reader;
  if (version_of((*reader)->info()) != dynamo::text_of(**item, "trash_version"))
    return not_in_trash(key);
  return reader;
}

Result<std::vector<Restored>> DynamoTrash::restore(std::span<const std::string> keys) {
  std::vector<Result<Restored>> outcomes(keys.size(), Restored::kMissing);
  in_parallel(keys.size(), [&](std::size_t i) { outcomes[i] = restore_one(keys[i]); });
  std::vector<Restored> restored;
  for (const auto& outcome : outcomes) {
    if (!outcome) return std::unexpected(outcome.error());
    restored.push_back(*outcome);
  }
  return restored;
}

Result<Restored> DynamoTrash::restore_one(const std::string& key) {
  const auto item = item_of(key);
  if (!item) return std::unexpected(item.error());
  if (!*item || !is_trashed(**item) || is_being_removed(**item)) return Restored::kMissing;
  const auto object = objects_.head(Bucket::kInput, key);
  if (!object && object.error().code != ErrorCode::kNotFound)
    return std::unexpected(object.error());
  dynamo::Expression change = out_of_trash(**item);
  change.only_if("attribute_not_exists(#trash_removing)");
  const auto changed = table_.update(name_item(key), change);
  if (!changed) return std::unexpected(changed.error());
  // An upload to the key since then has replaced the object.
  const bool same = object && version_of(*object) == dynamo::text_of(**item, "trash_version");
  return same && *changed ? Restored::kYes : Restored::kMissing;
}

Result<std::vector<TrashedImage>> DynamoTrash::remove_until(TimePoint deleted, TimePoint expires,
                                                            std::size_t limit) {
  dynamo::Query query(kTrash, dynamo::kBeforeAll, dynamo::listing_sk(deleted, dynamo::kAfterAll));
  query.index = "listing";
  const auto items = table_.query(query);
  if (!items) return std::unexpected(items.error());
  std::vector<TrashedImage> removed;
  std::vector<dynamo::Item> some;
  const auto remove_some = [&]() -> Result<void> {
    std::vector<Result<bool>> outcomes(some.size(), false);
    in_parallel(some.size(), [&](std::size_t i) { outcomes[i] = remove_one(some[i]); });
    std::optional<Error> error;
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (!outcomes[i]) error = outcomes[i].error();
      if (outcomes[i].value_or(false)) removed.push_back(read_image(some[i]));
    }
    some.clear();
    if (error) return std::unexpected(*error);
    return {};
  };
  // The index may still have images that were removed a moment ago.
  for (const dynamo::Item& item : *items) {
    if (removed.size() >= limit) break;
    if (!is_being_removed(item) && from_ms(dynamo::number_of(item, "trash_until")) > expires)
      continue;
    some.push_back(item);
    if (some.size() < limit - removed.size()) continue;
    if (auto done = remove_some(); !done) return std::unexpected(done.error());
  }
  if (!some.empty())
    if (auto done = remove_some(); !done) return std::unexpected(done.error());
  return removed;
}

Result<std::vector<TrashedImage>> DynamoTrash::remove(std::string_view key) {
  const auto item = item_of(key);
  if (!item) return std::unexpected(item.error());
  if (!*item || !is_trashed(**item)) return not_in_trash(key);
  const auto removed = remove_one(**item);
  if (!removed) return std::unexpected(removed.error());
  if (!*removed) return not_in_trash(key);
  return std::vector{read_image(**item)};
}

// Whether this call removed it. The item is marked first, so that nobody takes the image back while
// its object goes, and goes last, so that a call after a crash finds it.
Result<bool> DynamoTrash::remove_one(const dynamo::Item& item) {
  const std::string key = image_of(item);
  const TimePoint now = clock_.now();
  dynamo::Expression mark;
  mark.set("trash_removing", dynamo::number(now))
      .only_if("#listing_sk = :place")
      .value("place", dynamo::text(dynamo::text_of(item, "listing_sk")))
      .only_if("attribute_not_exists(#trash_removing) OR #trash_removing < :died")
      .value("died", dynamo::number(now - kRemoving));
  const auto marked = table_.update(name_item(key), mark);
  if (!marked) return std::unexpected(marked.error());
  if (!*marked) return false;
  const auto object = objects_.head(Bucket::kInput, key);
  if (!object && object.error().code != ErrorCode::kNotFound)
    return std::unexpected(object.error());
  const bool same = object && version_of(*object) == dynamo::text_of(item, "trash_version");
  if (object && !same) {  // an upload has replaced it
    const auto left = table_.update(name_item(key), out_of_trash(item));
    if (!left) return std::unexpected(left.error());
    return true;
  }
  if (same) {
    const auto gone = objects_.remove(Bucket::kInput, key);
    if (!gone && gone.error().code != ErrorCode::kNotFound) return std::unexpected(gone.error());
  }
  if (auto forgotten = table_.remove(name_item(key)); !forgotten)
    return std::unexpected(forgotten.error());
  return true;
}

Result<bool> DynamoTrash::may_have(std::string_view key) {
  const auto item = item_of(key);
  if (!item) return std::unexpected(item.error());
  return *item && is_trashed(**item);
}

Result<bool> DynamoTrash::has(const ObjectInfo& object) {
  const auto item = item_of(object.key);
  if (!item) return std::unexpected(item.error());
  return *item && is_in_trash(**item, object);
}

Result<void> DynamoTrash::leave_out(std::vector<ObjectInfo>& objects) {
  std::vector<dynamo::Item> keys;
  keys.reserve(objects.size());
  for (const auto& object : objects) keys.push_back(name_item(object.key));
  const auto items = table_.get_all(keys, true);
  if (!items) return std::unexpected(items.error());
  std::unordered_map<std::string, std::string> trashed;  // versions
  for (const dynamo::Item& item : *items)
    if (is_trashed(item)) trashed[image_of(item)] = dynamo::text_of(item, "trash_version");
  if (trashed.empty()) return {};
  std::erase_if(objects, [&](const ObjectInfo& object) {
    const auto found = trashed.find(object.key);
    return found != trashed.end() && found->second == version_of(object);
  });
  return {};
}

Result<std::vector<std::byte>> StoreWithoutTrash::get(Bucket bucket, std::string_view key,
                                                      std::uint64_t max_bytes) {
  auto object = get_version(bucket, key, max_bytes);
  if (!object) return std::unexpected(std::move(object.error()));
  return std::move(object->bytes);
}

Result<StoredObject> StoreWithoutTrash::get_version(Bucket bucket, std::string_view key,
                                                    std::uint64_t max_bytes) {
  if (bucket == Bucket::kInput) {
    const auto may = trash_.may_have(key);
    if (!may) return std::unexpected(may.error());
    // Rarely, so that the object is not read twice.
    if (*may)
      if (auto there = head(bucket, key); !there) return std::unexpected(there.error());
  }
  return objects_.get_version(bucket, key, max_bytes);
}

Result<std::unique_ptr<ObjectReader>> StoreWithoutTrash::open(Bucket bucket, std::string_view key) {
  auto reader = objects_.open(bucket, key);
  if (!reader || bucket != Bucket::kInput) return reader;
  const auto trashed = trash_.has((*reader)->info());
  if (!trashed) return std::unexpected(trashed.error());
  if (*trashed) return std::unexpected(in_trash(key));
  return reader;
}

Result<ObjectInfo> StoreWithoutTrash::head(Bucket bucket, std::string_view key) {
  auto object = objects_.head(bucket, key);
  if (!object || bucket != Bucket::kInput) return object;
  const auto trashed = trash_.has(*object);
  if (!trashed) return std::unexpected(trashed.error());
  if (*trashed) return std::unexpected(in_trash(key));
  return object;
}

Result<ObjectPage> StoreWithoutTrash::list(Bucket bucket, std::string_view prefix,
                                           std::string_view start_after, std::size_t limit) {
  if (bucket != Bucket::kInput) return objects_.list(bucket, prefix, start_after, limit);
  ObjectPage page;
  std::string after(start_after);
  while (true) {
    auto some = objects_.list(bucket, prefix, after, limit - page.objects.size());
    if (!some) return some;
    page.more = some->more;
    if (!some->objects.empty()) after = some->objects.back().key;
    if (auto left = trash_.leave_out(some->objects); !left) return std::unexpected(left.error());
    std::ranges::move(some->objects, std::back_inserter(page.objects));
    if (!page.more || page.objects.size() >= limit) return page;
  }
}

Result<void> StoreWithoutTrash::remove(Bucket bucket, std::string_view key) {
  if (bucket == Bucket::kInput)
    if (auto there = head(bucket, key); !there) return std::unexpected(there.error());
  return objects_.remove(bucket, key);
}

Result<void> StoreWithoutTrash::ping() {
  if (auto answer = objects_.ping(); !answer) return answer;
  return trash_.ping();
}

}  // namespace classifier::aws
