// The opaque tokens of pages.
#pragma once

#include <string>
#include <string_view>

#include "domain/error.hpp"

namespace classifier::api {

// The token of the page of `list` ("images") that begins at `position`.
std::string page_token(std::string_view list, std::string_view position);

// The position of a token; empty for an empty token, which is that of the first page.
// kInvalidArgument if page_token() did not make it for this list.
Result<std::string> position_of(std::string_view list, std::string_view token);

}  // namespace classifier::api
