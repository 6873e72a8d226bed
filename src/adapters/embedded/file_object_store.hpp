// Objects as files: <root>/<bucket>/<key>. Users can open them, and see the sorted copies of a job
// as ordinary folders.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "adapters/embedded/upload_urls.hpp"
#include "ports/object_store.hpp"
#include "ports/upload_receiver.hpp"

namespace classifier {

// Is told about changes of the input bucket that this process makes. Thread-safe.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  // The object will be stored; stored() or kept() follows.
  virtual void storing(std::string_view key) = 0;
  // The object is there, durably. `sha256` is that of its content, 64 hexadecimal digits.
  virtual void stored(const ObjectInfo& object, std::string sha256) = 0;
  // It could not be stored.
  virtual void kept(std::string_view key) = 0;
  // The object is gone.
  virtual void removed(std::string_view key) = 0;
  // An object that was gone is there again, and the catalogue has its entry. storing() precedes it.
  virtual void returned(std::string_view key) = 0;
};

// A key has at most 1,024 bytes and no NUL; its parts between slashes have 1 to 255 bytes and are
// neither "." nor ".."; the first part is not ".tmp". Copies in the output bucket are hard links,
// which take no space, where the file system supports them.
class FileObjectStore final : public ObjectStore, public UploadReceiver {
 public:
  // Creates the folders; an error where they cannot be written.
  static Result<std::unique_ptr<FileObjectStore>> open(std::filesystem::path root,
                                                       std::string input_bucket,
                                                       std::string output_bucket, UploadUrls urls);

  // Null: none. To be set before the store is used by several threads.
  void set_observer(StoreObserver* observer) { observer_ = observer; }

  // Whether a key that is not found is in the trash; for the error. As set_observer().
  void set_trash(std::function<bool(std::string_view key)> in_trash) {
    in_trash_ = std::move(in_trash);
  }
  // What FileTrash does with an image. `file` is a path within the folder of the input bucket.
  Result<std::unique_ptr<ObjectReader>> open_file(const std::filesystem::path& file,
                                                  std::string_view key) const;
  Result<void> move_out(std::string_view key, const std::filesystem::path& file);
  // kConflict where something has this name, kNotFound where there is no such file. Not synced. The
  // caller tells of it with returned().
  Result<void> move_in(const std::filesystem::path& file, std::string_view key);
  // The entry of the object is written.
  void returned(std::string_view key);

  // Calls `use` for each object of the bucket, or of one folder in it (which ends in a slash), in
  // no order, until it returns false. Objects that are added or removed meanwhile may be missed.
  Result<void> walk(Bucket bucket, const std::string& folder,
                    const std::function<bool(ObjectInfo)>& use,
                    const std::function<void(const std::string& folder)>& enter = {}) const;
  // Where the objects of a bucket are.
  std::filesystem::path folder_of(Bucket bucket) const { return root_ / bucket_name(bucket); }

  std::string bucket_name(Bucket bucket) const override;
  Result<std::vector<std::byte>> get(Bucket bucket, std::string_view key,
                                     std::uint64_t max_bytes) override;
  // The version that is open stays readable when the object is replaced or removed.
  Result<std::unique_ptr<ObjectReader>> open(Bucket bucket, std::string_view key) override;
  Result<ObjectInfo> head(Bucket bucket, std::string_view key) override;
  Result<ObjectPage> list(Bucket bucket, std::string_view prefix, std::string_view start_after,
                          std::size_t limit) override;
  Result<void> remove(Bucket bucket, std::string_view key) override;
  Result<void> copy_to_output(std::string_view input_key, std::string_view output_key) override;
  // Also removes the folders that become empty.
  Result<void> remove_copies(std::span<const std::string> output_keys) override;
  Result<UploadUrl> upload_url(std::string_view key, std::string_view content_type,
                               TimePoint expires_at, std::string_view base_url) override;
  Result<void> ping() override;

  Result<void> verify(const SignedUpload& upload, TimePoint now) const override;
  Result<std::unique_ptr<ObjectWriter>> write(std::string_view key) override;

 private:
  FileObjectStore(std::filesystem::path root, std::string input_bucket, std::string output_bucket,
                  UploadUrls urls);
  // kUnavailable if the folder of the bucket is away.
  Result<void> check_present(Bucket bucket) const;
  Result<std::unique_ptr<ObjectReader>> open_path(const std::filesystem::path& path, Bucket bucket,
                                                  std::string_view key) const;
  std::unexpected<Error> missing(Bucket bucket, std::string_view key) const;
  Result<std::filesystem::path> path_of(Bucket bucket, std::string_view key) const;

  std::filesystem::path root_;
  std::string input_bucket_;
  std::string output_bucket_;
  UploadUrls urls_;
  StoreObserver* observer_ = nullptr;
  std::function<bool(std::string_view key)> in_trash_;
};

}  // namespace classifier
