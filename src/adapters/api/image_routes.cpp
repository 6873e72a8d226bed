// Stored images: list, thumbnail, original, delete.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "adapters/api/catalogue_lists.hpp"
#include "adapters/api/page_token.hpp"
#include "adapters/api/routes.hpp"
#include "support/lru_cache.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

constexpr long long kDefaultThumbnail = 256;
constexpr std::string_view kCachePolicy = "private, max-age=3600";

// The thumbnails that were requested last. A gallery requests the same ones repeatedly, and each
// one costs the decoding of a photo.
using ThumbnailCache = LruCache<std::string, std::string>;

// The list of section "The API" in docs/catalogue.md without the parameters of the catalogue.
http::Response get_images_by_key(const BackendApi& api, const http::Request& request) {
  const auto limit = http::whole_number(request, "limit", 1, kMaxPage, kMaxPage);
  if (!limit) return http::error_response(limit.error());
  const auto after = position_of("images", request.query_value("next_token").value_or(""));
  if (!after) return http::error_response(after.error());
  auto page = api.images.list(request.query_value("prefix").value_or(""),
                              static_cast<std::size_t>(*limit), *after);
  if (!page) return http::error_response(page.error());
  json images = json::array();
  for (const auto& image : page->images) {
    json entry = {{"key", image.key},
                  {"size", image.size},
                  {"last_modified", to_rfc3339(image.last_modified)}};
    if (!image.name.empty()) entry["name"] = image.name;
    images.push_back(std::move(entry));
  }
  json body = {{"images", std::move(images)}};
  if (page->next_token) body["next_token"] = page_token("images", *page->next_token);
  return http::json_response(200, body);
}

http::Response get_images(const BackendApi& api, const http::Request& request) {
  if (!asks_catalogue(request)) return get_images_by_key(api, request);
  return list_images(api, request);
}

// 304 if the client has this version, otherwise a 200 that has no body yet.
http::Response cached_answer(const http::Request& request, const std::string& etag,
                             std::string_view content_type) {
  http::Response response;
  const std::string quoted = "\"" + etag + "\"";
  response.headers.add("ETag", quoted);
  response.headers.add("Cache-Control", kCachePolicy);
  if (http::matches_etag(request.headers.get("If-None-Match"), quoted)) {
    response.status = 304;
  } else if (!content_type.empty()) {
    response.headers.add("Content-Type", content_type);
  }
  return response;
}

Result<bool> read_quiet(const http::Request& request) {
  const std::string_view value = request.query_value("quiet").value_or("false");
  if (value == "true" || value == "false") return value == "true";
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("quiet must be true or false, not {}", http::excerpt(value)));
}

// Whether the image itself is why it has no thumbnail, and not the server or the request.
bool has_no_thumbnail(const Error& error) {
  return error.code == ErrorCode::kUndecodable || error.code == ErrorCode::kUnsupported ||
         error.code == ErrorCode::kTooLarge;
}

// Its ETag is another one than that of a thumbnail, so that an image which another version of this
// program can show is shown.
http::Response no_thumbnail(const http::Request& request, const std::string& etag) {
  http::Response response = cached_answer(request, etag + "-none", "");
  if (response.status == 200) response.status = 204;
  return response;
}

http::Response get_thumbnail(const BackendApi& api, ThumbnailCache& cache,
                             const http::Request& request) {
  const auto size = http::whole_number(request, "size", ImageService::kMinThumbnail,
                                       ImageService::kMaxThumbnail, kDefaultThumbnail);
  if (!size) return http::error_response(size.error());
  const auto trashed = asks_trash(api, request);
  if (!trashed) return http::error_response(trashed.error());
  const auto place = *trashed ? ImageService::Place::kTrash : ImageService::Place::kStore;
  const auto quiet = read_quiet(request);
  if (!quiet) return http::error_response(quiet.error());
  const std::string_view key = request.param("key");
  const auto etag = api.images.thumbnail_etag(key, static_cast<int>(*size), place);
  if (!etag) return http::error_response(etag.error());
  http::Response response = cached_answer(request, *etag, "image/jpeg");
  if (response.status == 304) return response;
  const std::string id = fmt::format("{} {}", *etag, key);
  auto bytes = cache.find(id);
  if (!bytes) {
    auto made = api.images.thumbnail(key, static_cast<int>(*size), place);
    if (!made && *quiet && has_no_thumbnail(made.error())) return no_thumbnail(request, *etag);
    if (!made) return http::error_response(made.error());
    response.headers.set("ETag", "\"" + made->etag + "\"");
    if (made->etag != *etag) {
      response.body = std::move(made->bytes);
      return response;
    }
    const std::size_t size_in_bytes = made->bytes.size();
    bytes = cache.insert(id, std::move(made->bytes), size_in_bytes);
  }
  response.body = *bytes;
  return response;
}

// What one reader holds of an image in memory, however slowly it reads.
constexpr std::uint64_t kPieceBytes = 256 << 10;

class ObjectPieces final : public http::BodyGenerator {
 public:
  explicit ObjectPieces(std::unique_ptr<ObjectReader> reader) : reader_(std::move(reader)) {}

  Result<std::optional<std::string>> next() override {
    std::string piece(std::min(kPieceBytes, reader_->info().size - sent_), '\0');
    if (piece.empty()) return std::nullopt;
    const auto size = reader_->read(std::as_writable_bytes(std::span(piece)));
    if (!size) return std::unexpected(size.error());
    piece.resize(*size);
    sent_ += *size;
    return piece;
  }
  std::uint64_t memory() const override {
    return std::min<std::uint64_t>(kPieceBytes, reader_->info().size);
  }

 private:
  std::unique_ptr<ObjectReader> reader_;
  std::uint64_t sent_ = 0;
};

http::Response get_original(const BackendApi& api, const http::Request& request) {
  const auto trashed = asks_trash(api, request);
  if (!trashed) return http::error_response(trashed.error());
  const std::string_view key = request.param("key");
  const auto type = image_content_type(key);
  if (!type)
    return http::error_response(
        404, fmt::format("there is no image \"{}\" in the store", http::excerpt(key)));
  auto reader = *trashed ? api.trash->open(key) : api.objects.open(Bucket::kInput, key);
  if (!reader) return http::error_response(reader.error());
  const ObjectInfo& info = (*reader)->info();
  http::Response response = cached_answer(request, info.etag, *type);
  response.headers.add("Content-Disposition", "inline");
  if (response.status == 304) return response;
  const std::uint64_t size = info.size;
  response.body = http::StreamBody{std::make_unique<ObjectPieces>(std::move(*reader)), size};
  return response;
}

http::Response delete_image(const BackendApi& api, const http::Request& request) {
  const std::string_view key = request.param("key");
  const auto trashed = asks_trash(api, request);
  if (!trashed) return http::error_response(trashed.error());
  if (*trashed) return put_into_trash(api, key);
  if (auto removed = api.images.remove(key); !removed) return http::error_response(removed.error());
  return http::json_response(200, {{"success", true}, {"message", fmt::format("deleted {}", key)}});
}

}  // namespace

void add_image_routes(http::Router& router, const SharedApi& api) {
  const auto cache = std::make_shared<ThumbnailCache>(api->thumbnail_cache_bytes);
  router.add("GET", "/folders", {},
             [api](const http::Request& request) { return list_folders(*api, request); });
  router.add("GET", "/batches", {},
             [api](const http::Request& request) { return list_batches(*api, request); });
  router.add("GET", "/dates", {}, [api](const http::Request&) { return list_dates(*api); });
  router.add("GET", "/images", {},
             [api](const http::Request& request) { return get_images(*api, request); });
  router.add("GET", "/images/{key+}/thumbnail", {}, [api, cache](const http::Request& request) {
    return get_thumbnail(*api, *cache, request);
  });
  router.add("GET", "/images/{key+}", {},
             [api](const http::Request& request) { return get_original(*api, request); });
  http::RouteOptions removal;
  removal.audited = "image.delete";
  router.add("DELETE", "/images/{key+}", removal,
             [api](const http::Request& request) { return delete_image(*api, request); });
}

}  // namespace classifier::api
