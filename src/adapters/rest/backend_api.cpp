#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/rest/api.hpp"
#include "adapters/rest/json_fields.hpp"
#include "domain/text.hpp"
#include "services/direct_classify.hpp"
#include "services/result_format.hpp"

namespace classifier::rest {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxPage = 1'000;
constexpr std::chrono::milliseconds kEventInterval{250};
constexpr int kHeartbeat = 60;  // looks without news between two comments: 15 s

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Response ok(const json& body, int status = 200) { return json_response(status, dump(body)); }

std::string query(const Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string{} : found->second;
}

std::string base_url(const Request& request, const BackendApi& api) {
  if (!api.public_base_url.empty()) return api.public_base_url;
  const std::string host = request.header("host");
  return "http://" + (host.empty() ? "localhost" : host);
}

json progress_of(const Job& job) {
  return {{"job_id", job.id},
          {"status", to_string(job.status)},
          {"total", job.counts.total},
          {"done", job.counts.done()},
          {"failed", job.counts.failed}};
}

json status_of_job(const Job& job) {
  json body = progress_of(job);
  body["created_at"] = to_rfc3339(job.created_at);
  body["updated_at"] = to_rfc3339(job.updated_at);
  body["retry_count"] = job.retry_count;
  if (job.completed_at) body["completed_at"] = to_rfc3339(*job.completed_at);
  if (job.error) body["error"] = *job.error;
  return body;
}

// ---- images ----

Response post_upload_url(const BackendApi& api, const Request& request) {
  const auto body = json_body(request);
  if (!body) return error_response(body.error());
  const auto filename = string_field(*body, "filename", "");
  if (!filename) return error_response(filename.error());
  const auto content_type = string_field(*body, "content_type", "");
  if (!content_type) return error_response(content_type.error());
  if (content_type->empty())
    return error_response(400, "content_type is missing: such as \"image/jpeg\"");
  const auto ticket = api.images.upload_url(*filename, *content_type, base_url(request, api));
  if (!ticket) return error_response(ticket.error());
  return ok({{"upload_url", ticket->upload_url},
             {"s3_key", ticket->key},
             {"expires_at", to_rfc3339(ticket->expires_at)}});
}

Response put_object(const BackendApi& api, const Request& request) {
  const auto stored = api.receive_upload(
      request.parameters.at("key"), request.header("content-type"), request.query, request.body);
  if (!stored) return error_response(stored.error());
  const auto info = api.objects.head(Bucket::kInput, request.parameters.at("key"));
  Response response;
  if (info) response.headers.emplace_back("ETag", "\"" + info->etag + "\"");
  return response;
}

Response get_images(const BackendApi& api, const Request& request) {
  const auto limit = query_integer(request, "limit", kMaxPage, 1, kMaxPage);
  if (!limit) return error_response(limit.error());
  const auto page = api.images.list(query(request, "prefix"), static_cast<std::size_t>(*limit),
                                    query(request, "next_token"));
  if (!page) return error_response(page.error());
  json images = json::array();
  for (const auto& image : page->images) {
    images.push_back({{"key", image.key},
                      {"size", image.size},
                      {"last_modified", to_rfc3339(image.last_modified)}});
  }
  json body = {{"images", std::move(images)}};
  if (page->next_token) body["next_token"] = *page->next_token;
  return ok(body);
}

Response get_thumbnail(const BackendApi& api, const Request& request) {
  const std::string& key = request.parameters.at("key");
  const auto size =
      query_integer(request, "size", 256, ImageService::kMinThumbnail, ImageService::kMaxThumbnail);
  if (!size) return error_response(size.error());
  const auto etag = api.images.thumbnail_etag(key, static_cast<int>(*size));
  if (!etag) return error_response(etag.error());
  Response response;
  response.headers = {{"ETag", "\"" + *etag + "\""}, {"Cache-Control", "private, max-age=3600"}};
  if (request.header("if-none-match").find("\"" + *etag + "\"") != std::string::npos) {
    response.status = 304;
    return response;
  }
  auto thumbnail = api.images.thumbnail(key, static_cast<int>(*size));
  if (!thumbnail) return error_response(thumbnail.error());
  response.headers.emplace_back("Content-Type", "image/jpeg");
  response.body = std::move(thumbnail->bytes);
  return response;
}

Response get_image(const BackendApi& api, const Request& request) {
  const std::string& key = request.parameters.at("key");
  const auto type = image_content_type(key);
  if (!type) return error_response(404, "there is no image \"" + key + "\" in the store");
  const auto bytes = api.images.original(key);
  if (!bytes) return error_response(bytes.error());
  Response response;
  response.headers = {{"Content-Type", std::string(*type)},
                      {"Cache-Control", "private, max-age=3600"}};
  response.body.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  return response;
}

Response delete_image(const BackendApi& api, const Request& request) {
  const std::string& key = request.parameters.at("key");
  if (auto removed = api.images.remove(key); !removed) return error_response(removed.error());
  return ok({{"success", true}, {"message", "deleted " + key}});
}

// ---- jobs ----

Result<SubmitRequest> read_submission(const Request& request) {
  const auto body = json_body(request);
  if (!body) return std::unexpected(body.error());
  SubmitRequest submit;
  const auto type_name = string_field(*body, "job_type", "");
  if (!type_name) return std::unexpected(type_name.error());
  const auto type = parse_job_type(*type_name);
  if (!type) {
    return fail(
        ErrorCode::kInvalidArgument,
        "job_type must be \"image_classification\" or \"custom_classification\"" +
            (type_name->empty() ? ""
                                : ", not \"" + std::string(utf8_prefix(*type_name, 60)) + "\""));
  }
  submit.type = *type;
  auto keys = strings_field(*body, "s3_keys");
  if (!keys) return std::unexpected(keys.error());
  auto labels = strings_field(*body, "custom_labels");
  if (!labels) return std::unexpected(labels.error());
  auto model = string_field(*body, "model", "");
  if (!model) return std::unexpected(model.error());
  const auto top_k = integer_field(*body, "top_k", 5, 1, 10);
  if (!top_k) return std::unexpected(top_k.error());
  const auto threshold = number_field(*body, "confidence_threshold", 0.5, 0, 1);
  if (!threshold) return std::unexpected(threshold.error());
  submit.s3_keys = std::move(*keys);
  submit.custom_labels = std::move(*labels);
  submit.model = std::move(*model);
  submit.top_k = *top_k;
  submit.confidence_threshold = *threshold;
  submit.idempotency_key = request.header("idempotency-key");
  return submit;
}

Response post_submit(const BackendApi& api, const Request& request) {
  const auto submit = read_submission(request);
  if (!submit) return error_response(submit.error());
  const auto job = api.jobs.submit(*submit);
  if (!job) return error_response(job.error());
  return ok({{"job_id", job->id},
             {"status", "queued"},
             {"message",
              std::to_string(job->counts.total) + " images accepted; model " + job->spec->model}},
            202);
}

Response get_status(const BackendApi& api, const Request& request) {
  const auto job = api.jobs.get(request.parameters.at("id"));
  return job ? ok(status_of_job(*job)) : error_response(job.error());
}

Response not_ready(const Job& job) {
  return ok(
      {{"job_id", job.id},
       {"status", to_string(job.status)},
       {"message", std::to_string(job.counts.done()) + " of " + std::to_string(job.counts.total) +
                       " images are done: ask again soon"}},
      202);
}

Response get_result(const BackendApi& api, const Request& request) {
  const auto job = api.jobs.get(request.parameters.at("id"));
  if (!job) return error_response(job.error());
  if (!is_final(job->status)) return not_ready(*job);
  const auto from = query_integer(request, "next_token", 0, 0, job->counts.total);
  if (!from) return error_response(from.error());
  const auto limit = query_integer(request, "limit", 0, 1, 100'000);
  if (!limit) return error_response(limit.error());
  ResultOptions options{
      .output_bucket = api.objects.bucket_name(Bucket::kOutput), .from = *from, .limit = {}};
  if (*limit > 0) options.limit = *limit;
  auto& jobs = api.jobs;
  const std::shared_ptr<ResultWriter> writer = json_result(
      *job,
      [&jobs, id = job->id](std::int64_t index, std::size_t count) {
        return jobs.records(id, index, count);
      },
      options);
  Response response;
  response.headers = {{"Content-Type", "application/json"}};
  response.stream = [writer] { return writer->next(); };
  return response;
}

Response get_csv(const BackendApi& api, const Request& request) {
  const auto job = api.jobs.get(request.parameters.at("id"));
  if (!job) return error_response(job.error());
  if (!is_final(job->status)) return not_ready(*job);
  auto& jobs = api.jobs;
  const std::shared_ptr<ResultWriter> writer =
      csv_result(*job, [&jobs, id = job->id](std::int64_t index, std::size_t count) {
        return jobs.records(id, index, count);
      });
  Response response;
  response.headers = {{"Content-Type", "text/csv; charset=utf-8"},
                      {"Content-Disposition", "attachment; filename=\"" + job->id + ".csv\""}};
  response.stream = [writer] { return writer->next(); };
  return response;
}

Response get_result_or_csv(const BackendApi& api, Request request) {
  std::string& id = request.parameters.at("id");
  constexpr std::string_view kCsv = ".csv";
  if (!id.ends_with(kCsv)) return get_result(api, request);
  id.resize(id.size() - kCsv.size());
  return get_csv(api, request);
}

Response get_jobs(const BackendApi& api, const Request& request) {
  const auto limit = query_integer(request, "limit", 100, 1, kMaxPage);
  if (!limit) return error_response(limit.error());
  JobFilter filter;
  if (const std::string status = query(request, "status"); !status.empty()) {
    filter.status = parse_job_status(status);
    if (!filter.status) {
      return error_response(
          400, "status must be pending, queued, processing, completed, failed or cancelled");
    }
  }
  if (const std::string type = query(request, "job_type"); !type.empty()) {
    filter.type = parse_job_type(type);
    if (!filter.type)
      return error_response(400, "job_type must be image_classification or custom_classification");
  }
  const auto page =
      api.jobs.list(filter, static_cast<std::size_t>(*limit), query(request, "next_token"));
  if (!page) return error_response(page.error());
  json jobs = json::array();
  for (const auto& job : page->jobs) {
    json entry = {{"job_id", job.id},
                  {"status", to_string(job.status)},
                  {"job_type", to_string(job.spec->type)},
                  {"created_at", to_rfc3339(job.created_at)},
                  {"num_images", job.counts.total}};
    if (job.completed_at) entry["completed_at"] = to_rfc3339(*job.completed_at);
    jobs.push_back(std::move(entry));
  }
  json body = {{"jobs", std::move(jobs)}, {"total", page->total}};
  if (page->next_token) body["next_token"] = *page->next_token;
  return ok(body);
}

Response job_answer(const Result<Job>& job) {
  return job ? ok(status_of_job(*job), 202) : error_response(job.error());
}

// Tells progress when it changes, a comment when it does not for long, and the end.
class Progress {
 public:
  Progress(JobService& jobs, std::string id) : jobs_(jobs), id_(std::move(id)) {}

  Result<std::optional<std::string>> next() {
    if (ended_) return std::nullopt;
    const auto job = jobs_.get(id_);
    if (!job) return std::unexpected(job.error());
    std::string data = dump(progress_of(*job));
    std::string text;
    if (data != last_) {
      last_ = std::move(data);
      quiet_ = 0;
      text = "event: progress\ndata: " + last_ + "\n\n";
    } else if (++quiet_ % kHeartbeat == 0) {
      text = ": still here\n\n";
    }
    if (is_final(job->status)) {
      ended_ = true;
      text += "event: end\ndata: " + last_ + "\n\n";
    }
    return text;
  }

 private:
  JobService& jobs_;
  std::string id_;
  std::string last_;
  int quiet_ = 0;
  bool ended_ = false;
};

Response get_events(const BackendApi& api, const Request& request) {
  const auto job = api.jobs.get(request.parameters.at("id"));
  if (!job) return error_response(job.error());
  auto progress = std::make_shared<Progress>(api.jobs, job->id);
  Response response;
  response.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
  response.stream = [progress] { return progress->next(); };
  response.interval = kEventInterval;
  return response;
}

// ---- operations ----

json model_json(const ModelInfo& model) {
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
  return entry;
}

Response get_models(const Classifier& classifier) {
  json models = json::array();
  for (const auto& model : classifier.models()) models.push_back(model_json(model));
  return ok({{"models", std::move(models)}});
}

Response get_ready(JobStore& jobs, ObjectStore& objects, WorkQueue& queue) {
  for (const auto& answer : {jobs.ping(), objects.ping(), queue.ping()}) {
    if (!answer) return error_response(503, answer.error().message);
  }
  return ok({{"status", "ready"}});
}

Response get_queue(WorkQueue& queue) {
  const auto depth = queue.depth();
  if (!depth) return error_response(depth.error());
  return ok({{"visible", depth->visible},
             {"in_flight", depth->in_flight},
             {"dead", depth->dead},
             {"oldest_age_seconds", static_cast<double>(depth->oldest_age.count()) / 1e3}});
}

Response get_dead_letters(WorkQueue& queue, const Request& request) {
  const auto limit = query_integer(request, "limit", 100, 1, kMaxPage);
  if (!limit) return error_response(limit.error());
  const auto letters = queue.dead_letters(static_cast<std::size_t>(*limit));
  if (!letters) return error_response(letters.error());
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
  return ok({{"dead_letters", std::move(list)}});
}

Response health(const Clock& clock, const char* service) {
  return ok({{"status", "healthy"}, {"service", service}, {"time", to_rfc3339(clock.now())}});
}

Response prometheus(const std::function<std::string()>& metrics) {
  Response response;
  response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  response.body = metrics();
  return response;
}

}  // namespace

void add_backend_routes(Router& router, BackendApi api) {
  const auto shared = std::make_shared<const BackendApi>(std::move(api));
  const auto with = [&](Response (*handler)(const BackendApi&, const Request&)) -> Handler {
    return [shared, handler](const Request& request) { return handler(*shared, request); };
  };
  router.add(
      "GET", "/health",
      [shared](const Request&) { return health(shared->clock, "backend-service"); }, false);
  router.add(
      "GET", "/ready",
      [shared](const Request&) {
        return get_ready(shared->job_store, shared->objects, shared->queue);
      },
      false);
  router.add("POST", "/upload-url", with(post_upload_url));
  if (shared->receive_upload) router.add("PUT", "/objects/{key+}", with(put_object), false);
  router.add("GET", "/images", with(get_images));
  router.add("GET", "/images/{key+}/thumbnail", with(get_thumbnail));
  router.add("GET", "/images/{key+}", with(get_image));
  router.add("DELETE", "/images/{key+}", with(delete_image));
  router.add("POST", "/submit", with(post_submit));
  router.add("GET", "/status/{id}", with(get_status));
  router.add("GET", "/result/{id}",
             [shared](const Request& request) { return get_result_or_csv(*shared, request); });
  router.add("GET", "/jobs", with(get_jobs));
  router.add("POST", "/jobs/{id}/cancel", [shared](const Request& request) {
    return job_answer(shared->jobs.cancel(request.parameters.at("id")));
  });
  router.add("POST", "/jobs/{id}/retry", [shared](const Request& request) {
    return job_answer(shared->jobs.retry(request.parameters.at("id")));
  });
  router.add("GET", "/events/{id}", with(get_events));
  router.add("GET", "/models", [shared](const Request&) { return get_models(shared->classifier); });
  router.add("GET", "/queue", [shared](const Request&) { return get_queue(shared->queue); });
  router.add("GET", "/queue/dead-letters",
             [shared](const Request& request) { return get_dead_letters(shared->queue, request); });
  router.add("GET", "/metrics", [shared](const Request&) { return prometheus(shared->metrics); });
}

namespace {

Response get_ml_root(const MlApi& api) {
  json models = json::array();
  for (const auto& model : api.classifier.models()) models.push_back(model.name);
  return ok({{"service", "ml-service"},
             {"version", CLASSIFIER_VERSION},
             {"models", std::move(models)},
             {"integration",
              {{"input_bucket", api.objects.bucket_name(Bucket::kInput)},
               {"output_bucket", api.objects.bucket_name(Bucket::kOutput)}}},
             {"endpoints", {"/health", "/ready", "/metrics", "/classify"}}});
}

Response get_ml_health(const MlApi& api) {
  json models = json::array();
  for (const auto& model : api.classifier.models()) {
    models.push_back({{"name", model.name}, {"loaded", model.loaded}});
  }
  return ok({{"status", "healthy"},
             {"models", std::move(models)},
             {"sqs_worker", {{"status", api.worker_runs() ? "running" : "stopped"}}}});
}

Response post_classify(const MlApi& api, const Request& request) {
  const auto submit = read_submission(request);
  if (!submit) return error_response(submit.error());
  constexpr std::size_t kMaxImages = 1'000;
  if (submit->s3_keys.empty() || submit->s3_keys.size() > kMaxImages) {
    return error_response(400, "s3_keys must name 1 to 1,000 images; for more, submit a job");
  }
  auto spec = make_spec(submit->type, submit->model, submit->custom_labels, submit->top_k,
                        submit->confidence_threshold, api.limits, api.classifier);
  if (!spec) return error_response(spec.error());
  const auto id = string_field(json::parse(request.body), "job_id", "direct");
  if (!id) return error_response(id.error());
  if (has_dot_part(*id) || id->find('/') != std::string::npos || has_control_character(*id) ||
      id->size() > 100) {
    return error_response(400, "job_id must be at most 100 characters without slashes");
  }
  std::vector<DirectImage> images;
  for (const auto& key : submit->s3_keys) images.push_back({.key = key, .content = std::nullopt});
  const auto result = classify_now(*id, std::make_shared<const JobSpec>(std::move(*spec)),
                                   std::move(images), api.objects, api.classifier, api.metrics_port,
                                   api.clock, api.pipeline, api.max_image_bytes);
  if (!result) return error_response(result.error());
  const auto writer = json_result(
      result->job,
      [&](std::int64_t from, std::size_t count) -> Result<std::vector<ImageRecord>> {
        const auto begin = result->records.begin() + from;
        const auto left = static_cast<std::size_t>(result->records.end() - begin);
        return std::vector<ImageRecord>(begin,
                                        begin + static_cast<std::ptrdiff_t>(std::min(count, left)));
      },
      {.output_bucket = api.objects.bucket_name(Bucket::kOutput), .from = 0, .limit = {}});
  std::string text;
  while (true) {
    auto piece = writer->next();
    if (!piece) return error_response(piece.error());
    if (!*piece) return json_response(200, std::move(text));
    text += **piece;
  }
}

}  // namespace

void add_ml_routes(Router& router, MlApi api) {
  const auto shared = std::make_shared<const MlApi>(std::move(api));
  router.add("GET", "/", [shared](const Request&) { return get_ml_root(*shared); }, false);
  router.add("GET", "/health", [shared](const Request&) { return get_ml_health(*shared); }, false);
  router.add(
      "GET", "/ready",
      [shared](const Request&) {
        return get_ready(shared->job_store, shared->objects, shared->queue);
      },
      false);
  router.add("GET", "/models", [shared](const Request&) { return get_models(shared->classifier); });
  router.add("GET", "/metrics", [shared](const Request&) { return prometheus(shared->metrics); });
  router.add("POST", "/classify",
             [shared](const Request& request) { return post_classify(*shared, request); });
}

}  // namespace classifier::rest
