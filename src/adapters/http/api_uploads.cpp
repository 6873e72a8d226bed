// Upload URLs, and the uploads that come to them.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "adapters/embedded/file_object_store.hpp"
#include "adapters/http/api_parts.hpp"
#include "adapters/http/json_body.hpp"

namespace classifier::http {
namespace {

Response post_upload_url(const BackendApi& api, const Request& request) {
  const auto body = JsonBody::read(request);
  if (!body) return error_response(body.error());
  const auto filename =
      body->required_text("filename", "the name of the file, such as \"cat.jpg\"");
  if (!filename) return error_response(filename.error());
  const auto type =
      body->required_text("content_type", "the type of the image, such as \"image/jpeg\"");
  if (!type) return error_response(type.error());
  const std::string base = base_url_of(api, request);
  if (base.empty()) {
    return error_response(400, "the request has no Host field, which the upload URL is made from");
  }
  const auto ticket = api.images.upload_url(*filename, *type, base);
  if (!ticket) return error_response(ticket.error());
  return json_response(200, {{"upload_url", ticket->upload_url},
                             {"s3_key", ticket->key},
                             {"expires_at", to_rfc3339(ticket->expires_at)}});
}

// Stores one object as its bytes come.
class ObjectUpload final : public BodySink {
 public:
  ObjectUpload(FileObjectStore& store, std::string key, std::unique_ptr<ObjectWriter> writer)
      : store_(store), key_(std::move(key)), writer_(std::move(writer)) {}

  Result<void> write(std::span<const std::byte> bytes) override { return writer_->write(bytes); }

  Response finish() override {
    if (auto stored = writer_->commit(); !stored) return error_response(stored.error());
    Response response = json_response(200, {{"s3_key", key_}});
    if (const auto info = store_.head(Bucket::kInput, key_))
      response.headers.add("ETag", "\"" + info->etag + "\"");
    return response;
  }

 private:
  FileObjectStore& store_;
  std::string key_;
  std::unique_ptr<ObjectWriter> writer_;
};

Result<std::unique_ptr<BodySink>> put_object(const BackendApi& api, const Request& request) {
  const std::string_view type = request.headers.get("Content-Type");
  const std::string_view signed_type = request.query_value("content_type").value_or("");
  const std::string_view key = request.param("key");
  // The signature covers the type in the URL; what the client sends has to be that type.
  auto verified =
      api.uploads->urls().verify(key, signed_type, request.query_value("expires").value_or(""),
                                 request.query_value("signature").value_or(""), api.clock.now());
  if (!verified) return std::unexpected(verified.error());
  if (media_type(type) != media_type(signed_type)) {
    // As S3 answers, so that clients see one behaviour whatever the store.
    return fail(ErrorCode::kForbidden,
                "this upload URL takes Content-Type: " + excerpt(signed_type) +
                    (type.empty() ? ", and the request has none" : ", not " + excerpt(type)));
  }
  auto writer = api.uploads->write(Bucket::kInput, key);
  if (!writer) return std::unexpected(writer.error());
  return std::make_unique<ObjectUpload>(*api.uploads, std::string(key), std::move(*writer));
}

}  // namespace

void add_upload_routes(Router& router, const SharedApi& api) {
  router.add("POST", "/upload-url", {},
             [api](const Request& request) { return post_upload_url(*api, request); });
  if (api->uploads == nullptr) return;
  RouteOptions options;
  options.max_body = api->max_upload_bytes;
  options.needs_key = false;  // the signature in the URL is the leave
  router.add_upload("PUT", "/objects/{key+}", options,
                    [api](const Request& request) { return put_object(*api, request); });
}

}  // namespace classifier::http
