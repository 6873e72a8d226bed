// Lists of the catalogue: GET /images with its parameters, GET /folders, GET /batches, GET
// /dates, and `images` of POST
// /submit.
#pragma once

#include "adapters/api/routes.hpp"

namespace classifier::api {

// Whether a parameter is given that only a catalogue can answer.
bool asks_catalogue(const http::Request& request);

// The conditions of the query but `q`, which is what is searched for.
Result<ImageFilter> read_search_filter(const http::Request& request);

http::Response list_images(const BackendApi& api, const http::Request& request);
http::Response list_folders(const BackendApi& api, const http::Request& request);
http::Response list_batches(const BackendApi& api, const http::Request& request);
http::Response list_dates(const BackendApi& api);

}  // namespace classifier::api
