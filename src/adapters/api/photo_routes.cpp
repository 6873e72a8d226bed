// One image: what its file says, and what the jobs found.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>

#include "adapters/api/page_token.hpp"
#include "adapters/api/routes.hpp"

namespace classifier::api {
namespace {

using nlohmann::json;

constexpr long long kDefaultPredictions = 100;

json camera_json(const CameraFacts& camera) {
  json fields = json::object();
  if (!camera.make.empty()) fields["make"] = camera.make;
  if (!camera.model.empty()) fields["model"] = camera.model;
  if (!camera.lens.empty()) fields["lens"] = camera.lens;
  if (camera.exposure_s) fields["exposure_s"] = *camera.exposure_s;
  if (camera.f_number) fields["f_number"] = *camera.f_number;
  if (camera.iso) fields["iso"] = *camera.iso;
  if (camera.focal_length_mm) fields["focal_length_mm"] = *camera.focal_length_mm;
  return fields;
}

http::Response get_info(const BackendApi& api, const http::Request& request) {
  const auto details = api.details.get(request.param("key"));
  if (!details) return http::error_response(details.error());
  const ImageFacts& facts = details->facts;
  json body = {{"key", details->object.key},
               {"name", details->name},
               {"size", details->object.size},
               {"content_type", facts.content_type},
               {"last_modified", to_rfc3339(details->object.last_modified)}};
  if (!details->object.etag.empty()) body["etag"] = details->object.etag;
  if (facts.width > 0) {
    body["width"] = facts.width;
    body["height"] = facts.height;
  }
  if (facts.taken_at) body["taken_at"] = to_rfc3339(*facts.taken_at);
  if (details->uploaded_at) body["uploaded_at"] = to_rfc3339(*details->uploaded_at);
  if (!details->batch.empty()) body["batch"] = details->batch;
  if (!details->sha256.empty()) body["sha256"] = details->sha256;
  if (json camera = camera_json(facts.camera); !camera.empty()) body["camera"] = std::move(camera);
  return http::json_response(200, body);
}

// The names of the counts of a job.
std::string_view name_of_state(ImageState state) {
  switch (state) {
    case ImageState::kClassified:
      return "classified";
    case ImageState::kUnknown:
      return "unknown";
    case ImageState::kFailed:
      break;
  }
  return "failed";
}

json prediction_json(const JobRecord& found) {
  const Job& job = found.job;
  const ImageOutcome& outcome = *found.record.outcome;
  json entry = {{"job_id", job.id},
                {"job_type", to_string(job.spec->type)},
                {"model", job.spec->model},
                {"created_at", to_rfc3339(job.created_at)},
                {"confidence_threshold", job.spec->confidence_threshold},
                {"index", found.record.index},
                {"status", name_of_state(state_of(outcome, *job.spec))},
                {"all_predictions", json::array()}};
  if (!job.name.empty()) entry["job_name"] = job.name;
  if (const auto* const error = std::get_if<Error>(&outcome.result)) {
    entry["error"] = error->message;
    return entry;
  }
  for (const auto& prediction : std::get<Predictions>(outcome.result)) {
    entry["all_predictions"].push_back(
        {{"label", prediction.label}, {"score", score_of(prediction.score)}});
  }
  if (!outcome.warning.empty()) entry["warning"] = outcome.warning;
  return entry;
}

http::Response get_predictions(const BackendApi& api, const http::Request& request) {
  const auto limit = http::whole_number(request, "limit", 1, kMaxPage, kDefaultPredictions);
  if (!limit) return http::error_response(limit.error());
  const auto after = position_of("predictions", request.query_value("next_token").value_or(""));
  if (!after) return http::error_response(after.error());
  auto page =
      api.jobs.records_of_image(request.param("key"), static_cast<std::size_t>(*limit), *after);
  if (!page) {
    const bool unsupported = page.error().code == ErrorCode::kUnsupported;
    return unsupported ? http::error_response(422, page.error().message)
                       : http::error_response(page.error());
  }
  json predictions = json::array();
  for (const auto& found : page->records) predictions.push_back(prediction_json(found));
  json body = {{"predictions", std::move(predictions)}};
  if (page->next_token) body["next_token"] = page_token("predictions", *page->next_token);
  return http::json_response(200, body);
}

}  // namespace

void add_photo_routes(http::Router& router, const SharedApi& api) {
  router.add("GET", "/images/{key+}/info", {},
             [api](const http::Request& request) { return get_info(*api, request); });
  router.add("GET", "/images/{key+}/predictions", {},
             [api](const http::Request& request) { return get_predictions(*api, request); });
}

}  // namespace classifier::api
