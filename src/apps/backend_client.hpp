// Shared by the subcommands that call a service.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "adapters/client/http_client.hpp"
#include "apps/config.hpp"

namespace classifier {

// A client of BACKEND_API_URL; Ctrl-C ends its calls.
class BackendClient {
 public:
  explicit BackendClient(const Config& config);
  HttpClient& operator*() { return *client_; }
  HttpClient* operator->() { return client_.get(); }

 private:
  std::stop_source stop_;
  std::jthread watcher_;
  std::unique_ptr<HttpClient> client_;
};

// The body of a response as JSON. kInternal if it is not JSON: the server is not this service.
Result<nlohmann::json> json_body(const Result<HttpResponse>& response);

// Reports why a call failed; the exit code is kInterrupted after Ctrl-C, else kUnreachable.
int call_failed(const Error& error);

// Prints the response as indented JSON.
int print_json(const Result<HttpResponse>& response);

// "2026-11-24 02:10:03" for an RFC 3339 time; empty if there is none.
std::string short_time(const nlohmann::json& object, const char* field);

}  // namespace classifier
