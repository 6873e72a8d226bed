#include "adapters/aws/s3/s3_object_store.hpp"

#include <curl/curl.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "adapters/aws/client/sigv4.hpp"
#include "adapters/aws/s3/s3_listing.hpp"
#include "domain/text.hpp"
#include "support/response_head.hpp"

namespace classifier::aws {
namespace {

constexpr std::size_t kPage = 1'000;  // the most objects in one listing of S3
constexpr std::size_t kRemovedAtOnce = 256;

}  // namespace

S3ObjectStore::S3ObjectStore(AwsClient& client, const Clock& clock, std::string input_bucket,
                             std::string output_bucket)
    : client_(client),
      clock_(clock),
      input_bucket_(std::move(input_bucket)),
      output_bucket_(std::move(output_bucket)) {}

std::string S3ObjectStore::bucket_name(Bucket bucket) const {
  return bucket == Bucket::kInput ? input_bucket_ : output_bucket_;
}

AwsRequest S3ObjectStore::request(const char* operation, const char* method, Bucket bucket,
                                  std::string_view key) const {
  AwsRequest request;
  request.service = "s3";
  request.operation = operation;
  request.method = method;
  request.bucket = bucket_name(bucket);
  request.path = "/" + percent_encode(key, true);
  return request;
}

Error S3ObjectStore::explain(const AwsError& error, Bucket bucket, std::string_view key) const {
  if (error.code == "NoSuchBucket" || (key.empty() && error.status == 404)) {
    return {ErrorCode::kNotFound,
            fmt::format("S3 has no bucket \"{}\" here: check {} and AWS_REGION, or create it",
                        bucket_name(bucket),
                        bucket == Bucket::kInput ? "INPUT_BUCKET" : "OUTPUT_BUCKET")};
  }
  if (error.status == 404)
    return {ErrorCode::kNotFound, fmt::format("there is no image \"{}\"", key)};
  return to_error(error);
}

Error S3ObjectStore::at_run_time(const AwsError& error, Bucket bucket, std::string_view key) const {
  const bool about_bucket = error.code == "NoSuchBucket" || key.empty();
  Error explained = explain(error, bucket, key);
  if (explained.code == ErrorCode::kNotFound && !about_bucket) return explained;
  return aws::at_run_time(std::move(explained));
}

Result<std::vector<std::byte>> S3ObjectStore::get(Bucket bucket, std::string_view key,
                                                  std::uint64_t max_bytes) {
  auto object = get_version(bucket, key, max_bytes);
  if (!object) return std::unexpected(std::move(object.error()));
  return std::move(object->bytes);
}

Result<StoredObject> S3ObjectStore::get_version(Bucket bucket, std::string_view key,
                                                std::uint64_t max_bytes) {
  auto get = request("GetObject", "GET", bucket, key);
  get.max_response_bytes = max_bytes;
  const auto response = client_.call(std::move(get));
  if (!response) return std::unexpected(at_run_time(response.error(), bucket, key));
  StoredObject object;
  object.bytes.resize(response->body.size());
  std::memcpy(object.bytes.data(), response->body.data(), object.bytes.size());
  object.etag = without_quotes(header_of(response->headers, "etag"));
  return object;
}

class S3ObjectStore::Reader final : public ObjectReader {
 public:
  Reader(const S3ObjectStore& store, Bucket bucket, ObjectInfo info)
      : store_(store), bucket_(bucket), info_(std::move(info)) {}

  const ObjectInfo& info() const override { return info_; }

  Result<std::size_t> read(std::span<std::byte> bytes) override {
    const std::size_t wanted = std::min<std::uint64_t>(bytes.size(), info_.size - position_);
    if (wanted == 0) return 0;
    auto get = store_.request("GetObject", "GET", bucket_, info_.key);
    get.headers = {{"If-Match", fmt::format("\"{}\"", info_.etag)},
                   {"Range", fmt::format("bytes={}-{}", position_, position_ + wanted - 1)}};
    get.max_response_bytes = wanted;
    const auto response = store_.client_.call(std::move(get));
    if (!response) {
      const int status = response.error().status;
      if (status == 404 || status == 412 || status == 416) return changed();
      return std::unexpected(store_.at_run_time(response.error(), bucket_, info_.key));
    }
    if (response->body.size() != wanted) return changed();
    std::memcpy(bytes.data(), response->body.data(), wanted);
    position_ += wanted;
    return wanted;
  }

 private:
  std::unexpected<Error> changed() const {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("the image \"{}\" was replaced or removed while it was read", info_.key));
  }

  const S3ObjectStore& store_;
  const Bucket bucket_;
  const ObjectInfo info_;
  std::uint64_t position_ = 0;
};

Result<std::unique_ptr<ObjectReader>> S3ObjectStore::open(Bucket bucket, std::string_view key) {
  auto info = head(bucket, key);
  if (!info) return std::unexpected(info.error());
  return std::make_unique<Reader>(*this, bucket, std::move(*info));
}

Result<ObjectInfo> S3ObjectStore::info_of(const AwsResult& response, Bucket bucket,
                                          std::string_view key) const {
  if (!response) return std::unexpected(at_run_time(response.error(), bucket, key));
  const auto header = [&](const char* name) { return header_of(response->headers, name); };
  return ObjectInfo{.key = std::string(key),
                    .size = size_of(header("content-length")),
                    .last_modified = TimePoint{std::chrono::seconds{std::max<time_t>(
                        0, curl_getdate(header("last-modified").c_str(), nullptr))}},
                    .etag = without_quotes(header("etag"))};
}

Result<ObjectInfo> S3ObjectStore::head(Bucket bucket, std::string_view key) {
  return info_of(client_.call(request("HeadObject", "HEAD", bucket, key)), bucket, key);
}

std::vector<Result<ObjectInfo>> S3ObjectStore::head_all(Bucket bucket,
                                                        std::span<const std::string> keys) {
  std::vector<AwsRequest> requests;
  requests.reserve(keys.size());
  for (const auto& key : keys) requests.push_back(request("HeadObject", "HEAD", bucket, key));
  const auto responses = client_.call_all(std::move(requests));
  std::vector<Result<ObjectInfo>> infos;
  infos.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i)
    infos.push_back(info_of(responses[i], bucket, keys[i]));
  return infos;
}

// Adds up to `limit` objects to `objects`; returns whether there are more.
Result<bool> S3ObjectStore::list_page(Bucket bucket, std::string_view prefix,
                                      std::string_view start_after, std::size_t limit,
                                      std::vector<ObjectInfo>& objects) {
  auto list = request("ListObjectsV2", "GET", bucket, "");
  // URL-encoded, since XML cannot represent all characters of keys.
  list.query = {{"list-type", "2"},
                {"encoding-type", "url"},
                {"max-keys", std::to_string(std::min(limit, kPage))}};
  if (!prefix.empty()) list.query.emplace_back("prefix", prefix);
  if (!start_after.empty()) list.query.emplace_back("start-after", start_after);
  const auto response = client_.call(std::move(list));
  if (!response) return std::unexpected(at_run_time(response.error(), bucket, ""));
  auto listing = read_listing(response->body);
  if (!listing) {
    return fail(listing.error().code,
                fmt::format("{} (request id {})", listing.error().message, response->request_id));
  }
  std::ranges::move(listing->objects, std::back_inserter(objects));
  return listing->more;
}

Result<ObjectPage> S3ObjectStore::list(Bucket bucket, std::string_view prefix,
                                       std::string_view start_after, std::size_t limit) {
  ObjectPage page;
  while (page.objects.size() < limit) {
    const std::string after =
        page.objects.empty() ? std::string(start_after) : page.objects.back().key;
    const auto more = list_page(bucket, prefix, after, limit - page.objects.size(), page.objects);
    if (!more) return std::unexpected(more.error());
    page.more = *more;
    if (!page.more) break;
  }
  return page;
}

Result<void> S3ObjectStore::remove(Bucket bucket, std::string_view key) {
  // DeleteObject succeeds even if there is no such object.
  if (const auto there = head(bucket, key); !there) return std::unexpected(there.error());
  const auto response = client_.call(request("DeleteObject", "DELETE", bucket, key));
  if (!response) return std::unexpected(at_run_time(response.error(), bucket, key));
  return {};
}

Result<void> S3ObjectStore::copy_to_output(std::string_view input_key,
                                           std::string_view output_key) {
  auto copy = request("CopyObject", "PUT", Bucket::kOutput, output_key);
  copy.headers.emplace_back("x-amz-copy-source",
                            fmt::format("/{}/{}", input_bucket_, percent_encode(input_key, true)));
  const auto response = client_.call(std::move(copy));
  if (!response) {
    const AwsError& error = response.error();
    const bool source = error.code == "NoSuchKey" || error.code == "NotFound";
    return std::unexpected(
        at_run_time(error, source ? Bucket::kInput : Bucket::kOutput, input_key));
  }
  return {};
}

// Many single calls rather than DeleteObjects, which S3 wants with a checksum of its body.
Result<void> S3ObjectStore::remove_copies(std::span<const std::string> output_keys) {
  while (!output_keys.empty()) {
    const auto some = output_keys.first(std::min(kRemovedAtOnce, output_keys.size()));
    output_keys = output_keys.subspan(some.size());
    std::vector<AwsRequest> requests;
    requests.reserve(some.size());
    for (const auto& key : some)
      requests.push_back(request("DeleteObject", "DELETE", Bucket::kOutput, key));
    const auto responses = client_.call_all(std::move(requests));
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (responses[i]) continue;
      Error error = at_run_time(responses[i].error(), Bucket::kOutput, some[i]);
      if (error.code != ErrorCode::kNotFound) return std::unexpected(std::move(error));
    }
  }
  return {};
}

Result<UploadUrl> S3ObjectStore::upload_url(std::string_view key, std::string_view content_type,
                                            TimePoint expires_at, std::string_view /*base_url*/) {
  const TimePoint now = clock_.now();
  auto presigned = client_.presign(
      {.method = "PUT",
       .bucket = input_bucket_,
       .key = std::string(key),
       .content_type = std::string(content_type),
       .validity = std::chrono::duration_cast<std::chrono::seconds>(expires_at - now)});
  if (!presigned) return std::unexpected(at_run_time(presigned.error(), Bucket::kInput, key));
  return UploadUrl{std::move(presigned->url), std::min(expires_at, now + presigned->validity)};
}

Result<void> S3ObjectStore::ping() {
  for (const Bucket bucket : {Bucket::kInput, Bucket::kOutput}) {
    auto look = request("HeadBucket", "HEAD", bucket, "");
    look.patience = kPatience;
    const auto response = client_.call(std::move(look));
    if (!response) return std::unexpected(explain(response.error(), bucket, ""));
  }
  return {};
}

}  // namespace classifier::aws
