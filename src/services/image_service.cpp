#include "services/image_service.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

struct ImageType {
  std::string_view extension;
  std::string_view content_type;
};

// A file name without an extension of its content type gets the first one listed here.
constexpr auto kImageTypes = std::to_array<ImageType>({
    {".jpg", "image/jpeg"},          {".jpeg", "image/jpeg"},
    {".jfif", "image/jpeg"},         {".jpe", "image/jpeg"},
    {".png", "image/png"},           {".apng", "image/apng"},
    {".gif", "image/gif"},           {".webp", "image/webp"},
    {".bmp", "image/bmp"},           {".dib", "image/bmp"},
    {".heic", "image/heic"},         {".heif", "image/heif"},
    {".hif", "image/heif"},          {".avif", "image/avif"},
    {".tif", "image/tiff"},          {".tiff", "image/tiff"},
    {".jxl", "image/jxl"},           {".dng", "image/x-adobe-dng"},
    {".cr2", "image/x-canon-cr2"},   {".cr3", "image/x-canon-cr3"},
    {".nef", "image/x-nikon-nef"},   {".nrw", "image/x-nikon-nrw"},
    {".arw", "image/x-sony-arw"},    {".srf", "image/x-sony-srf"},
    {".sr2", "image/x-sony-sr2"},    {".raf", "image/x-fuji-raf"},
    {".orf", "image/x-olympus-orf"}, {".rw2", "image/x-panasonic-rw2"},
    {".pef", "image/x-pentax-pef"},  {".srw", "image/x-samsung-srw"},
});

struct Alias {
  std::string_view name;
  std::string_view content_type;
};

// What browsers, systems and libraries also call these types.
constexpr auto kAliases = std::to_array<Alias>({
    {"image/jpg", "image/jpeg"},
    {"image/jpe", "image/jpeg"},
    {"image/jfif", "image/jpeg"},
    {"image/pjpeg", "image/jpeg"},
    {"image/x-jpeg", "image/jpeg"},
    {"image/x-citrix-jpeg", "image/jpeg"},
    {"image/x-png", "image/png"},
    {"image/x-citrix-png", "image/png"},
    {"image/vnd.mozilla.apng", "image/apng"},
    {"image/x-gif", "image/gif"},
    {"image/x-webp", "image/webp"},
    {"image/dib", "image/bmp"},
    {"image/x-bmp", "image/bmp"},
    {"image/x-ms-bmp", "image/bmp"},
    {"image/x-windows-bmp", "image/bmp"},
    {"image/heic-sequence", "image/heic"},
    {"image/heif-sequence", "image/heif"},
    {"image/avif-sequence", "image/avif"},
    {"image/tif", "image/tiff"},
    {"image/x-tif", "image/tiff"},
    {"image/x-tiff", "image/tiff"},
    {"image/x-jxl", "image/jxl"},
    {"image/dng", "image/x-adobe-dng"},
    {"image/x-dng", "image/x-adobe-dng"},
    {"image/x-fujifilm-raf", "image/x-fuji-raf"},
});

constexpr std::size_t kMaxTypeBytes = 200;
constexpr std::size_t kMaxBaseBytes = 100;
constexpr std::size_t kMaxPathBytes = 4'096;
constexpr std::size_t kMaxBatchBytes = 200;

// The name without its extension, and without characters that have a meaning in URLs, shells or
// spreadsheets.
std::string safe_base(std::string_view filename) {
  const std::size_t slash = filename.find_last_of("/\\");
  if (slash != std::string_view::npos) filename.remove_prefix(slash + 1);
  const std::size_t dot = filename.rfind('.');
  if (dot != std::string_view::npos && dot > 0) filename = filename.substr(0, dot);
  std::string base;
  for (const char c : filename) {
    const auto byte = static_cast<unsigned char>(c);
    const bool keep = byte >= 0x80 || (byte >= '0' && byte <= '9') ||
                      (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || c == '-' ||
                      c == '_';
    base += keep ? c : '_';
  }
  base = std::string(utf8_prefix(base, kMaxBaseBytes));
  return base.find_first_not_of('_') == std::string::npos ? "image" : base;
}

std::string all_content_types() {
  std::string all;
  std::string_view last;  // those of several extensions follow one another
  for (const auto& type : kImageTypes) {
    if (type.content_type == last) continue;
    last = type.content_type;
    all += (all.empty() ? "" : ", ") + std::string(last);
  }
  return all;
}

// The upload URL's signature covers the content type as the client wrote it, so it must be one
// that can be sent as a header.
Result<void> check_content_type(std::string_view content_type) {
  if (content_type.size() > kMaxTypeBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("content_type has {} bytes; at most {} are allowed",
                            content_type.size(), kMaxTypeBytes));
  }
  if (!std::ranges::all_of(content_type, [](char c) { return c >= ' ' && c <= '~'; })) {
    return fail(ErrorCode::kInvalidArgument,
                "content_type has characters other than printable ASCII, which no content type "
                "has: send one such as \"image/jpeg\"");
  }
  return {};
}

// Of a content type in any case, with or without parameters, and by its usual other names.
Result<std::string> extension_for(std::string_view filename, std::string_view sent) {
  const std::string name = to_lower(trim(sent.substr(0, sent.find(';'))));
  const auto* const alias = std::ranges::find(kAliases, name, &Alias::name);
  const std::string_view content_type = alias == kAliases.end() ? name : alias->content_type;
  const std::string given = extension_of(filename);
  std::string extension;
  for (const auto& type : kImageTypes) {
    if (type.content_type != content_type) continue;
    if (type.extension == given) return std::string(type.extension);
    if (extension.empty()) extension = type.extension;
  }
  if (extension.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("content_type \"{}\" is not supported: it must be one of {}",
                            sent.substr(0, 100), all_content_types()));
  }
  return extension;
}

std::string etag_of_thumbnail(const ObjectInfo& image, int longest_side) {
  return fmt::format("{}-{}", image.etag, longest_side);
}

// The beginning of the names of an image's thumbnails in the cache.
std::string kept_name(const ObjectInfo& image, const std::optional<std::string>& sha256) {
  // A key may contain a space, an ETag has none.
  return sha256.value_or(sha256_hex(image.key + " " + image.etag)) + "-";
}

}  // namespace

std::optional<std::string_view> image_content_type(std::string_view key) {
  const std::string extension = extension_of(key);
  const auto* const type = std::ranges::find(kImageTypes, extension, &ImageType::extension);
  if (type == kImageTypes.end()) return std::nullopt;
  return type->content_type;
}

std::string image_extensions() {
  std::string all;
  for (const auto& type : kImageTypes)
    all += (all.empty() ? "" : " ") + std::string(type.extension);
  return all;
}

ImageService::ImageService(ObjectStore& objects, const Clock& clock, MakeThumbnail make_thumbnail,
                           std::uint64_t max_image_bytes, MemoryBudget& memory, KeptThumbnails kept,
                           ImageNames* names, Catalogue* catalogue, Trash* trash, Gone gone)
    : objects_(objects),
      clock_(clock),
      make_thumbnail_(std::move(make_thumbnail)),
      max_image_bytes_(max_image_bytes),
      memory_(memory),
      kept_(std::move(kept)),
      names_(names),
      catalogue_(catalogue),
      trash_(trash),
      gone_(std::move(gone)) {}

Result<UploadTicket> ImageService::upload_url(const UploadRequest& request) {
  const auto& [filename, content_type, base_url, path, batch] = request;
  if (trim(filename).empty())
    return fail(ErrorCode::kInvalidArgument, "filename is missing or empty");
  if (!is_utf8(filename)) return fail(ErrorCode::kInvalidArgument, "filename is not UTF-8");
  if (path.size() > kMaxPathBytes) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("path has {} bytes; at most {} are allowed", path.size(), kMaxPathBytes));
  }
  if (batch.size() > kMaxBatchBytes) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("batch has {} bytes; at most {} are allowed", batch.size(), kMaxBatchBytes));
  }
  if (auto valid = check_content_type(content_type); !valid) return std::unexpected(valid.error());
  const auto extension = extension_for(filename, content_type);
  if (!extension) return std::unexpected(extension.error());
  const TimePoint now = clock_.now();
  UploadTicket ticket;
  ticket.key = fmt::format("uploads/{}_{}_{}{}", safe_base(filename), to_compact(now),
                           random_hex(8), *extension);
  ticket.expires_at = now + kUploadValidity;
  auto url = objects_.upload_url(ticket.key, trim(content_type), ticket.expires_at, base_url);
  if (!url) return std::unexpected(url.error());
  if (auto announced = announce(request, ticket.key, now); !announced)
    return std::unexpected(announced.error());
  ticket.upload_url = std::move(url->url);
  ticket.expires_at = url->expires_at;
  return ticket;
}

Result<void> ImageService::announce(const UploadRequest& request, std::string_view key,
                                    TimePoint now) {
  if (names_ == nullptr) return {};
  const std::string_view name = request.path.empty() ? request.filename : request.path;
  auto announced = names_->announce(key, name, request.batch, now);
  if (!announced && announced.error().code == ErrorCode::kExhausted) {
    // The upload itself will say so. If it finds room again, the image is named by its key.
    spdlog::warn("the name of {} could not be kept: {}", key, announced.error().message);
    return {};
  }
  return announced;
}

Result<ImagePage> ImageService::list(std::string_view prefix, std::size_t limit,
                                     std::string_view token) {
  // A catalogue that is still being made lacks images.
  if (catalogue_ == nullptr || !catalogue_->complete()) return list_store(prefix, limit, token);
  ImageFilter filter;
  filter.prefix = prefix;
  filter.after = token;
  auto found = catalogue_->list(filter, ImageOrder::kKey, 0, limit);
  if (!found) return std::unexpected(found.error());
  ImagePage page;
  const bool more = found->total > static_cast<std::int64_t>(found->entries.size());
  if (more && !found->entries.empty()) page.next_token = found->entries.back().key;
  for (auto& entry : found->entries) {
    page.images.push_back({.key = std::move(entry.key),
                           .size = entry.size,
                           .last_modified = entry.last_modified,
                           .name = std::move(entry.name)});
  }
  return page;
}

Result<ImagePage> ImageService::list_store(std::string_view prefix, std::size_t limit,
                                           std::string_view token) {
  ImagePage page;
  std::string after(token);
  // Other files in the bucket are skipped, so one page may need several lists of the store.
  while (page.images.size() < limit) {
    auto objects = objects_.list(Bucket::kInput, prefix, after, limit);
    if (!objects) return std::unexpected(objects.error());
    for (auto& object : objects->objects) {
      after = object.key;
      if (!image_content_type(object.key)) continue;
      page.images.push_back({.key = object.key,
                             .size = object.size,
                             .last_modified = object.last_modified,
                             .name = {}});
      if (page.images.size() == limit) break;
    }
    if (!objects->more && (page.images.size() < limit || objects->objects.back().key == after))
      return named(std::move(page));
  }
  page.next_token = after;
  return named(std::move(page));
}

Result<ImagePage> ImageService::named(ImagePage page) {
  if (names_ == nullptr || page.images.empty()) return page;
  std::vector<std::string> keys;
  keys.reserve(page.images.size());
  for (const auto& image : page.images) keys.push_back(image.key);
  auto names = names_->names(keys);
  if (!names) return std::unexpected(names.error());
  for (std::size_t i = 0; i < keys.size(); ++i) page.images[i].name = std::move((*names)[i]);
  return page;
}

Result<std::string> ImageService::thumbnail_etag(std::string_view key, int longest_side,
                                                 Place place) {
  const auto image = source_for_thumbnail(key, longest_side, place);
  if (!image) return std::unexpected(image.error());
  return etag_of_thumbnail(image->info, longest_side);
}

Result<ImageService::Source> ImageService::source(std::string_view key, Place place) {
  if (place == Place::kStore) {
    auto info = objects_.head(Bucket::kInput, key);
    if (!info) return std::unexpected(info.error());
    return Source{.info = std::move(*info), .sha256 = std::nullopt};
  }
  if (trash_ == nullptr) return fail(ErrorCode::kNotFound, "these stores have no trash");
  auto image = trash_->find(key);
  if (!image) return std::unexpected(image.error());
  Source source{.info = {.key = std::move(image->key),
                         .size = image->size,
                         .last_modified = image->deleted_at,
                         .etag = std::move(image->etag)},
                .sha256 = std::nullopt};
  if (!image->sha256.empty()) source.sha256 = std::move(image->sha256);
  return source;
}

Result<ImageService::Source> ImageService::source_for_thumbnail(std::string_view key,
                                                                int longest_side, Place place) {
  if (longest_side < kMinThumbnail || longest_side > kMaxThumbnail) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("size must be a whole number from {} to {}, not {}", kMinThumbnail,
                            kMaxThumbnail, longest_side));
  }
  return source(key, place);
}

Result<std::vector<std::byte>> ImageService::read(std::string_view key, Place place) {
  if (place == Place::kStore) return objects_.get(Bucket::kInput, key, max_image_bytes_);
  const auto reader = trash_->open(key);
  if (!reader) return std::unexpected(reader.error());
  const std::uint64_t size = (*reader)->info().size;
  if (size > max_image_bytes_) {
    return fail(ErrorCode::kTooLarge, fmt::format("the image has {} bytes; at most {} are allowed",
                                                  size, max_image_bytes_));
  }
  std::vector<std::byte> bytes(size);
  for (std::size_t done = 0; done < bytes.size();) {
    const auto more = (*reader)->read(std::span(bytes).subspan(done));
    if (!more) return std::unexpected(more.error());
    if (*more == 0) return fail(ErrorCode::kUnavailable, "the image became shorter meanwhile");
    done += *more;
  }
  return bytes;
}

Result<Thumbnail> ImageService::thumbnail(std::string_view key, int longest_side, Place place) {
  auto image = source_for_thumbnail(key, longest_side, place);
  if (!image) return std::unexpected(image.error());
  const ObjectInfo& info = image->info;
  std::string etag = etag_of_thumbnail(info, longest_side);
  std::string name;
  if (kept_.cache != nullptr) {
    if (place == Place::kStore) image->sha256 = content_hash(info);
    name = kept_name(info, image->sha256) + std::to_string(longest_side);
    if (auto bytes = kept_.cache->find(name))
      return Thumbnail{.bytes = std::move(*bytes), .etag = std::move(etag)};
  }
  MemoryShare memory(memory_);
  if (!memory.wait_for(std::min(info.size, max_image_bytes_),
                       std::chrono::steady_clock::now() + kPatience, kMostWaiting)) {
    return fail(ErrorCode::kUnavailable,
                "the server is busy with other thumbnails: try again in a moment");
  }
  const auto bytes = read(key, place);
  if (!bytes) return std::unexpected(bytes.error());
  auto made = make_thumbnail_(*bytes, longest_side);
  if (!made) return std::unexpected(made.error());
  if (kept_.cache != nullptr) {
    // Between the two calls another image may have taken its place.
    const auto now = source(key, place);
    if (now && now->info.etag == info.etag) kept_.cache->insert(name, *made);
  }
  return Thumbnail{.bytes = std::move(*made), .etag = std::move(etag)};
}

Result<void> ImageService::remove(std::string_view key) {
  if (auto removed = remove_object(key); !removed) {
    if (removed.error().code != ErrorCode::kNotFound || trash_ == nullptr) return removed;
    auto from_trash = remove_from_trash(key);
    return from_trash || from_trash.error().code != ErrorCode::kNotFound ? from_trash : removed;
  }
  forget_name(key);
  if (gone_) gone_(std::string(key));
  return {};
}

// A catalogue follows its store. The image is gone, whatever becomes of its name.
void ImageService::forget_name(std::string_view key) {
  if (names_ == nullptr || catalogue_ != nullptr) return;
  if (auto forgotten = names_->forget(key); !forgotten)
    spdlog::warn("the name of {} could not be removed: {}", key, forgotten.error().message);
}

Result<void> ImageService::remove_object(std::string_view key) {
  if (kept_.cache == nullptr) return objects_.remove(Bucket::kInput, key);
  auto image = source(key, Place::kStore);
  if (image) image->sha256 = content_hash(image->info);
  if (auto removed = objects_.remove(Bucket::kInput, key); !removed) return removed;
  if (image) remove_thumbnails(*image);
  return {};
}

Result<void> ImageService::remove_from_trash(std::string_view key) {
  const auto removed = trash_->remove(key);
  if (!removed) return std::unexpected(removed.error());
  for (const auto& image : *removed) forget(image);
  return {};
}

void ImageService::forget(const TrashedImage& image) {
  Source source{
      .info = {.key = image.key, .size = image.size, .last_modified = {}, .etag = image.etag},
      .sha256 = std::nullopt};
  if (!image.sha256.empty()) source.sha256 = image.sha256;
  remove_thumbnails(source);
  if (gone_) gone_(image.key);
}

void ImageService::remove_thumbnails(const Source& image) {
  if (kept_.cache == nullptr) return;
  const bool needed = image.sha256 && (!kept_.in_use || kept_.in_use(*image.sha256));
  if (!needed) kept_.cache->remove(kept_name(image.info, image.sha256));
}

std::optional<std::string> ImageService::content_hash(const ObjectInfo& image) const {
  return kept_.content_hash ? kept_.content_hash(image.key, image.etag) : std::nullopt;
}

}  // namespace classifier
