#include "adapters/api/static_files.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "adapters/http/delivery.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"

namespace classifier::api {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFile = 16 << 20;  // bytes
constexpr std::string_view kNotBuilt =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>Distributed classifier</title>\n<h1>Distributed classifier</h1>\n"
    "<p>The service runs, but its page is not built yet. Run <code>npm ci &amp;&amp; npm run "
    "build</code> in <code>dashboard/</code> and start the service again.</p>\n"
    "<p>The API is described at <a href=\"/docs\">/docs</a>.</p>\n</html>\n";

// First parts of the API's paths: an unknown path below one is an error, not a page.
constexpr std::array<std::string_view, 22> kApiParts{
    "batches", "classify", "dates",      "docs",    "events", "folders",   "health",       "images",
    "jobs",    "labels",   "label-sets", "metrics", "models", "objects",   "openapi.json", "queue",
    "ready",   "result",   "status",     "submit",  "trash",  "upload-url"};

struct Asset {
  std::string content;
  std::string type;
  std::string etag;        // with its quotes
  std::string gzipped;     // the same content; empty where there is none
  bool immutable = false;  // the name has a hash of the content
};

std::string_view type_of(const fs::path& file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kTypes{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".txt", "text/plain; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".webp", "image/webp"},
      {".gif", "image/gif"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".wasm", "application/wasm"},
  }};
  const std::string extension = extension_of(file.string());
  const auto* const known =
      std::ranges::find(kTypes, extension, [](const auto& type) { return type.first; });
  return known == kTypes.end() ? "application/octet-stream" : known->second;
}

Asset make_asset(std::string content, std::string_view type, bool immutable) {
  Asset asset;
  asset.etag = "\"" + sha256_hex(content).substr(0, 24) + "\"";
  asset.content = std::move(content);
  asset.type = type;
  asset.immutable = immutable;
  return asset;
}

http::Response answer(const Asset& asset, const http::Request& request) {
  const bool gzip =
      !asset.gzipped.empty() && http::takes_gzip(request.headers.get("Accept-Encoding"));
  http::Response response;
  response.headers.add("ETag", asset.etag);
  if (!asset.gzipped.empty()) response.headers.add("Vary", "Accept-Encoding");
  response.headers.add("Cache-Control",
                       asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (http::matches_etag(request.headers.get("If-None-Match"), asset.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.add("Content-Type", asset.type);
  if (gzip) response.headers.add("Content-Encoding", "gzip");
  response.body = gzip ? asset.gzipped : asset.content;
  return response;
}

http::RouteOptions page_options() {
  http::RouteOptions options;
  options.needs_key = false;
  options.run = http::RunOn::kIoThread;
  options.page = true;
  return options;
}

void add_asset(http::Router& router, const std::string& path, std::shared_ptr<const Asset> asset) {
  router.add("GET", path, page_options(), [asset = std::move(asset)](const http::Request& request) {
    return answer(*asset, request);
  });
}

bool wants_page(const http::Request& request) {
  if (request.headers.get("Accept").find("text/html") == std::string_view::npos) return false;
  const std::string_view path = std::string_view(request.path).substr(1);
  const std::string_view first = path.substr(0, path.find('/'));
  // A path with an extension is a missing file, not a view of the page.
  return std::ranges::find(kApiParts, first) == kApiParts.end() && extension_of(path).empty();
}

// Whether the name needs no encoding in a URL.
bool is_plain(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._/").find(c) != std::string_view::npos;
  });
}

}  // namespace

void add_dashboard_routes(http::Router& router, const fs::path& folder) {
  std::error_code error;
  if (!fs::is_regular_file(folder / "index.html", error)) {
    add_asset(router, "/",
              std::make_shared<const Asset>(
                  make_asset(std::string(kNotBuilt), "text/html; charset=utf-8", false)));
    return;
  }
  std::shared_ptr<const Asset> index;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    if (!entry.is_regular_file(error) || entry.file_size(error) > kMaxFile) continue;
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    if (!is_plain(name)) {
      spdlog::warn("{} is not served: its name has more than letters, digits and -._", name);
      continue;
    }
    // The build adds a compressed copy of files that become smaller by it.
    if (name.ends_with(".gz") &&
        fs::exists(entry.path().parent_path() / entry.path().stem(), error))
      continue;
    auto content = read_file(entry.path());
    if (!content) {
      spdlog::warn("{} is not served: {}", name, std::generic_category().message(content.error()));
      continue;
    }
    Asset read =
        make_asset(std::move(*content), type_of(entry.path()), name.starts_with("assets/"));
    read.gzipped = read_file(entry.path().string() + ".gz").value_or("");
    auto asset = std::make_shared<const Asset>(std::move(read));
    if (name == "index.html") index = asset;
    add_asset(router, "/" + name, std::move(asset));
  }
  if (error) spdlog::warn("reading the page in {} failed: {}", folder.string(), error.message());
  if (!index) return;
  add_asset(router, "/", index);
  router.set_fallback(page_options(), [index](const http::Request& request) {
    return wants_page(request)
               ? answer(*index, request)
               : http::error_response(
                     404, fmt::format("there is nothing at {}", http::excerpt(request.path)));
  });
}

}  // namespace classifier::api
