// The description of the API as JSON and as a page.
#include <nlohmann/json.hpp>
#include <string>

#include "adapters/api/documents.hpp"
#include "adapters/api/routes.hpp"
#include "domain/text.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

// The description with this instance's version and routes.
json description_of(const BackendApi& api) {
  json document = json::parse(kOpenApi);
  document["info"]["version"] = api.version;
  if (api.uploads == nullptr) document["paths"].erase("/objects/{key}");
  return document;
}

http::Handler page(std::string_view text, std::string_view type) {
  const std::string etag = "\"" + sha256_hex(text).substr(0, 24) + "\"";
  return [text, type, etag](const http::Request& request) {
    http::Response response;
    response.headers.add("ETag", etag);
    response.headers.add("Cache-Control", "no-cache");
    if (http::matches_etag(request.headers.get("If-None-Match"), etag)) {
      response.status = 304;
      return response;
    }
    response.headers.add("Content-Type", type);
    response.body = std::string(text);
    return response;
  };
}

}  // namespace

void add_documentation_routes(http::Router& router, const SharedApi& api) {
  http::RouteOptions open;
  open.needs_key = false;
  open.run = http::RunOn::kIoThread;
  http::RouteOptions shown = open;
  shown.page = true;
  http::RouteOptions described = open;
  described.run = http::RunOn::kBlockingThread;  // it is large
  router.add("GET", "/openapi.json", described,
             [api, document = description_of(*api)](const http::Request& request) {
               json filled = document;
               const std::string base = base_url_of(*api, request);
               filled["servers"] = {{{"url", base.empty() ? "/" : base}}};
               return http::json_response(200, filled);
             });
  router.add("GET", "/docs", shown, page(kDocsPage, "text/html; charset=utf-8"));
  router.add("GET", "/docs/docs.css", shown, page(kDocsStyle, "text/css; charset=utf-8"));
  router.add("GET", "/docs/docs.js", shown, page(kDocsScript, "text/javascript; charset=utf-8"));
}

}  // namespace classifier::api
