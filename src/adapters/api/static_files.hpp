// The built dashboard, served from memory.
#pragma once

#include <filesystem>

#include "adapters/http/router.hpp"

namespace classifier::api {

// Serves the files of `folder`: index.html at "/", and for every other path that a browser opens as
// a page and that is not the API's, since the page reads the rest of the path itself. Files below
// assets/ have a hash in their names and are cached for ever; all have an ETag. Without an
// index.html, "/" is a short page that says how to build it.
//
// The files are read now: nothing that a client sends ever becomes a path of the file system.
void add_dashboard_routes(http::Router& router, const std::filesystem::path& folder);

}  // namespace classifier::api
