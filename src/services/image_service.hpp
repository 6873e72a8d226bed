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
#include "support/memory_budget.hpp"

namespace classifier {

struct UploadRequest {
  std::string_view filename;
  std::string_view content_type;
  std::string_view base_url;
  std::string_view path = {};   // within what is uploaded, as the user's machine has it; or empty
  std::string_view batch = {};  // or empty
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
  std::string name;  // the user's; empty without a catalogue
};

struct ImagePage {
  std::vector<ListedImage> images;
  std::optional<std::string> next_token;
};

// The content type that the extension of a key stands for, such as "image/jpeg"; nullopt if it is
// no image type.
std::optional<std::string_view> image_content_type(std::string_view key);

// Thread-safe.
class ImageService {
 public:
  using MakeThumbnail =
      std::function<Result<std::string>(std::span<const std::byte> image, int longest_side)>;
  static constexpr int kMinThumbnail = 16;
  static constexpr int kMaxThumbnail = 1024;
  static constexpr std::chrono::hours kUploadValidity{1};
  // How long a thumbnail waits for memory, and how many may wait, since each blocks a thread that
  // other requests need.
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::size_t kMostWaiting = 2;

  // `memory` is for images that are read for thumbnails. `catalogue` may be null.
  ImageService(ObjectStore& objects, const Clock& clock, MakeThumbnail make_thumbnail,
               std::uint64_t max_image_bytes, MemoryBudget& memory, Catalogue* catalogue = nullptr);

  // A key `uploads/<base>_<YYYYmmdd-HHMMSS>_<8 hex>.<ext>` and the URL to upload its bytes to.
  // kInvalidArgument: no usable file name, path or batch; kUnsupported: not an image type.
  Result<UploadTicket> upload_url(const UploadRequest& request);

  // Up to `limit` images, by extension, whose keys begin with `prefix`. `token` is the next_token
  // of the page before, or empty.
  Result<ImagePage> list(std::string_view prefix, std::size_t limit, std::string_view token);

  // The ETag that `thumbnail` would return; does not read the image.
  Result<std::string> thumbnail_etag(std::string_view key, int longest_side);

  // kInvalidArgument for a size outside [kMinThumbnail, kMaxThumbnail]; kTooLarge for an image with
  // more bytes than allowed; kUnavailable where there was no memory for kPatience.
  Result<Thumbnail> thumbnail(std::string_view key, int longest_side);

 private:
  Result<void> announce(const UploadRequest& request, std::string_view key, TimePoint now);
  Result<ImagePage> list_store(std::string_view prefix, std::size_t limit, std::string_view token);
  // Of the image, with the ETag of its thumbnail.
  Result<ObjectInfo> thumbnail_info(std::string_view key, int longest_side);

  ObjectStore& objects_;
  const Clock& clock_;
  MakeThumbnail make_thumbnail_;
  std::uint64_t max_image_bytes_;
  MemoryBudget& memory_;
  Catalogue* catalogue_;
};

}  // namespace classifier
