// Shared by the files of the API. Internal to it.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/api/backend_api.hpp"
#include "adapters/http/json_body.hpp"
#include "services/result_format.hpp"

namespace classifier::api {

// The most entries on one page of a list.
constexpr long long kMaxPage = 1'000;

using SharedApi = std::shared_ptr<const BackendApi>;

void add_image_routes(http::Router& router, const SharedApi& api);
void add_trash_routes(http::Router& router, const SharedApi& api);
void add_photo_routes(http::Router& router, const SharedApi& api);
void add_upload_routes(http::Router& router, const SharedApi& api);
void add_job_routes(http::Router& router, const SharedApi& api);
void add_result_routes(http::Router& router, const SharedApi& api);
void add_search_routes(http::Router& router, const SharedApi& api);
void add_operation_routes(http::Router& router, const SharedApi& api);
void add_label_set_routes(http::Router& router, const SharedApi& api);
void add_documentation_routes(http::Router& router, const SharedApi& api);

// `{"status": "ready"}`, or 503 with the error of a store that does not answer.
http::Response readiness(const std::function<Result<void>()>& stores_answer);
http::Response models_answer(const Classifier& classifier);
http::Response groups_answer(const Classifier& classifier, std::string_view model);
http::Response metrics_answer(const std::function<std::string()>& text);

// The fields of the body that /submit and /classify share.
Result<SubmitRequest> read_submission(const http::Request& request);

// The conditions of `images` in the body of /submit; nullopt where it is not given.
Result<std::optional<ImageRule>> read_image_rule(const http::JsonBody& body);

// Like error_response, but 400 instead of 404: what was not found, such as a model, is named in the
// body, not in the URL.
http::Response field_error(const Error& error);

// `{job_id, status, total, done, failed}`
nlohmann::json progress_json(const Job& job);
nlohmann::json job_json(const Job& job);

// Whether the request has trash=true. kInvalidArgument for another value than true or false, and
// where there is no trash.
Result<bool> asks_trash(const BackendApi& api, const http::Request& request);
// Moves the image of the path into the trash.
http::Response put_into_trash(const BackendApi& api, std::string_view key);

// Sends a result piece by piece.
http::Response stream_result(std::unique_ptr<ResultWriter> writer, std::string_view content_type);

// The URL under which clients reach this service; empty if it is not configured and the request has
// no Host.
std::string base_url_of(const BackendApi& api, const http::Request& request);

}  // namespace classifier::api
