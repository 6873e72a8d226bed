#include "adapters/api/ml_api.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/api/routes.hpp"
#include "adapters/http/json_body.hpp"
#include "adapters/http/multipart.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "domain/unique_names.hpp"
#include "services/direct_classify.hpp"
#include "support/kept_answer.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

// More images belong in a job, which does not depend on one connection.
constexpr std::size_t kMaxDirectImages = 1'000;
constexpr std::size_t kMaxJobId = 100;
constexpr std::string_view kForm = "multipart/form-data";
constexpr std::chrono::milliseconds kModelsKept{1'000};  // the list in /health

struct Classification {
  std::string job_id;
  SubmitRequest fields;
  std::vector<DirectImage> images;
};

http::Response get_root(const MlApi& api) {
  json models = json::array();
  for (const auto& model : api.classifier.models()) models.push_back(model.name);
  return http::json_response(
      200,
      {{"service", "ml-service"},
       {"version", api.version},
       {"models", std::move(models)},
       {"integration",
        {{"input_bucket", api.objects.bucket_name(Bucket::kInput)},
         {"output_bucket", api.objects.bucket_name(Bucket::kOutput)}}},
       {"endpoints",
        {"GET /", "GET /health", "GET /ready", "GET /models", "GET /metrics", "POST /classify"}}});
}

json list_models(const Classifier& classifier) {
  json models = json::array();
  for (const auto& model : classifier.models())
    models.push_back({{"name", model.name}, {"loaded", model.loaded}});
  return models;
}

http::Response get_health(const MlApi& api, json models) {
  return http::json_response(
      200, {{"status", "healthy"},
            {"service", "ml-service"},
            {"models", std::move(models)},
            {"sqs_worker", {{"status", api.worker_runs() ? "running" : "stopped"}}}});
}

// The id is part of the keys of sorted copies.
Result<std::string> check_job_id(std::string id) {
  if (id.size() > kMaxJobId || id.find('/') != std::string::npos || has_dot_part(id) ||
      has_control_character(id) || !is_utf8(id)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("job_id must have at most {} bytes, without slashes and control characters",
                    kMaxJobId));
  }
  return id;
}

Result<void> check_bucket(const MlApi& api, const std::string& bucket) {
  const std::string own = api.objects.bucket_name(Bucket::kInput);
  if (bucket.empty() || bucket == own) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("s3_bucket must be \"{}\", not \"{}\", or be left out", own,
                          http::excerpt(bucket)));
}

Result<Classification> read_json(const MlApi& api, const http::Request& request) {
  Classification wanted;
  auto fields = read_submission(request);
  if (!fields) return std::unexpected(fields.error());
  if (fields->images) {
    return fail(ErrorCode::kInvalidArgument,
                "images is for POST /submit: name the images of this call in s3_keys");
  }
  wanted.fields = std::move(*fields);
  const auto body = http::JsonBody::parse(request.body);
  if (!body) return std::unexpected(body.error());
  auto id = body->text("job_id", "");
  if (!id) return std::unexpected(id.error());
  wanted.job_id = std::move(*id);
  const auto bucket = body->text("s3_bucket", "");
  if (!bucket) return std::unexpected(bucket.error());
  if (auto known = check_bucket(api, *bucket); !known) return std::unexpected(known.error());
  for (auto& key : wanted.fields.s3_keys)
    wanted.images.push_back({.key = std::move(key), .content = std::nullopt});
  return wanted;
}

// Accepts "dog, cat", ["dog", "cat"], and several fields with a label each.
Result<void> add_labels(std::string_view text, std::vector<std::string>& labels) {
  if (trim(text).starts_with('[')) {
    auto list = http::JsonBody::parse("{\"custom_labels\":" + std::string(text) + "}");
    if (!list) return std::unexpected(list.error());
    auto parsed = list->texts("custom_labels");
    if (!parsed) return std::unexpected(parsed.error());
    labels.insert(labels.end(), parsed->begin(), parsed->end());
    return {};
  }
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    labels.push_back(trim(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return {};
}

template <class Number>
Result<Number> number_of(std::string_view name, std::string_view text, std::string_view allowed) {
  const std::string digits = trim(text);
  Number value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc() && end == digits.data() + digits.size()) return value;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} must be {}, not \"{}\"", name, allowed, http::excerpt(text)));
}

Result<void> add_field(const MlApi& api, const http::FormPart& part, Classification& wanted) {
  const std::string_view text = part.content;
  SubmitRequest& fields = wanted.fields;
  if (part.name == "job_type") {
    const auto type = parse_job_type(text);
    if (!type) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("job_type must be image_classification or custom_classification, not {}",
                      http::excerpt(text)));
    }
    fields.type = *type;
  } else if (part.name == "custom_labels") {
    return add_labels(text, fields.custom_labels);
  } else if (part.name == "top_k") {
    const auto number = number_of<int>(part.name, text, "a whole number from 1 to 10");
    if (!number) return std::unexpected(number.error());
    fields.top_k = *number;
  } else if (part.name == "confidence_threshold") {
    const auto number = number_of<double>(part.name, text, "a number from 0 to 1");
    if (!number) return std::unexpected(number.error());
    fields.confidence_threshold = *number;
  } else if (part.name == "model") {
    fields.model = trim(text);
  } else if (part.name == "job_id") {
    wanted.job_id = trim(text);
  } else if (part.name == "s3_bucket") {
    return check_bucket(api, trim(text));
  } else if (part.name == "s3_keys") {
    wanted.images.push_back({.key = std::string(text), .content = std::nullopt});
  }
  return {};
}

// Makes keys unique, because a result identifies images by key: a file of a form may have the name
// of another image.
void make_keys_unique(std::vector<DirectImage>& images) {
  UniqueNames taken;
  for (const auto& image : images) {
    if (!image.content && !taken.contains(image.key)) taken.take(image.key);
  }
  for (auto& image : images) {
    if (image.content) image.key = taken.take(std::move(image.key));
  }
}

Result<Classification> read_form(const MlApi& api, const http::Request& request) {
  const auto parts = http::parse_multipart(request.headers.get("Content-Type"), request.body);
  if (!parts) return std::unexpected(parts.error());
  Classification wanted;
  for (const http::FormPart& part : *parts) {
    if (!part.is_file) {
      if (auto added = add_field(api, part, wanted); !added) return std::unexpected(added.error());
      continue;
    }
    wanted.images.push_back({.key = part.filename.empty()
                                        ? fmt::format("image-{}", wanted.images.size() + 1)
                                        : part.filename,
                             .content = std::as_bytes(std::span(part.content))});
  }
  make_keys_unique(wanted.images);
  return wanted;
}

Result<Classification> read_classification(const MlApi& api, const http::Request& request) {
  const std::string type = http::media_type(request.headers.get("Content-Type"));
  if (type != kForm && type != "application/json") {
    return fail(ErrorCode::kUnsupported,
                "send Content-Type: application/json with s3_keys, or multipart/form-data with "
                "the images");
  }
  auto wanted = type == kForm ? read_form(api, request) : read_json(api, request);
  if (!wanted) return wanted;
  if (wanted->images.empty() || wanted->images.size() > kMaxDirectImages) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "name 1 to {} images in s3_keys, or send them in a form; for more, submit a job",
            kMaxDirectImages));
  }
  auto id = check_job_id(std::move(wanted->job_id));
  if (!id) return std::unexpected(id.error());
  wanted->job_id = id->empty() ? make_job_id(api.clock.now()) : std::move(*id);
  return wanted;
}

http::Response post_classify(const MlApi& api, const http::Request& request) {
  auto wanted = read_classification(api, request);
  if (!wanted) return http::error_response(wanted.error());
  SubmitRequest& fields = wanted->fields;
  auto spec = make_spec(fields.type, fields.model, std::move(fields.custom_labels), fields.top_k,
                        fields.confidence_threshold, api.limits, api.classifier);
  if (!spec) return field_error(spec.error());
  auto done =
      classify_now(wanted->job_id, std::make_shared<const JobSpec>(std::move(*spec)),
                   std::move(wanted->images), {api.objects, api.classifier, api.metrics, api.clock},
                   {api.pipeline, api.max_image_bytes}, api.stopping);
  if (!done) return http::error_response(done.error());
  const auto result = std::make_shared<const DirectResult>(std::move(*done));
  const RecordSource records = [result](std::int64_t from, std::size_t limit) {
    const auto begin = std::min(static_cast<std::size_t>(from), result->records.size());
    const auto end = begin + std::min(limit, result->records.size() - begin);
    return Result<std::vector<ImageRecord>>(
        std::in_place, result->records.begin() + static_cast<std::ptrdiff_t>(begin),
        result->records.begin() + static_cast<std::ptrdiff_t>(end));
  };
  ResultOptions options;
  options.output_bucket = api.objects.bucket_name(Bucket::kOutput);
  return stream_result(json_result(result->job, records, std::move(options)), "application/json");
}

}  // namespace

void add_ml_routes(http::Router& router, MlApi api) {
  const auto shared = std::make_shared<const MlApi>(std::move(api));
  // Listing the models reads files, which the I/O thread must not wait for.
  const auto models = std::make_shared<KeptAnswer<json>>(
      [shared] { return std::optional(list_models(shared->classifier)); },
      list_models(shared->classifier));
  http::RouteOptions open;
  open.needs_key = false;
  open.limited = false;
  http::RouteOptions metrics;
  metrics.needs_key = shared->metrics_need_key;
  http::RouteOptions health = open;
  health.run = http::RunOn::kIoThread;
  http::RouteOptions form;
  form.run = http::RunOn::kLongThread;
  form.max_body = shared->max_form_bytes;
  router.add("GET", "/", open, [shared](const http::Request&) { return get_root(*shared); });
  router.add("GET", "/health", health, [shared, models](const http::Request&) {
    return get_health(*shared, models->get(kModelsKept, std::chrono::milliseconds(0)));
  });
  router.add("GET", "/ready", open,
             [shared](const http::Request&) { return readiness(shared->stores_answer); });
  router.add("GET", "/models", {},
             [shared](const http::Request&) { return models_answer(shared->classifier); });
  router.add("GET", "/metrics", metrics,
             [shared](const http::Request&) { return metrics_answer(shared->metrics_text); });
  router.add("POST", "/classify", form,
             [shared](const http::Request& request) { return post_classify(*shared, request); });
}

}  // namespace classifier::api
