// The port to uploads through this service, for stores that clients cannot access directly.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ports/object_store.hpp"

namespace classifier {

// The parts of a URL of `ObjectStore::upload_url`, as received.
struct SignedUpload {
  std::string_view key;
  std::string_view content_type;
  std::string_view expires;
  std::string_view signature;
};

// Writes one object, which exists from commit() on; without commit(), nothing remains. Used by one
// thread at a time.
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

  // kForbidden if the URL has expired, or is not one that this store signed.
  virtual Result<void> verify(const SignedUpload& upload, TimePoint now) const = 0;

  // Writes to the input bucket. kInvalidArgument for a key that the store cannot have.
  virtual Result<std::unique_ptr<ObjectWriter>> write(std::string_view key) = 0;
};

}  // namespace classifier
