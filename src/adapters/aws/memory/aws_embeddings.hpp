// What models saw: an item of the jobs' table for each image and model, and the bytes in the item
// or, where there are many, in an object of S3. docs/aws.md compares this with other ways.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "adapters/aws/memory/seen_shards.hpp"
#include "ports/clock.hpp"
#include "ports/embedding_store.hpp"

namespace classifier::aws {

// Time to live of what is remembered, from when it was written. It is not renewed by use, since
// that costs as much as writing it.
inline constexpr std::chrono::days kRemembered{90};

// pk "CONTENT#<sha256>", sk "SEEN#<hash of the model>", attributes `seen` (the bytes) or `shard`
// (the key of the object in the output bucket), and `expires_at`. There is no limit of bytes.
// forget() removes the items; what a shard has of the image goes with the shard. Until then it is
// found again only by a process that has the shard in memory for another image, and asks for the
// content because that is there again.
class AwsEmbeddings final : public EmbeddingStore {
 public:
  // Fewer images at a time are kept in their items: below, a PUT costs more than their bytes do.
  static constexpr std::size_t kFewestInShard = 8;

  // `client` and `clock` must outlive this object.
  AwsEmbeddings(AwsClient& client, const std::string& table, std::string bucket, const Clock& clock)
      : table_(client, table), shards_(client, std::move(bucket)), clock_(clock) {}

  Result<std::vector<std::optional<SeenImage>>> get(std::string_view model,
                                                    std::span<const std::string> contents) override;
  Result<std::vector<bool>> has(std::string_view model,
                                std::span<const std::string> contents) override;
  Result<void> put(std::string_view model, std::span<const Remembered> images) override;
  Result<void> forget(std::span<const std::string> contents) override;

 private:
  using Found = std::unordered_map<std::string, SeenImage>;  // by content
  // Adds what the items of the contents lead to.
  Result<void> look_up(const std::string& model, std::span<const std::string> contents,
                       Found& found);
  Result<void> put_records(const std::string& model, std::span<const SeenRecord> records);

  dynamo::Table table_;
  SeenShards shards_;
  const Clock& clock_;
};

}  // namespace classifier::aws
