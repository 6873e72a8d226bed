// Names of images as items of the jobs' table.
#pragma once

#include <string>

#include "adapters/aws/dynamodb/dynamo_table.hpp"
#include "ports/image_names.hpp"

namespace classifier::aws {

// The key of an image's item, and the image's key from its item.
dynamo::Item name_item(std::string_view image);
std::string image_of(const dynamo::Item& item);

// One item for each image, written with its upload URL: pk "IMAGE#<key>", sk "NAME", attributes
// `name`, `batch` and `at`; DynamoTrash adds others. It has no expiry, since the browser uploads to
// S3 without telling anybody; an image that is never uploaded leaves its item behind.
class DynamoImageNames final : public ImageNames {
 public:
  // `client` must outlive this object.
  DynamoImageNames(AwsClient& client, std::string table) : table_(client, std::move(table)) {}

  Result<void> announce(std::string_view key, std::string_view name, std::string_view batch,
                        TimePoint now) override;
  Result<std::vector<std::string>> names(std::span<const std::string> keys) override;
  Result<void> forget(std::string_view key) override;

 private:
  dynamo::Table table_;
};

}  // namespace classifier::aws
