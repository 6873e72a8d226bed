// The subcommands that drive a running service.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <utility>

#include "adapters/http/client.hpp"
#include "apps/commands.hpp"
#include "services/image_service.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

HttpClient make_client(const Config& config) {
  spdlog::set_level(spdlog::level::warn);
  return {config.backend_api_url, config.api_keys.empty() ? "" : config.api_keys.front()};
}

int answer(const Result<HttpResponse>& response) {
  if (!response) return complain(response.error(), kUnreachable);
  std::cout << json::parse(response->body).dump(2) << "\n";
  return 0;
}

Result<std::vector<std::string>> stored_keys(HttpClient& client, const std::string& prefix) {
  std::vector<std::string> keys;
  std::string token;
  do {
    HttpClient::Query query{{"prefix", prefix}};
    if (!token.empty()) query.emplace_back("next_token", token);
    const auto response = client.get("/images", query);
    if (!response) return std::unexpected(response.error());
    const json page = json::parse(response->body);
    for (const auto& image : page.at("images")) keys.push_back(image.at("key"));
    token = page.value("next_token", "");
  } while (!token.empty());
  return keys;
}

// ---- upload ----

struct Upload {
  std::vector<std::string> paths;
  std::string keys_out;
};

Result<std::string> upload_one(HttpClient& client, const fs::path& file) {
  const auto type = image_content_type(file.string());
  if (!type) return fail(ErrorCode::kUnsupported, "not an image by its name");
  const json request = {{"filename", file.filename().string()}, {"content_type", *type}};
  const auto ticket = client.post_json("/upload-url", request.dump());
  if (!ticket) return std::unexpected(ticket.error());
  const json body = json::parse(ticket->body);
  const auto stored = client.put_file(body.at("upload_url").get<std::string>(), *type, file);
  if (!stored) return std::unexpected(stored.error());
  return body.at("s3_key").get<std::string>();
}

std::vector<fs::path> files_of(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const auto& path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && image_content_type(entry.path().string()))
        files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

int upload(const Config& config, const Upload& options) {
  HttpClient client = make_client(config);
  const auto files = files_of(options.paths);
  json keys = json::object();
  int failed = 0;
  for (const auto& file : files) {
    if (interrupted()) return kInterrupted;
    const auto key = upload_one(client, file);
    if (!key) {
      ++failed;
      complain({key.error().code, file.string() + ": " + key.error().message}, 0);
      if (key.error().code == ErrorCode::kUnavailable) return kUnreachable;
      continue;
    }
    keys[file.string()] = *key;
    if (options.keys_out.empty()) std::cout << *key << "\n";
  }
  if (!options.keys_out.empty()) std::ofstream(options.keys_out) << keys.dump(1) << "\n";
  std::fprintf(stderr, "%zu of %zu uploaded\n", keys.size(), files.size());
  return failed > 0 ? kSomeFailed : 0;
}

// ---- jobs ----

int watch(HttpClient& client, const std::string& job) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  while (!interrupted()) {
    const auto response = client.get("/status/" + percent_encode(job));
    if (!response) return complain(response.error(), kUnreachable);
    const json status = json::parse(response->body);
    const std::string state = status.at("status");
    if (terminal) {
      std::fprintf(stderr, "\r\x1b[K%s: %lld of %lld images", state.c_str(),
                   status.at("done").get<long long>(), status.at("total").get<long long>());
    }
    if (state == "completed" || state == "failed" || state == "cancelled") {
      if (terminal) std::fprintf(stderr, "\n");
      std::cout << status.dump(2) << "\n";
      return state == "completed" && status.at("failed") == 0 ? 0 : kSomeFailed;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  return kInterrupted;
}

struct Submit {
  std::vector<std::string> keys;
  std::string keys_file;
  std::string prefix;
  std::string labels;
  std::string model;
  std::string idempotency_key;
  int top_k = 5;
  double threshold = 0.5;
  bool all = false;
  bool watch = false;
};

Result<std::vector<std::string>> keys_to_submit(HttpClient& client, const Submit& options) {
  std::vector<std::string> keys = options.keys;
  if (options.all || !options.prefix.empty()) {
    auto stored = stored_keys(client, options.prefix);
    if (!stored) return stored;
    keys.insert(keys.end(), stored->begin(), stored->end());
  }
  if (!options.keys_file.empty()) {
    std::ifstream in(options.keys_file);
    const json document = json::parse(in, nullptr, false);
    if (document.is_discarded())
      return fail(ErrorCode::kInvalidArgument, options.keys_file + " is not JSON");
    for (const auto& key : document) keys.push_back(key.get<std::string>());
  }
  return keys;
}

int submit(const Config& config, const Submit& options) {
  HttpClient client = make_client(config);
  const auto keys = keys_to_submit(client, options);
  if (!keys) return complain(keys.error(), kUnreachable);
  json request = {
      {"job_type", options.labels.empty() ? "image_classification" : "custom_classification"},
      {"s3_keys", *keys},
      {"top_k", options.top_k},
      {"confidence_threshold", options.threshold}};
  if (!options.model.empty()) request["model"] = options.model;
  std::stringstream list(options.labels);
  for (std::string label; std::getline(list, label, ',');)
    request["custom_labels"].push_back(label);
  HttpClient::Headers headers;
  if (!options.idempotency_key.empty())
    headers.emplace_back("Idempotency-Key", options.idempotency_key);
  const auto response = client.post_json("/submit", request.dump(), headers);
  if (!response) return complain(response.error(), kUnreachable);
  const std::string job = json::parse(response->body).at("job_id");
  std::cout << job << "\n";
  return options.watch ? watch(client, job) : 0;
}

int result(const Config& config, const std::string& job, const std::string& format) {
  HttpClient client = make_client(config);
  const auto streamed =
      client.stream("/result/" + percent_encode(job) + (format == "csv" ? ".csv" : ""), {},
                    [](std::string_view bytes) {
                      std::cout << bytes;
                      return true;
                    });
  std::cout << "\n";
  return streamed ? 0 : complain(streamed.error(), kUnreachable);
}

void add_upload(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<Upload>();
  auto* command =
      app.add_subcommand("upload", "photos and folders to the service; prints their keys");
  command->add_option("PATH", options->paths, "photos and folders")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_option("--keys-out", options->keys_out,
                      "write a JSON map of file to key here instead");
  command->callback(
      [=] { set_run([=](const Config& config) { return upload(config, *options); }); });
}

void add_submit(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<Submit>();
  auto* command = app.add_subcommand("submit", "a job over stored images; prints its id");
  command->add_option("--key", options->keys, "key of an image; may come again");
  command->add_option("--keys-file", options->keys_file,
                      "JSON list of keys, or map of file to key");
  command->add_option("--prefix", options->prefix, "every stored image whose key begins so");
  command->add_flag("--all", options->all, "every stored image");
  command->add_option("--labels", options->labels, "your own categories: \"cat,dog\"");
  command->add_option("--model", options->model, "name of the model");
  command->add_option("--top-k", options->top_k, "predictions for each image, 1 to 10 [5]");
  command->add_option("--threshold", options->threshold,
                      "scores below it are unknown, 0 to 1 [0.5]");
  command->add_option("--idempotency-key", options->idempotency_key,
                      "the same key gives the same job");
  command->add_flag("--watch", options->watch, "wait until it is done");
  command->callback(
      [=] { set_run([=](const Config& config) { return submit(config, *options); }); });
}

// Commands that take a job's id, or nothing, and show what the service answers.
void add_simple(CLI::App& app, const SetRun& set_run, const char* name, const char* help,
                bool takes_job, const std::function<int(HttpClient&, const std::string&)>& run) {
  auto job = std::make_shared<std::string>();
  auto* command = app.add_subcommand(name, help);
  if (takes_job) command->add_option("JOB", *job, "the job's id")->required();
  command->callback([=] {
    set_run([=](const Config& config) {
      HttpClient client = make_client(config);
      return run(client, *job);
    });
  });
}

}  // namespace

void add_client_commands(CLI::App& app, const SetRun& set_run) {
  add_upload(app, set_run);
  add_submit(app, set_run);
  auto job = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("json");
  auto* command = app.add_subcommand("result", "of a job");
  command->add_option("JOB", *job, "the job's id")->required();
  command->add_option("--format", *format, "json or csv [json]")
      ->check(CLI::IsMember({"json", "csv"}));
  command->callback(
      [=] { set_run([=](const Config& config) { return result(config, *job, *format); }); });
  add_simple(app, set_run, "watch", "a job until it is done", true, watch);
  add_simple(app, set_run, "jobs", "the latest jobs", false,
             [](HttpClient& client, const std::string&) { return answer(client.get("/jobs")); });
  add_simple(app, set_run, "images", "keys of the stored images", false,
             [](HttpClient& client, const std::string&) {
               const auto keys = stored_keys(client, "");
               if (!keys) return complain(keys.error(), kUnreachable);
               for (const auto& key : *keys) std::cout << key << "\n";
               return 0;
             });
  add_simple(app, set_run, "models", "that are installed", false,
             [](HttpClient& client, const std::string&) { return answer(client.get("/models")); });
  add_simple(app, set_run, "cancel", "what is left of a job", true,
             [](HttpClient& client, const std::string& id) {
               return answer(client.post_json("/jobs/" + percent_encode(id) + "/cancel", "{}"));
             });
  add_simple(app, set_run, "retry", "the failed images of a job", true,
             [](HttpClient& client, const std::string& id) {
               return answer(client.post_json("/jobs/" + percent_encode(id) + "/retry", "{}"));
             });
}

}  // namespace classifier
