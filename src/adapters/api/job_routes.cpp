// Jobs: submit, status, list, rename, cancel, retry, delete, events.
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/api/page_token.hpp"
#include "adapters/api/routes.hpp"
#include "adapters/http/json_body.hpp"
#include "services/job_watch.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

constexpr long long kDefaultPage = 100;
constexpr std::uint64_t kMaxSubmission = 64ULL << 20;
// A little less than the time between two polls of a watcher, so that one watcher alone sees each
// poll.
constexpr std::chrono::milliseconds kPollAge{200};

// How long the model may take to say what it thinks of labels. A submission is accepted by then,
// but its client waits for the answer.
constexpr std::chrono::milliseconds kLabelPatience{2'000};

// What a job may not have, or not yet.
void add_optional(const Job& job, json& body) {
  if (!job.name.empty()) body["name"] = job.name;
  if (job.started_at) body["started_at"] = to_rfc3339(*job.started_at);
  if (job.completed_at) body["completed_at"] = to_rfc3339(*job.completed_at);
}

Advice advice_on(const BackendApi& api, const JobSpec& spec) {
  if (api.label_advisor == nullptr) return {};
  return api.label_advisor->advice(spec, kLabelPatience);
}

http::Response post_submit(const BackendApi& api, const http::Request& request) {
  const auto submission = read_submission(request);
  if (!submission) return http::error_response(submission.error());
  if (submission->images && api.catalogue == nullptr)
    return http::error_response(422, kNoCatalogue);
  const auto job = api.job_service.submit(*submission);
  if (!job) return field_error(job.error());
  const auto count = job->counts.total;
  json body = {{"job_id", job->id},
               {"status", "queued"},
               {"message", fmt::format("{} image{} accepted for {}", count, count == 1 ? "" : "s",
                                       job->spec->model)}};
  if (auto warnings = advice_on(api, *job->spec).warnings; !warnings.empty())
    body["warnings"] = std::move(warnings);
  return http::json_response(202, body);
}

// The warnings that POST /submit would give with these labels, before anything is submitted.
http::Response post_labels_check(const BackendApi& api, const http::Request& request) {
  auto body = http::JsonBody::read(request);
  if (!body) return http::error_response(body.error());
  auto labels = body->texts("custom_labels");
  if (!labels) return http::error_response(labels.error());
  const auto model = body->text("model", "");
  if (!model) return http::error_response(model.error());
  const SubmitRequest defaults;
  const auto spec =
      make_spec(JobType::kCustomClassification, *model, std::move(*labels), defaults.top_k,
                defaults.confidence_threshold, JobLimits{}, api.classifier);
  if (!spec) return field_error(spec.error());
  auto advice = advice_on(api, *spec);
  return http::json_response(
      200, {{"warnings", std::move(advice.warnings)}, {"complete", advice.complete}});
}

http::Response job_answer(int status, const Result<Job>& job) {
  return job ? http::json_response(status, job_json(*job)) : http::error_response(job.error());
}

// The state of a job and the options it was submitted with.
http::Response details_answer(const Result<Job>& job) {
  if (!job) return http::error_response(job.error());
  json body = job_json(*job);
  body["job_type"] = to_string(job->spec->type);
  body["model"] = job->spec->model;
  body["top_k"] = job->spec->top_k;
  body["confidence_threshold"] = job->spec->confidence_threshold;
  if (!job->spec->custom_labels.empty()) body["custom_labels"] = job->spec->custom_labels;
  return http::json_response(200, body);
}

http::Response patch_job(const BackendApi& api, const http::Request& request) {
  const auto body = http::JsonBody::read(request);
  if (!body) return http::error_response(body.error());
  if (!body->has("name"))
    return http::error_response(400, "name is missing: send the new name, or null to remove it");
  const auto name = body->text("name", "");
  if (!name) return http::error_response(name.error());
  return details_answer(api.job_service.rename(request.param("id"), *name));
}

http::Response delete_job(const BackendApi& api, const http::Request& request) {
  const std::string_view id = request.param("id");
  if (auto removed = api.job_service.remove(id); !removed)
    return http::error_response(removed.error());
  return http::json_response(
      200, {{"success", true},
            {"message", fmt::format("deleted job {} and its results; the images stay", id)}});
}

Result<JobFilter> read_filter(const http::Request& request) {
  JobFilter filter;
  if (const auto status = request.query_value("status"); status && !status->empty()) {
    filter.status = parse_job_status(*status);
    if (!filter.status) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "status must be pending, queued, processing, completed, failed or cancelled, not {}",
              http::excerpt(*status)));
    }
  }
  if (const auto type = request.query_value("job_type"); type && !type->empty()) {
    filter.type = parse_job_type(*type);
    if (!filter.type) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("job_type must be image_classification or custom_classification, not {}",
                      http::excerpt(*type)));
    }
  }
  return filter;
}

http::Response get_jobs(const BackendApi& api, const http::Request& request) {
  const auto limit = http::whole_number(request, "limit", 1, kMaxPage, kDefaultPage);
  if (!limit) return http::error_response(limit.error());
  const auto filter = read_filter(request);
  if (!filter) return http::error_response(filter.error());
  const auto after = position_of("jobs", request.query_value("next_token").value_or(""));
  if (!after) return http::error_response(after.error());
  const auto page = api.jobs.list(*filter, static_cast<std::size_t>(*limit), *after);
  if (!page) return http::error_response(page.error());
  json jobs = json::array();
  for (const auto& job : page->jobs) {
    json entry = {{"job_id", job.id},
                  {"status", to_string(job.status)},
                  {"job_type", to_string(job.spec->type)},
                  {"model", job.spec->model},
                  {"created_at", to_rfc3339(job.created_at)},
                  {"num_images", job.counts.total},
                  {"done", job.counts.done()},
                  {"failed", job.counts.failed}};
    add_optional(job, entry);
    jobs.push_back(std::move(entry));
  }
  json body = {{"jobs", std::move(jobs)}, {"total", page->total}};
  if (page->next_token) body["next_token"] = page_token("jobs", *page->next_token);
  return http::json_response(200, body);
}

// Sends "progress" whenever it changes, and "end" when the job is final.
class JobEvents final : public http::EventSource {
 public:
  explicit JobEvents(std::shared_ptr<JobWatch> watch) : watch_(std::move(watch)) {}

  Poll poll() override {
    Poll poll;
    const auto answer = watch_->get(kPollAge);
    if (!answer) return poll;
    const Result<Job>& job = *answer;
    // After a transient error the job is read again; after another one the stream ends.
    if (!job) {
      poll.last = !job.error().transient();
      return poll;
    }
    std::string data = http::dump(progress_json(*job));
    poll.last = is_final(job->status);
    if (data != last_data_) poll.events.push_back({.name = "progress", .data = data});
    if (poll.last) poll.events.push_back({.name = "end", .data = data});
    last_data_ = std::move(data);
    return poll;
  }

 private:
  std::shared_ptr<JobWatch> watch_;
  std::string last_data_;
};

http::Response get_events(const BackendApi& api, JobWatches& watches,
                          const http::Request& request) {
  const auto job = api.jobs.get(request.param("id"));
  if (!job) return http::error_response(job.error());
  http::Response response;
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Accel-Buffering", "no");  // nginx must not buffer the events
  http::EventBody body;
  body.source = std::make_unique<JobEvents>(watches.of(job->id));
  response.body = std::move(body);
  return response;
}

}  // namespace

http::Response field_error(const Error& error) {
  return error.code == ErrorCode::kNotFound ? http::error_response(400, error.message)
                                            : http::error_response(error);
}

json progress_json(const Job& job) {
  return {{"job_id", job.id},
          {"status", to_string(job.status)},
          {"total", job.counts.total},
          {"done", job.counts.done()},
          {"failed", job.counts.failed}};
}

json job_json(const Job& job) {
  json body = progress_json(job);
  body["created_at"] = to_rfc3339(job.created_at);
  body["updated_at"] = to_rfc3339(job.updated_at);
  add_optional(job, body);
  if (job.error) body["error"] = *job.error;
  body["retry_count"] = job.retry_count;
  return body;
}

Result<SubmitRequest> read_submission(const http::Request& request) {
  auto body = http::JsonBody::read(request);
  if (!body) return std::unexpected(body.error());
  constexpr const char* kTypes = "\"image_classification\" or \"custom_classification\"";
  const auto type_name = body->required_text("job_type", kTypes);
  if (!type_name) return std::unexpected(type_name.error());
  const auto type = parse_job_type(*type_name);
  if (!type) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("job_type must be {}, not \"{}\"", kTypes, http::excerpt(*type_name)));
  }
  auto name = body->text("name", "");
  if (!name) return std::unexpected(name.error());
  auto keys = body->texts("s3_keys");
  if (!keys) return std::unexpected(keys.error());
  auto images = read_image_rule(*body);
  if (!images) return std::unexpected(images.error());
  auto labels = body->texts("custom_labels");
  if (!labels) return std::unexpected(labels.error());
  auto model = body->text("model", "");
  if (!model) return std::unexpected(model.error());
  const auto top_k = body->whole_number("top_k", 1, 10, 5);
  if (!top_k) return std::unexpected(top_k.error());
  const auto threshold = body->number("confidence_threshold", 0, 1, 0.5);
  if (!threshold) return std::unexpected(threshold.error());
  return SubmitRequest{.name = std::move(*name),
                       .type = *type,
                       .model = std::move(*model),
                       .s3_keys = std::move(*keys),
                       .images = std::move(*images),
                       .custom_labels = std::move(*labels),
                       .top_k = static_cast<int>(*top_k),
                       .confidence_threshold = *threshold,
                       .idempotency_key = std::string(request.headers.get("Idempotency-Key"))};
}

void add_job_routes(http::Router& router, const SharedApi& api) {
  http::RouteOptions submission;
  submission.max_body = kMaxSubmission;
  http::RouteOptions quick;
  if (api->quick_jobs) quick.run = http::RunOn::kIoThread;
  router.add("POST", "/submit", submission,
             [api](const http::Request& request) { return post_submit(*api, request); });
  router.add("POST", "/labels/check", submission,
             [api](const http::Request& request) { return post_labels_check(*api, request); });
  router.add("GET", "/status/{id}", quick, [api](const http::Request& request) {
    return job_answer(200, api->jobs.get(request.param("id")));
  });
  router.add("GET", "/jobs", {},
             [api](const http::Request& request) { return get_jobs(*api, request); });
  router.add("GET", "/jobs/{id}", {}, [api](const http::Request& request) {
    return details_answer(api->jobs.get(request.param("id")));
  });
  router.add("PATCH", "/jobs/{id}", {},
             [api](const http::Request& request) { return patch_job(*api, request); });
  http::RouteOptions removal;
  removal.audited = "job.delete";
  router.add("DELETE", "/jobs/{id}", removal,
             [api](const http::Request& request) { return delete_job(*api, request); });
  http::RouteOptions cancellation;
  cancellation.audited = "job.cancel";
  router.add("POST", "/jobs/{id}/cancel", cancellation, [api](const http::Request& request) {
    return job_answer(200, api->job_service.cancel(request.param("id")));
  });
  router.add("POST", "/jobs/{id}/retry", {}, [api](const http::Request& request) {
    return job_answer(202, api->job_service.retry(request.param("id")));
  });
  const auto watches = std::make_shared<JobWatches>(api->jobs);
  router.add("GET", "/events/{id}", {}, [api, watches](const http::Request& request) {
    return get_events(*api, *watches, request);
  });
}

}  // namespace classifier::api
