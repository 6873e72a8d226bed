// The trash: list, restore, empty.
#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "adapters/api/page_token.hpp"
#include "adapters/api/routes.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxKeys = 1'000;  // of one restoration
constexpr const char* kNoTrash = "this service has no trash";

http::Response get_trash(const BackendApi& api, const http::Request& request) {
  if (api.trash == nullptr) return http::error_response(422, kNoTrash);
  const auto limit = http::whole_number(request, "limit", 1, kMaxPage, kMaxPage);
  if (!limit) return http::error_response(limit.error());
  const auto after = position_of("trash", request.query_value("next_token").value_or(""));
  if (!after) return http::error_response(after.error());
  const auto page = api.trash->list(static_cast<std::size_t>(*limit), *after);
  if (!page) return http::error_response(page.error());
  json images = json::array();
  for (const auto& image : page->images) {
    images.push_back({{"key", image.key},
                      {"name", image.name.empty() ? image.key : image.name},
                      {"size", image.size},
                      {"deleted_at", to_rfc3339(image.deleted_at)},
                      {"expires_at", to_rfc3339(image.expires_at)}});
  }
  json body = {{"images", std::move(images)}, {"total", page->total}, {"bytes", page->bytes}};
  if (!page->next.empty()) body["next_token"] = page_token("trash", page->next);
  http::Response response = http::json_response(200, body);
  response.headers.add("Cache-Control", "private, no-cache");
  return response;
}

http::Response restore(const BackendApi& api, const http::Request& request) {
  if (api.trash == nullptr) return http::error_response(422, kNoTrash);
  auto body = http::JsonBody::read(request);
  if (!body) return http::error_response(body.error());
  const auto keys = body->texts("keys");
  if (!keys) return http::error_response(keys.error());
  if (keys->empty() || keys->size() > kMaxKeys) {
    return http::error_response(
        400, fmt::format("keys must be a list of 1 to {} keys of images, not of {}", kMaxKeys,
                         keys->size()));
  }
  const auto images = api.trash->restore(*keys);
  if (!images) return http::error_response(images.error());
  json answer = {{"restored", images->restored}, {"missing", images->missing}};
  for (const auto& key : images->taken) {
    answer["conflicts"].push_back(
        {{"key", key},
         {"error",
          "another image has this key meanwhile: delete that one first, or leave this one "
          "in the trash"}});
  }
  return http::json_response(200, answer);
}

http::Response empty_trash(const BackendApi& api) {
  if (api.trash == nullptr) return http::error_response(422, kNoTrash);
  const auto deleted = api.trash->empty();
  if (!deleted) return http::error_response(deleted.error());
  return http::json_response(200, {{"success", true},
                                   {"message", fmt::format("deleted {} images for good", *deleted)},
                                   {"deleted", *deleted}});
}

}  // namespace

Result<bool> asks_trash(const BackendApi& api, const http::Request& request) {
  const auto value = request.query_value("trash");
  if (!value || *value == "false") return false;
  if (*value != "true") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("trash must be true or false, not {}", http::excerpt(*value)));
  }
  if (api.trash == nullptr) return fail(ErrorCode::kInvalidArgument, kNoTrash);
  return true;
}

http::Response put_into_trash(const BackendApi& api, std::string_view key) {
  const auto expires_at = api.trash->put(key);
  if (!expires_at) return http::error_response(expires_at.error());
  return http::json_response(200, {{"success", true},
                                   {"message", fmt::format("moved {} into the trash", key)},
                                   {"expires_at", to_rfc3339(*expires_at)}});
}

void add_trash_routes(http::Router& router, const SharedApi& api) {
  router.add("GET", "/trash", {},
             [api](const http::Request& request) { return get_trash(*api, request); });
  http::RouteOptions restoration;
  restoration.max_body = 4ULL << 20;
  restoration.audited = "trash.restore";
  restoration.role = Role::kAdmin;  // as for deleting
  router.add("POST", "/trash/restore", restoration,
             [api](const http::Request& request) { return restore(*api, request); });
  http::RouteOptions emptying;
  emptying.audited = "trash.empty";
  emptying.run = http::RunOn::kLongThread;
  router.add("DELETE", "/trash", emptying,
             [api](const http::Request&) { return empty_trash(*api); });
}

}  // namespace classifier::api
