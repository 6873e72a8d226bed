// The built dashboard, served from memory.
#pragma once

#include <filesystem>

#include "adapters/http/router.hpp"

namespace classifier::api {

// Serves the files of `folder`, with index.html at "/" and at every other path that a browser opens
// as a page and that is not the API's: the page itself reads the path. Files below assets/ have a
// hash in their names and are cached for ever; all files have an ETag. Without an index.html, "/"
// is a short page that says how to build the dashboard.
//
// All files are read at once, so that nothing that a client sends is used as a path of the file
// system.
void add_dashboard_routes(http::Router& router, const std::filesystem::path& folder);

}  // namespace classifier::api
