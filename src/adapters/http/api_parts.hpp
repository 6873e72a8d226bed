// What the handlers of the API share. Internal to the API.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "adapters/http/backend_api.hpp"
#include "services/result_format.hpp"

namespace classifier::http {

using SharedApi = std::shared_ptr<const BackendApi>;

void add_image_routes(Router& router, const SharedApi& api);
void add_upload_routes(Router& router, const SharedApi& api);
void add_job_routes(Router& router, const SharedApi& api);
void add_result_routes(Router& router, const SharedApi& api);
void add_operation_routes(Router& router, const SharedApi& api);
void add_documentation_routes(Router& router, const SharedApi& api);

// `{"status": "ready"}`, or 503 and the first reason why not.
Response readiness(const std::function<Result<void>()>& stores_answer);
Response models_answer(const Classifier& classifier);
Response metrics_answer(const std::function<std::string()>& text);

// The fields of a job that classification needs; shared by /submit and /classify.
Result<SubmitRequest> read_submission(const Request& request);

// As error_response; but what a field of the body names and is not there, such as a model, makes
// the body wrong (400): 404 is about the URL.
Response field_error(const Error& error);

// `{job_id, status, total, done, failed}`
nlohmann::json progress_json(const Job& job);
nlohmann::json job_json(const Job& job);

// Sends a result as it is written.
Response stream_result(std::unique_ptr<ResultWriter> writer, std::string_view content_type);

// Where clients reach this service; empty when the request does not say.
std::string base_url_of(const BackendApi& api, const Request& request);

}  // namespace classifier::http
