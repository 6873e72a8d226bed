#include "adapters/api/backend_api.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/api/routes.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

constexpr long long kMaxLetters = 1'000;
constexpr long long kDefaultLetters = 100;

http::Response get_queue(const BackendApi& api) {
  const auto depth = api.queue.depth();
  if (!depth) return http::error_response(depth.error());
  json body = {{"visible", depth->visible}, {"in_flight", depth->in_flight}, {"dead", depth->dead}};
  if (depth->oldest_age)
    body["oldest_age_seconds"] = static_cast<double>(depth->oldest_age->count()) / 1e3;
  return http::json_response(200, body);
}

http::Response get_dead_letters(const BackendApi& api, const http::Request& request) {
  const auto limit = http::whole_number(request, "limit", 1, kMaxLetters, kDefaultLetters);
  if (!limit) return http::error_response(limit.error());
  const auto letters = api.queue.dead_letters(static_cast<std::size_t>(*limit));
  if (!letters) return http::error_response(letters.error());
  json list = json::array();
  for (const auto& letter : *letters) {
    list.push_back({{"id", letter.id},
                    {"job_id", letter.job_id},
                    {"index", letter.index},
                    {"s3_key", letter.s3_key},
                    {"reason", letter.reason},
                    {"receive_count", letter.receive_count},
                    {"buried_at", to_rfc3339(letter.buried_at)}});
  }
  return http::json_response(200, {{"dead_letters", std::move(list)}});
}

}  // namespace

http::Response readiness(const std::function<Result<void>()>& stores_answer) {
  if (const auto answer = stores_answer(); !answer)
    return http::error_response(503, answer.error().message);
  return http::json_response(200, {{"status", "ready"}});
}

http::Response models_answer(const Classifier& classifier) {
  json models = json::array();
  for (const auto& model : classifier.models()) {
    json entry = {{"name", model.name},
                  {"job_type", to_string(model.job_type)},
                  {"description", model.description},
                  {"licence", model.licence},
                  {"source", model.source},
                  {"starter", model.starter},
                  {"loaded", model.loaded},
                  {"default", model.is_default},
                  {"num_labels", model.num_labels}};
    if (!model.error.empty()) entry["error"] = model.error;
    models.push_back(std::move(entry));
  }
  return http::json_response(200, {{"models", std::move(models)}});
}

http::Response groups_answer(const Classifier& classifier, std::string_view model) {
  const auto found = classifier.label_groups(model);
  if (!found) return http::error_response(found.error());
  json groups = json::array();
  for (const auto& group : *found)
    groups.push_back({{"name", group.name}, {"labels", group.labels}});
  return http::json_response(200, {{"model", model}, {"groups", std::move(groups)}});
}

http::Response metrics_answer(const std::function<std::string()>& text) {
  return http::text_response(200, "text/plain; version=0.0.4; charset=utf-8", text());
}

std::string base_url_of(const BackendApi& api, const http::Request& request) {
  std::string url = api.public_base_url.empty() ? http::origin_of(request) : api.public_base_url;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

void add_operation_routes(http::Router& router, const SharedApi& api) {
  http::RouteOptions open;
  open.needs_key = false;
  open.limited = false;  // a refused health check would make a supervisor stop the service
  http::RouteOptions quick = open;
  quick.run = http::RunOn::kIoThread;
  http::RouteOptions metrics;
  metrics.needs_key = api->metrics_need_key;
  router.add("GET", "/health", quick, [api](const http::Request&) {
    return http::json_response(200, {{"status", "healthy"},
                                     {"service", "backend-service"},
                                     {"time", to_rfc3339(api->clock.now())}});
  });
  router.add("GET", "/ready", open,
             [api](const http::Request&) { return readiness(api->stores_answer); });
  router.add("GET", "/metrics", metrics,
             [api](const http::Request&) { return metrics_answer(api->metrics_text); });
  router.add("GET", "/models", {},
             [api](const http::Request&) { return models_answer(api->classifier); });
  router.add("GET", "/models/{name}/groups", {}, [api](const http::Request& request) {
    return groups_answer(api->classifier, request.param("name"));
  });
  router.add("GET", "/queue", {}, [api](const http::Request&) { return get_queue(*api); });
  router.add("GET", "/queue/dead-letters", {},
             [api](const http::Request& request) { return get_dead_letters(*api, request); });
}

void add_backend_routes(http::Router& router, BackendApi api) {
  const auto shared = std::make_shared<const BackendApi>(std::move(api));
  add_operation_routes(router, shared);
  add_upload_routes(router, shared);
  add_photo_routes(router, shared);  // before /images/{key}, which takes what no other route does
  add_image_routes(router, shared);
  add_trash_routes(router, shared);
  add_job_routes(router, shared);
  add_result_routes(router, shared);
  add_search_routes(router, shared);
  if (shared->label_sets != nullptr) add_label_set_routes(router, shared);
  add_documentation_routes(router, shared);
}

}  // namespace classifier::api
