#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/rest/api.hpp"
#include "domain/text.hpp"

namespace classifier::rest {

// In documentation.cpp, which CMake makes.
extern const std::string_view kOpenApi;
extern const std::string_view kDocsPage;
extern const std::string_view kDocsScript;

namespace {

namespace fs = std::filesystem;

constexpr const char* kPolicy =
    "default-src 'self'; img-src 'self' data: blob: http: https:; connect-src 'self' http: https:; "
    "style-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

constexpr const char* kMissing =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Distributed classifier</title>"
    "<h1>Distributed classifier</h1><p>The service runs, but its page is not built: run "
    "<code>scripts/setup.sh</code>, or <code>npm ci &amp;&amp; npm run build</code> in "
    "<code>dashboard/</code>.</p>"
    "<p>The API is described at <a href=\"/docs\">/docs</a>.</p></html>";

std::string content_type(const fs::path& file) {
  constexpr std::array<std::pair<std::string_view, const char*>, 6> kTypes{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".json", "application/json"},
      {".png", "image/png"},
  }};
  const std::string extension = file.extension().string();
  for (const auto& [known, type] : kTypes) {
    if (extension == known) return type;
  }
  return "application/octet-stream";
}

Handler serve(std::string content, std::string type, bool hashed) {
  auto shared = std::make_shared<const std::string>(std::move(content));
  const std::string etag = "\"" + sha256_hex(*shared).substr(0, 16) + "\"";
  return [shared, type = std::move(type), etag, hashed](const Request& request) {
    Response response;
    // Files below assets/ have their hash in their name and never change.
    response.headers = {
        {"ETag", etag},
        {"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"}};
    if (request.header("if-none-match") == etag) {
      response.status = 304;
      return response;
    }
    response.headers.emplace_back("Content-Type", type);
    response.headers.emplace_back("Content-Security-Policy", kPolicy);
    response.body = *shared;
    return response;
  };
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

void add_dashboard_routes(Router& router, const fs::path& folder) {
  std::error_code error;
  if (!fs::is_regular_file(folder / "index.html", error)) {
    router.add("GET", "/", serve(kMissing, "text/html; charset=utf-8", false), false);
    return;
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    const bool index = name == "index.html";
    router.add("GET", index ? "/" : "/" + name,
               serve(read(entry.path()), content_type(entry.path()), name.starts_with("assets/")),
               false);
  }
}

void add_documentation_routes(Router& router) {
  router.add("GET", "/openapi.json", serve(std::string(kOpenApi), "application/json", false),
             false);
  router.add("GET", "/docs", serve(std::string(kDocsPage), "text/html; charset=utf-8", false),
             false);
  router.add("GET", "/docs.js",
             serve(std::string(kDocsScript), "text/javascript; charset=utf-8", false), false);
}

}  // namespace classifier::rest
