// The contents of images in S3, as items of the jobs' table.
#pragma once

#include <string>

#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "ports/clock.hpp"
#include "ports/content_hashes.hpp"
#include "ports/object_store.hpp"

namespace classifier::aws {

// An object's version is its ETag. pk "IMAGE#<key>", sk "CONTENT", attributes `etag`, `sha256` and
// `expires_at`: in the partition of the image's name, so that one query tells both what the content
// is and whether the image is in the trash.
class AwsContentHashes final : public ContentHashes {
 public:
  // `objects` is the store with all objects, also those in the trash. All outlive this object.
  AwsContentHashes(AwsClient& client, const std::string& table, ObjectStore& objects,
                   const Clock& clock)
      : table_(client, table), objects_(objects), clock_(clock) {}

  // Asks S3 for the versions of objects whose contents may be known, and not for others.
  Result<std::vector<std::optional<KnownContent>>> find(std::span<const std::string> keys) override;
  Result<bool> is_current(const std::string& key, const std::string& version) override;
  Result<void> put(std::span<const FoundContent> found) override;
  Result<std::optional<std::string>> forget(const std::string& key) override;

 private:
  dynamo::Table table_;
  ObjectStore& objects_;
  const Clock& clock_;
};

}  // namespace classifier::aws
