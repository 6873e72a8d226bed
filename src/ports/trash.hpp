// The port to the trash: deleted images that can be taken back for a while.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "domain/time.hpp"
#include "ports/object_store.hpp"

namespace classifier {

struct TrashedImage {
  std::string key;
  std::string name;        // the user's; may be empty
  std::uint64_t size = 0;  // bytes
  std::string etag;        // of the object
  std::string sha256;      // of the content, 64 hexadecimal digits; empty: not known
  TimePoint deleted_at;
  TimePoint expires_at;
};

struct TrashPage {
  std::vector<TrashedImage> images;  // latest deleted first
  std::string next;                  // `after` of the next page; empty: this is the last one
  std::int64_t total = 0;            // of the whole trash
  std::uint64_t bytes = 0;           // of the whole trash
};

enum class Restored {
  kYes,
  kMissing,  // it is not in the trash, or is being removed
  kTaken,    // another image has the key meanwhile; this one stays in the trash
};

// Of an image that is not found because it is in the trash.
inline Error in_trash(std::string_view key) {
  return {ErrorCode::kNotFound,
          "the image \"" + std::string(key) +
              "\" is in the trash: take it back with POST /trash/restore or `classifier trash "
              "restore`"};
}

// Thread-safe; several processes may use the same trash. An image is whole and either in the store
// or in the trash, whenever a process dies. A key may have been deleted more than once; the latest
// deletion is meant.
class Trash {
 public:
  virtual ~Trash() = default;

  // Moves an image of the input bucket into the trash, with its name and what else is known of it.
  // Durable when it returns. kNotFound: there is no such image.
  virtual Result<void> put(std::string_view key, TimePoint now, TimePoint expires_at) = 0;

  // kInvalidArgument for an `after` that is no TrashPage::next.
  virtual Result<TrashPage> list(std::size_t limit, std::string_view after) = 0;

  // kNotFound: it is not in the trash.
  virtual Result<TrashedImage> find(std::string_view key) = 0;
  virtual Result<std::unique_ptr<ObjectReader>> open(std::string_view key) = 0;

  // Puts images back where they were, as they were, in the order of the keys. Durable when it
  // returns. Nothing is ever overwritten. After an error any of them may be back.
  virtual Result<std::vector<Restored>> restore(std::span<const std::string> keys) = 0;

  // Removes for good up to `limit` images, more than 0, that were deleted and expire at these times
  // or before. Returns them: none if there are no more.
  virtual Result<std::vector<TrashedImage>> remove_until(TimePoint deleted, TimePoint expires,
                                                         std::size_t limit) = 0;

  // Removes all images of this key for good, and returns them. kNotFound: none is in the trash.
  virtual Result<std::vector<TrashedImage>> remove(std::string_view key) = 0;
};

}  // namespace classifier
