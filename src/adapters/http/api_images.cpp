// Stored images: listing, looking, deleting.
#include <list>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <utility>

#include "adapters/http/api_parts.hpp"

namespace classifier::http {
namespace {

using nlohmann::json;

constexpr long long kMaxPage = 1'000;
constexpr long long kDefaultThumbnail = 256;
constexpr std::size_t kCacheBytes = 32 << 20;
constexpr std::string_view kCachePolicy = "private, max-age=3600";

// The thumbnails asked for last. A gallery asks for the same ones again and again, and each costs
// the decoding of a photo.
class ThumbnailCache {
 public:
  std::string find(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    const auto known = places_.find(id);
    if (known == places_.end()) return {};
    entries_.splice(entries_.begin(), entries_, known->second);
    return known->second->second;
  }
  void put(const std::string& id, const std::string& bytes) {
    const std::scoped_lock lock(mutex_);
    if (bytes.size() > kCacheBytes / 8 || places_.contains(id)) return;
    entries_.emplace_front(id, bytes);
    places_[id] = entries_.begin();
    size_ += bytes.size();
    while (size_ > kCacheBytes) {
      size_ -= entries_.back().second.size();
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
  }

 private:
  using Entries = std::list<std::pair<std::string, std::string>>;
  std::mutex mutex_;
  Entries entries_;                                            // guarded by mutex_; newest first
  std::unordered_map<std::string, Entries::iterator> places_;  // guarded by mutex_
  std::size_t size_ = 0;                                       // guarded by mutex_
};

Response get_images(const BackendApi& api, const Request& request) {
  const auto limit = whole_number(request, "limit", 1, kMaxPage, kMaxPage);
  if (!limit) return error_response(limit.error());
  auto page =
      api.images.list(request.query_value("prefix").value_or(""), static_cast<std::size_t>(*limit),
                      request.query_value("next_token").value_or(""));
  if (!page) return error_response(page.error());
  json images = json::array();
  for (const auto& image : page->images) {
    images.push_back({{"key", image.key},
                      {"size", image.size},
                      {"last_modified", to_rfc3339(image.last_modified)}});
  }
  json body = {{"images", std::move(images)}};
  if (page->next_token) body["next_token"] = *page->next_token;
  return json_response(200, body);
}

// 304 where the client has this version; otherwise an answer that waits for its body.
Response cached_answer(const Request& request, const std::string& etag,
                       std::string_view content_type) {
  Response response;
  const std::string quoted = "\"" + etag + "\"";
  response.headers.add("ETag", quoted);
  response.headers.add("Cache-Control", kCachePolicy);
  if (matches_etag(request.headers.get("If-None-Match"), quoted)) {
    response.status = 304;
  } else {
    response.headers.add("Content-Type", content_type);
  }
  return response;
}

Response get_thumbnail(const BackendApi& api, ThumbnailCache& cache, const Request& request) {
  const auto size = whole_number(request, "size", ImageService::kMinThumbnail,
                                 ImageService::kMaxThumbnail, kDefaultThumbnail);
  if (!size) return error_response(size.error());
  const std::string_view key = request.param("key");
  const auto etag = api.images.thumbnail_etag(key, static_cast<int>(*size));
  if (!etag) return error_response(etag.error());
  Response response = cached_answer(request, *etag, "image/jpeg");
  if (response.status == 304) return response;
  const std::string id = *etag + " " + std::string(key);
  std::string bytes = cache.find(id);
  if (bytes.empty()) {
    auto made = api.images.thumbnail(key, static_cast<int>(*size));
    if (!made) return error_response(made.error());
    response.headers.set("ETag", "\"" + made->etag + "\"");
    bytes = std::move(made->bytes);
    if (made->etag == *etag) cache.put(id, bytes);
  }
  response.body = std::move(bytes);
  return response;
}

Response get_original(const BackendApi& api, const Request& request) {
  const std::string_view key = request.param("key");
  const auto type = image_content_type(key);
  if (!type) return error_response(404, "there is no image \"" + excerpt(key) + "\" in the store");
  const auto info = api.objects.head(Bucket::kInput, key);
  if (!info) return error_response(info.error());
  Response response = cached_answer(request, info->etag, *type);
  response.headers.add("Content-Disposition", "inline");
  if (response.status == 304) return response;
  if (request.method == "HEAD") {
    response.body = StreamBody{.generator = nullptr, .length = info->size};
    return response;
  }
  auto bytes = api.images.original(key);
  if (!bytes) return error_response(bytes.error());
  response.body = std::move(*bytes);
  return response;
}

Response delete_image(const BackendApi& api, const Request& request) {
  const std::string_view key = request.param("key");
  if (auto removed = api.images.remove(key); !removed) return error_response(removed.error());
  return json_response(200, {{"success", true}, {"message", "deleted " + std::string(key)}});
}

}  // namespace

void add_image_routes(Router& router, const SharedApi& api) {
  const auto cache = std::make_shared<ThumbnailCache>();
  router.add("GET", "/images", {},
             [api](const Request& request) { return get_images(*api, request); });
  router.add("GET", "/images/{key+}/thumbnail", {},
             [api, cache](const Request& request) { return get_thumbnail(*api, *cache, request); });
  router.add("GET", "/images/{key+}", {},
             [api](const Request& request) { return get_original(*api, request); });
  RouteOptions removal;
  removal.audited = "image.delete";
  router.add("DELETE", "/images/{key+}", removal,
             [api](const Request& request) { return delete_image(*api, request); });
}

}  // namespace classifier::http
