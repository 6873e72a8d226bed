// Texts that are built into the program.
#pragma once

#include <string_view>

namespace classifier::api {

extern const std::string_view kOpenApi;  // JSON; the server and the version are filled in later
extern const std::string_view kDocsPage;
extern const std::string_view kDocsStyle;
extern const std::string_view kDocsScript;

}  // namespace classifier::api
