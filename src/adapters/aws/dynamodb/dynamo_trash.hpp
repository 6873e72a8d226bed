// The trash of images in S3: the objects stay where they are, and the items of their names say that
// they are in the trash. docs/trash.md compares this with other ways.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "ports/clock.hpp"
#include "ports/object_store.hpp"
#include "ports/trash.hpp"

namespace classifier::aws {

// Whether the item of the object's name says that this version of it is in the trash.
bool is_in_trash(const dynamo::Item& item, const ObjectInfo& object);

// The item of an image, see DynamoImageNames, has while it is in the trash: `trash_version` (of the
// object that is meant: one that was uploaded since then is not in the trash), `trash_size`,
// `trashed_at`, `trash_until`, and `listing_pk` and `listing_sk`, which make the list of the trash
// from the index of jobs. `trash_removing` is when somebody began to remove it for good; from then
// on it cannot be taken back.
class DynamoTrash final : public Trash {
 public:
  // `objects` is the store with all objects. All outlive this object.
  DynamoTrash(AwsClient& client, std::string table, ObjectStore& objects, const Clock& clock)
      : table_(client, std::move(table)), objects_(objects), clock_(clock) {}

  Result<void> put(std::string_view key, TimePoint now, TimePoint expires_at) override;
  // Reads all of the trash for the total. A few moments behind.
  Result<TrashPage> list(std::size_t limit, std::string_view after) override;
  Result<TrashedImage> find(std::string_view key) override;
  Result<std::unique_ptr<ObjectReader>> open(std::string_view key) override;
  Result<std::vector<Restored>> restore(std::span<const std::string> keys) override;
  Result<std::vector<TrashedImage>> remove_until(TimePoint deleted, TimePoint expires,
                                                 std::size_t limit) override;
  Result<std::vector<TrashedImage>> remove(std::string_view key) override;

  // What the store without these images needs.

  // Whether this object, which is there, is in the trash, or is being removed from it.
  Result<bool> has(const ObjectInfo& object);
  // Whether an image of this key may be in the trash; has() is certain.
  Result<bool> may_have(std::string_view key);
  // Takes those that are in the trash out of the list.
  Result<void> leave_out(std::vector<ObjectInfo>& objects);
  Result<void> ping() { return table_.ping(); }

 private:
  Result<std::optional<dynamo::Item>> item_of(std::string_view key);
  Result<Restored> restore_one(const std::string& key);
  Result<bool> remove_one(const dynamo::Item& item);

  dynamo::Table table_;
  ObjectStore& objects_;
  const Clock& clock_;
};

// An object store without the images that are in the trash.
class StoreWithoutTrash final : public ObjectStore {
 public:
  // Both outlive this object.
  StoreWithoutTrash(ObjectStore& objects, DynamoTrash& trash) : objects_(objects), trash_(trash) {}

  std::string bucket_name(Bucket bucket) const override { return objects_.bucket_name(bucket); }
  Result<std::vector<std::byte>> get(Bucket bucket, std::string_view key,
                                     std::uint64_t max_bytes) override;
  Result<StoredObject> get_version(Bucket bucket, std::string_view key,
                                   std::uint64_t max_bytes) override;
  Result<std::unique_ptr<ObjectReader>> open(Bucket bucket, std::string_view key) override;
  Result<ObjectInfo> head(Bucket bucket, std::string_view key) override;
  Result<ObjectPage> list(Bucket bucket, std::string_view prefix, std::string_view start_after,
                          std::size_t limit) override;
  Result<void> remove(Bucket bucket, std::string_view key) override;
  // Of an image that was read before, also where it has come into the trash since then.
  Result<void> copy_to_output(std::string_view input_key, std::string_view output_key) override {
    return objects_.copy_to_output(input_key, output_key);
  }
  Result<void> remove_copies(std::span<const std::string> output_keys) override {
    return objects_.remove_copies(output_keys);
  }
  Result<UploadUrl> upload_url(std::string_view key, std::string_view content_type,
                               TimePoint expires_at, std::string_view base_url) override {
    return objects_.upload_url(key, content_type, expires_at, base_url);
  }
  Result<void> ping() override;

 private:
  ObjectStore& objects_;
  DynamoTrash& trash_;
};

}  // namespace classifier::aws
