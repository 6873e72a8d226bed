// One request and its answer. Internal to the server.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/request.hpp"
#include "adapters/http/response.hpp"
#include "adapters/http/router.hpp"
#include "support/memory_budget.hpp"

namespace classifier::http {

struct Exchange {
  Exchange(MemoryBudget& bodies, MemoryBudget& answers)
      : body_memory(bodies), answer_memory(answers) {}

  Request request;
  RouteMatch match;
  std::optional<Response> response;
  std::optional<std::string> first_piece;  // of a streamed answer
  MemoryShare body_memory;
  MemoryShare answer_memory;
  bool http11 = true;
  bool keep_alive = true;
  bool wants_continue = false;
  bool client_gone = false;  // nobody would read the answer
  bool body_unread = false;  // more of the body may arrive
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point body_deadline =
      std::chrono::steady_clock::time_point::max();

  const RouteOptions& options() const {
    static const RouteOptions defaults;
    return match.route == nullptr ? defaults : match.route->options;
  }

  bool is_head() const { return request.method == "HEAD"; }

  // Sets an error as the answer, and closes the connection after it: where the next request begins
  // is unknown.
  void reject(int status, std::string_view message) {
    response = error_response(status, message);
    keep_alive = false;
  }
};

}  // namespace classifier::http
