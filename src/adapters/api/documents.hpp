// Texts that are built into the program.
#pragma once

#include <string_view>

namespace classifier::api {

extern const std::string_view kOpenApi;  // JSON, with a server and a version to be filled in
extern const std::string_view kDocsPage;
extern const std::string_view kDocsStyle;
extern const std::string_view kDocsScript;

}  // namespace classifier::api
