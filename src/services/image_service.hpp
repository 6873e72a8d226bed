// Upload URLs, lists and thumbnails of stored images.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/error.hpp"
#include "ports/catalogue.hpp"
#include "ports/clock.hpp"
#include "ports/object_store.hpp"
#include "ports/trash.hpp"
#include "support/disk_cache.hpp"
#include "support/memory_budget.hpp"

namespace classifier {

struct UploadRequest {
  std::string_view filename;
  std::string_view content_type;
  std::string_view base_url;
  std::string_view path;   // within what is uploaded, as the user's machine has it; or empty
  std::string_view batch;  // or empty
};

struct UploadTicket {
  std::string upload_url;
  std::string key;
  TimePoint expires_at;
};

struct Thumbnail {
  std::string bytes;  // image/jpeg
  std::string etag;   // without quotes
};

struct ListedImage {
  std::string key;
  std::uint64_t size = 0;  // bytes
  TimePoint last_modified;
  std::string name;  // the user's; may be empty
};

struct ImagePage {
  std::vector<ListedImage> images;
  std::optional<std::string> next_token;
};

// The content type that the extension of a key stands for, such as "image/jpeg"; nullopt if it is
// no image type.
std::optional<std::string_view> image_content_type(std::string_view key);

// All extensions of images: ".jpg .jpeg …".
std::string image_extensions();

// Thumbnails that are kept on disk, by the content that they show, so that copies of an image share
// one, and a restart loses none.
struct KeptThumbnails {
  DiskCache* cache = nullptr;  // null: none are kept; outlives the service
  // The SHA-256, in hexadecimal digits, of the content that the key has with this ETag; nullopt
  // where it is unknown. May be empty.
  std::function<std::optional<std::string>(std::string_view key, std::string_view etag)>
      content_hash;
  // Whether an image has this content. Where it is empty, thumbnails of a known content stay when
  // an image is removed, until they are the ones that were not used for the longest time.
  std::function<bool(std::string_view sha256)> in_use;
};

// Thread-safe.
class ImageService {
 public:
  using MakeThumbnail =
      std::function<Result<std::string>(std::span<const std::byte> image, int longest_side)>;
  enum class Place { kStore, kTrash };
  static constexpr int kMinThumbnail = 16;
  static constexpr int kMaxThumbnail = 2048;
  static constexpr std::chrono::hours kUploadValidity{1};
  // How long a thumbnail waits for memory, and how many may wait, since each blocks a thread that
  // other requests need.
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::size_t kMostWaiting = 2;

  // Told of the key of an image that is gone for good.
  using Gone = std::function<void(const std::string& key)>;

  // `memory` is for images that are read for thumbnails. `names`, `catalogue`, `trash` and `gone`
  // may be null.
  ImageService(ObjectStore& objects, const Clock& clock, MakeThumbnail make_thumbnail,
               std::uint64_t max_image_bytes, MemoryBudget& memory, KeptThumbnails kept = {},
               ImageNames* names = nullptr, Catalogue* catalogue = nullptr, Trash* trash = nullptr,
               Gone gone = nullptr);

  // A key `uploads/<base>_<YYYYmmdd-HHMMSS>_<8 hex>.<ext>` and the URL to upload its bytes to.
  // kInvalidArgument: no usable file name, type, path or batch; kUnsupported: not an image type.
  Result<UploadTicket> upload_url(const UploadRequest& request);

  // Up to `limit` images, by extension, whose keys begin with `prefix`. `token` is the next_token
  // of the page before, or empty.
  Result<ImagePage> list(std::string_view prefix, std::size_t limit, std::string_view token);

  // The ETag that `thumbnail` would return; does not read the image.
  Result<std::string> thumbnail_etag(std::string_view key, int longest_side,
                                     Place place = Place::kStore);

  // kInvalidArgument for a size outside [kMinThumbnail, kMaxThumbnail]; kTooLarge for an image with
  // more bytes than allowed; kUnavailable where there was no memory for kPatience. One that is kept
  // is returned only for an image that is there.
  Result<Thumbnail> thumbnail(std::string_view key, int longest_side, Place place = Place::kStore);

  // Removes the image for good, from the trash if it is only there, and its thumbnails if no other
  // image has the same content. kNotFound: there is none.
  Result<void> remove(std::string_view key);

  // Removes what is kept of an image that was removed from the trash.
  void forget(const TrashedImage& image);

 private:
  // An image for a thumbnail.
  struct Source {
    ObjectInfo info;
    std::optional<std::string> sha256;  // of its content, where it was asked for
  };
  Result<void> remove_object(std::string_view key);
  Result<void> remove_from_trash(std::string_view key);
  void forget_name(std::string_view key);
  Result<std::vector<std::byte>> read(std::string_view key, Place place);
  Result<void> announce(const UploadRequest& request, std::string_view key, TimePoint now);
  // With the users' names.
  Result<ImagePage> named(ImagePage page);
  Result<ImagePage> list_store(std::string_view prefix, std::size_t limit, std::string_view token);
  Result<Source> source(std::string_view key, Place place);
  // Of the image; kInvalidArgument for the size.
  Result<Source> source_for_thumbnail(std::string_view key, int longest_side, Place place);
  std::optional<std::string> content_hash(const ObjectInfo& image) const;
  void remove_thumbnails(const Source& image);

  ObjectStore& objects_;
  const Clock& clock_;
  MakeThumbnail make_thumbnail_;
  std::uint64_t max_image_bytes_;
  MemoryBudget& memory_;
  KeptThumbnails kept_;
  ImageNames* names_;
  Catalogue* catalogue_;
  Trash* trash_;
  Gone gone_;
};

}  // namespace classifier
