// Objects as files under one folder: <root>/<bucket>/<key>. A user can look at them, and finds the
// sorted copies of a job as ordinary folders.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "adapters/embedded/upload_urls.hpp"
#include "ports/object_store.hpp"
#include "ports/upload_receiver.hpp"

namespace classifier {

// Keys are UTF-8, at most 1,024 bytes, parts between slashes at most 255 bytes and neither empty,
// "." nor "..". Copies into the output bucket are hard links where the file system has them, so
// they cost no space.
class FileObjectStore final : public ObjectStore, public UploadReceiver {
 public:
  // Creates the folders. Fails with one line when they cannot be written.
  static Result<std::unique_ptr<FileObjectStore>> open(std::filesystem::path root,
                                                       std::string input_bucket,
                                                       std::string output_bucket, UploadUrls urls);

  std::string bucket_name(Bucket bucket) const override;
  Result<std::vector<std::byte>> get(Bucket bucket, std::string_view key,
                                     std::uint64_t max_bytes) override;
  Result<ObjectInfo> head(Bucket bucket, std::string_view key) override;
  Result<ObjectPage> list(Bucket bucket, std::string_view prefix, std::string_view start_after,
                          std::size_t limit) override;
  Result<void> remove(Bucket bucket, std::string_view key) override;
  Result<void> copy_to_output(std::string_view input_key, std::string_view output_key) override;
  Result<std::string> upload_url(std::string_view key, std::string_view content_type,
                                 TimePoint expires_at, std::string_view base_url) override;
  Result<void> ping() override;

  Result<void> verify(const SignedUpload& upload, TimePoint now) const override;
  Result<std::unique_ptr<ObjectWriter>> write(std::string_view key) override;

 private:
  FileObjectStore(std::filesystem::path root, std::string input_bucket, std::string output_bucket,
                  UploadUrls urls);
  Result<std::filesystem::path> path_of(Bucket bucket, std::string_view key) const;

  std::filesystem::path root_;
  std::string input_bucket_;
  std::string output_bucket_;
  UploadUrls urls_;
};

}  // namespace classifier
