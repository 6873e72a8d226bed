// What the handlers of the API share. Internal to the API.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "adapters/api/backend_api.hpp"
#include "services/result_format.hpp"

namespace classifier::api {

// Entries of one page of a list, at most.
constexpr long long kMaxPage = 1'000;

using SharedApi = std::shared_ptr<const BackendApi>;

void add_image_routes(http::Router& router, const SharedApi& api);
void add_upload_routes(http::Router& router, const SharedApi& api);
void add_job_routes(http::Router& router, const SharedApi& api);
void add_result_routes(http::Router& router, const SharedApi& api);
void add_operation_routes(http::Router& router, const SharedApi& api);
void add_documentation_routes(http::Router& router, const SharedApi& api);

// `{"status": "ready"}`, or 503 and the first reason why not.
http::Response readiness(const std::function<Result<void>()>& stores_answer);
http::Response models_answer(const Classifier& classifier);
http::Response metrics_answer(const std::function<std::string()>& text);

// The fields of a job that classification needs; shared by /submit and /classify.
Result<SubmitRequest> read_submission(const http::Request& request);

// As error_response; but what a field of the body names and is not there, such as a model, makes
// the body wrong (400): 404 is about the URL.
http::Response field_error(const Error& error);

// `{job_id, status, total, done, failed}`
nlohmann::json progress_json(const Job& job);
nlohmann::json job_json(const Job& job);

// Sends a result as it is written.
http::Response stream_result(std::unique_ptr<ResultWriter> writer, std::string_view content_type);

// Where clients reach this service; empty when the request does not say.
std::string base_url_of(const BackendApi& api, const http::Request& request);

}  // namespace classifier::api
