// The port to uploads that come through this service, for stores that clients cannot send to
// themselves.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ports/object_store.hpp"

namespace classifier {

// What an upload URL of `ObjectStore::upload_url` carries, as it was received.
struct SignedUpload {
  std::string_view key;
  std::string_view content_type;
  std::string_view expires;
  std::string_view signature;
};

// Writes one object. It appears under its key at commit(); without that, nothing remains. Used by
// one thread at a time.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Result<void> write(std::span<const std::byte> bytes) = 0;
  // Durable when it returns.
  virtual Result<ObjectInfo> commit() = 0;
};

// Thread-safe.
class UploadReceiver {
 public:
  virtual ~UploadReceiver() = default;

  // kForbidden where the URL is not exactly one that this store signed, or has expired.
  virtual Result<void> verify(const SignedUpload& upload, TimePoint now) const = 0;

  // For an object of the input bucket. kInvalidArgument for a key that the store cannot hold.
  virtual Result<std::unique_ptr<ObjectWriter>> write(std::string_view key) = 0;
};

}  // namespace classifier
