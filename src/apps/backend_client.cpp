#include "apps/backend_client.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <iostream>

#include "apps/commands.hpp"

namespace classifier {

BackendClient::BackendClient(const Config& config) {
  spdlog::set_level(spdlog::level::warn);
  catch_interrupts();
  watcher_ = std::jthread([stop = stop_](const std::stop_token& ended) mutable {
    while (!ended.stop_requested() && !interrupted())
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  HttpClientOptions options;
  options.stop = stop_.get_token();
  client_ = std::make_unique<HttpClient>(
      config.backend_api_url, config.api_keys.empty() ? "" : config.api_keys.front().secret,
      options);
}

Result<nlohmann::json> json_body(const Result<HttpResponse>& response) {
  if (!response) return std::unexpected(response.error());
  auto body = nlohmann::json::parse(response->body, nullptr, false);
  if (!body.is_object())
    return fail(ErrorCode::kInternal, "the server at BACKEND_API_URL is not a classifier service");
  return body;
}

int call_failed(const Error& error) {
  if (interrupted()) return kInterrupted;
  return complain(error, kUnreachable);
}

int print_json(const Result<HttpResponse>& response) {
  const auto body = json_body(response);
  if (!body) return call_failed(body.error());
  std::cout << body->dump(2) << "\n";
  return 0;
}

std::string short_time(const nlohmann::json& object, const char* field) {
  std::string text = object.value(field, "");
  if (text.size() < 19) return text;
  text.resize(19);
  text[10] = ' ';
  return text;
}

}  // namespace classifier
