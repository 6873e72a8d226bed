// Upload URLs, and uploads to them.
#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "adapters/api/routes.hpp"
#include "adapters/http/json_body.hpp"

namespace classifier::api {
namespace {

http::Response post_upload_url(const BackendApi& api, const http::Request& request) {
  const auto body = http::JsonBody::read(request);
  if (!body) return http::error_response(body.error());
  const auto filename =
      body->required_text("filename", "the name of the file, such as \"cat.jpg\"");
  if (!filename) return http::error_response(filename.error());
  const auto type =
      body->required_text("content_type", "the type of the image, such as \"image/jpeg\"");
  if (!type) return http::error_response(type.error());
  const std::string base = base_url_of(api, request);
  if (base.empty()) {
    return http::error_response(400, "the request has no Host field, which the upload URL needs");
  }
  const auto path = body->text("path", "");
  if (!path) return http::error_response(path.error());
  const auto batch = body->text("batch", "");
  if (!batch) return http::error_response(batch.error());
  const auto ticket = api.images.upload_url({.filename = *filename,
                                             .content_type = *type,
                                             .base_url = base,
                                             .path = *path,
                                             .batch = *batch});
  if (!ticket) return http::error_response(ticket.error());
  return http::json_response(200, {{"upload_url", ticket->upload_url},
                                   {"s3_key", ticket->key},
                                   {"expires_at", to_rfc3339(ticket->expires_at)}});
}

// Stores one object while its bytes arrive.
class ObjectUpload final : public http::BodySink {
 public:
  ObjectUpload(const BackendApi& api, std::unique_ptr<ObjectWriter> writer)
      : api_(api), writer_(std::move(writer)) {}

  Result<void> write(std::span<const std::byte> bytes) override { return writer_->write(bytes); }

  http::Response finish() override {
    const auto stored = writer_->commit();
    if (!stored) return http::error_response(stored.error());
    if (api_.uploaded) api_.uploaded(stored->key);
    http::Response response = http::json_response(200, {{"s3_key", stored->key}});
    response.headers.add("ETag", "\"" + stored->etag + "\"");
    return response;
  }

 private:
  const BackendApi& api_;
  std::unique_ptr<ObjectWriter> writer_;
};

Result<std::unique_ptr<http::BodySink>> put_object(const BackendApi& api,
                                                   const http::Request& request) {
  const std::string_view type = request.headers.get("Content-Type");
  const std::string_view signed_type = request.query_value("content_type").value_or("");
  const std::string_view key = request.param("key");
  // The signature covers the type in the URL; the Content-Type must be the same.
  const SignedUpload upload{.key = key,
                            .content_type = signed_type,
                            .expires = request.query_value("expires").value_or(""),
                            .signature = request.query_value("signature").value_or("")};
  auto verified = api.uploads->verify(upload, api.clock.now());
  if (!verified) return std::unexpected(verified.error());
  if (http::media_type(type) != http::media_type(signed_type)) {
    // The answer of S3, so that clients see the same with every store.
    return fail(
        ErrorCode::kForbidden,
        fmt::format("this upload URL takes Content-Type: {}, {}", http::excerpt(signed_type),
                    type.empty() ? "and the request has none" : "not " + http::excerpt(type)));
  }
  auto writer = api.uploads->write(key);
  if (!writer) return std::unexpected(writer.error());
  return std::make_unique<ObjectUpload>(api, std::move(*writer));
}

}  // namespace

void add_upload_routes(http::Router& router, const SharedApi& api) {
  router.add("POST", "/upload-url", {},
             [api](const http::Request& request) { return post_upload_url(*api, request); });
  if (api->uploads == nullptr) return;
  http::RouteOptions options;
  options.max_body = api->max_upload_bytes;
  options.needs_key = false;  // the signature in the URL is the permission
  router.add_upload("PUT", "/objects/{key+}", options,
                    [api](const http::Request& request) { return put_object(*api, request); });
}

}  // namespace classifier::api
