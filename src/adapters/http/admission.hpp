// Decides whether a request reaches its handler. Internal to the server.
#pragma once

#include "adapters/http/exchange.hpp"
#include "adapters/http/request_head.hpp"
#include "adapters/http/server.hpp"

namespace classifier::http {

// Finds the route and checks rates, the API key and the size of the body. Sets the answer of a
// request that is refused, or that needs no handler.
void admit(const Site& site, const RequestParser& parser, Exchange& exchange);

}  // namespace classifier::http
