// What the subcommands that drive a service share.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "adapters/client/http_client.hpp"
#include "apps/config.hpp"

namespace classifier {

// A client of BACKEND_API_URL whose calls end at Ctrl-C.
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

// The body of an answer as JSON. kInternal where it is none: the URL is then not this service's.
Result<nlohmann::json> json_body(const Result<HttpResponse>& response);

// Says why a call failed; the exit code is kInterrupted after Ctrl-C, else kUnreachable.
int call_failed(const Error& error);

// Prints the answer as indented JSON.
int print_json(const Result<HttpResponse>& response);

// "2026-11-24 02:10:03" of an RFC 3339 time; empty for none.
std::string short_time(const nlohmann::json& object, const char* field);

}  // namespace classifier
