// Images in two buckets of S3.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/aws/client/aws_client.hpp"
#include "ports/clock.hpp"
#include "ports/object_store.hpp"

namespace classifier::aws {

class S3ObjectStore final : public ObjectStore {
 public:
  // `client` and `clock` must outlive the store.
  S3ObjectStore(AwsClient& client, const Clock& clock, std::string input_bucket,
                std::string output_bucket);

  std::string bucket_name(Bucket bucket) const override;
  Result<std::vector<std::byte>> get(Bucket bucket, std::string_view key,
                                     std::uint64_t max_bytes) override;
  Result<StoredObject> get_version(Bucket bucket, std::string_view key,
                                   std::uint64_t max_bytes) override;
  // Each read is a request for a range of the version that HeadObject found.
  Result<std::unique_ptr<ObjectReader>> open(Bucket bucket, std::string_view key) override;
  Result<ObjectInfo> head(Bucket bucket, std::string_view key) override;
  std::vector<Result<ObjectInfo>> head_all(Bucket bucket,
                                           std::span<const std::string> keys) override;
  Result<ObjectPage> list(Bucket bucket, std::string_view prefix, std::string_view start_after,
                          std::size_t limit) override;
  Result<void> remove(Bucket bucket, std::string_view key) override;
  Result<void> copy_to_output(std::string_view input_key, std::string_view output_key) override;
  // A presigned PUT to S3, with the content type signed. Ignores `base_url`.
  Result<void> remove_copies(std::span<const std::string> output_keys) override;
  Result<UploadUrl> upload_url(std::string_view key, std::string_view content_type,
                               TimePoint expires_at, std::string_view base_url) override;
  // Whether both buckets answer. kNotFound where one is missing; kUnauthorized or kForbidden where
  // the credentials do not suffice. Other calls return kUnavailable for all of these.
  Result<void> ping() override;

 private:
  class Reader;
  AwsRequest request(const char* operation, const char* method, Bucket bucket,
                     std::string_view key) const;
  Result<ObjectInfo> info_of(const AwsResult& response, Bucket bucket, std::string_view key) const;
  Error explain(const AwsError& error, Bucket bucket, std::string_view key) const;
  Error at_run_time(const AwsError& error, Bucket bucket, std::string_view key) const;
  Result<bool> list_page(Bucket bucket, std::string_view prefix, std::string_view start_after,
                         std::size_t limit, std::vector<ObjectInfo>& objects);

  AwsClient& client_;
  const Clock& clock_;
  std::string input_bucket_;
  std::string output_bucket_;
};

}  // namespace classifier::aws
