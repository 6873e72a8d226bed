// The port to stored images: an input bucket that users upload to and an output bucket of sorted
// copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"

namespace classifier {

enum class Bucket { kInput, kOutput };

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;  // bytes
  TimePoint last_modified;
  std::string etag;  // changes whenever the content does; opaque
};

struct ObjectPage {
  std::vector<ObjectInfo> objects;  // rising key, in byte order
  bool more = false;                // objects follow after the last one here
};

// Every method may be called from any thread, and by several processes on the same store.
// Objects appear whole or not at all, and never change in place: a second write replaces the first.
// Errors: kInvalidArgument for a key that this store can never hold, kNotFound, kExhausted when
// space is used up, kUnavailable for anything that may pass.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // "my-bucket", as in s3://my-bucket/key.
  virtual std::string bucket_name(Bucket bucket) const = 0;

  // The whole object; kTooLarge when it has more than `max_bytes`, before they are read.
  virtual Result<std::vector<std::byte>> get(Bucket bucket, std::string_view key,
                                             std::uint64_t max_bytes) = 0;

  virtual Result<ObjectInfo> head(Bucket bucket, std::string_view key) = 0;

  // Up to `limit` objects whose keys begin with `prefix` and come after `start_after`.
  virtual Result<ObjectPage> list(Bucket bucket, std::string_view prefix,
                                  std::string_view start_after, std::size_t limit) = 0;

  // Durable when it returns. kNotFound when there was none.
  virtual Result<void> remove(Bucket bucket, std::string_view key) = 0;

  // Copies an input object into the output bucket, replacing what is there.
  virtual Result<void> copy_to_output(std::string_view input_key, std::string_view output_key) = 0;

  // A URL that takes one PUT of `content_type` until `expires_at`, without any other credential.
  // `base_url` is the public address of this service, for stores that receive uploads through it.
  virtual Result<std::string> upload_url(std::string_view key, std::string_view content_type,
                                         TimePoint expires_at, std::string_view base_url) = 0;

  // Whether the store answers; the error says why not.
  virtual Result<void> ping() = 0;
};

}  // namespace classifier
