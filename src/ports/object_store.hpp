// The port to stored images: an input bucket for uploads, and an output bucket for sorted copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"

namespace classifier {

enum class Bucket { kInput, kOutput };

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;  // bytes
  TimePoint last_modified;
  std::string etag;  // opaque; changes with the content
};

// The whole of an object.
struct StoredObject {
  std::vector<std::byte> bytes;
  std::string etag;  // of the version that the bytes are of; empty where the store does not tell
};

struct ObjectPage {
  std::vector<ObjectInfo> objects;  // by rising key, in byte order
  bool more = false;                // more objects follow the last one
};

struct UploadUrl {
  std::string url;
  TimePoint expires_at;
};

// Reads one version of an object from its beginning to its end. Used by one thread at a time.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;

  // Of the version that is read.
  virtual const ObjectInfo& info() const = 0;

  // Fills `bytes` with what follows the part that was read before, and returns how many there are:
  // fewer than `bytes` has room for only at the end of the object, 0 after it. Never mixes two
  // versions: kUnavailable where this one can no longer be read, because the object was replaced or
  // removed, in a store that does not keep it for its readers.
  virtual Result<std::size_t> read(std::span<std::byte> bytes) = 0;
};

// Thread-safe; several processes may use the same store. An object appears whole or not at all, and
// a second write replaces it as a whole. Errors: kInvalidArgument for a key that this store cannot
// have, kNotFound, kExhausted if there is no space left, kUnavailable for transient failures.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // "my-bucket", as in s3://my-bucket/key.
  virtual std::string bucket_name(Bucket bucket) const = 0;

  // The whole object. kTooLarge, before it is read, if it has more than `max_bytes`.
  virtual Result<std::vector<std::byte>> get(Bucket bucket, std::string_view key,
                                             std::uint64_t max_bytes) = 0;

  // The same, with its version where that costs nothing more.
  virtual Result<StoredObject> get_version(Bucket bucket, std::string_view key,
                                           std::uint64_t max_bytes) {
    auto bytes = get(bucket, key, max_bytes);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    return StoredObject{.bytes = std::move(*bytes), .etag = {}};
  }

  // Reads an object of any size in pieces. The reader must not outlive the store.
  virtual Result<std::unique_ptr<ObjectReader>> open(Bucket bucket, std::string_view key) = 0;

  virtual Result<ObjectInfo> head(Bucket bucket, std::string_view key) = 0;

  // The same for several, in order; at once where that is quicker.
  virtual std::vector<Result<ObjectInfo>> head_all(Bucket bucket,
                                                   std::span<const std::string> keys) {
    std::vector<Result<ObjectInfo>> infos;
    infos.reserve(keys.size());
    for (const auto& key : keys) infos.push_back(head(bucket, key));
    return infos;
  }

  // Up to `limit` objects whose keys begin with `prefix` and come after `start_after`.
  virtual Result<ObjectPage> list(Bucket bucket, std::string_view prefix,
                                  std::string_view start_after, std::size_t limit) = 0;

  // Durable when it returns. kNotFound if there was no such object.
  virtual Result<void> remove(Bucket bucket, std::string_view key) = 0;

  // Copies an input object into the output bucket, replacing what is there.
  virtual Result<void> copy_to_output(std::string_view input_key, std::string_view output_key) = 0;

  // Removes objects of the output bucket; passes over those that are not there. Not durable: a
  // power loss may bring some back. After an error any of them may be removed.
  virtual Result<void> remove_copies(std::span<const std::string> output_keys) = 0;

  // A signed URL for one PUT of `content_type` until `expires_at`, or until the credentials that it
  // is signed with expire. `base_url` is the public URL of this service, for stores that receive
  // uploads through it.
  virtual Result<UploadUrl> upload_url(std::string_view key, std::string_view content_type,
                                       TimePoint expires_at, std::string_view base_url) = 0;

  // Fails if the store does not answer.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
