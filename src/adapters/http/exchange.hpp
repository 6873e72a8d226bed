// One request and its answer. Internal to the server.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/request.hpp"
#include "adapters/http/response.hpp"
#include "adapters/http/router.hpp"

namespace classifier::http {

// The share of one request of the memory for bodies; its destruction returns it.
class BodyBudget {
 public:
  // `used` counts the bytes of all requests, at most `max`.
  BodyBudget(std::atomic<std::uint64_t>& used, std::uint64_t max) : used_(used), max_(max) {}
  ~BodyBudget() { used_ -= held_; }
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  // False, and nothing is taken, if that much is not left.
  bool take(std::uint64_t bytes) {
    if (used_.fetch_add(bytes) + bytes > max_) {
      used_ -= bytes;
      return false;
    }
    held_ += bytes;
    return true;
  }

 private:
  std::atomic<std::uint64_t>& used_;
  const std::uint64_t max_;
  std::uint64_t held_ = 0;
};

struct Exchange {
  Exchange(std::atomic<std::uint64_t>& body_bytes, std::uint64_t max_body_bytes)
      : budget(body_bytes, max_body_bytes) {}

  Request request;
  RouteMatch match;
  std::optional<Response> response;
  std::optional<std::string> first_piece;  // of a streamed answer
  BodyBudget budget;
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
