// The subcommands that list or change what a service has: images, delete, health, queue.
#include <spdlog/fmt/fmt.h>

#include <iostream>
#include <utility>

#include "apps/backend_client.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/terminal.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

using nlohmann::json;

struct Listing {
  std::string prefix;
  std::string format = "table";
};

int list_images(const Config& config, const Listing& options) {
  BackendClient client(config);
  const auto images = stored_images(*client, options.prefix);
  if (!images) return call_failed(images.error());
  if (options.format == "json") {
    std::cout << json(*images).dump(2) << "\n";
  } else if (options.format == "keys") {
    for (const auto& image : *images) std::cout << image.value("key", "") << "\n";
  } else {
    Table table({"SIZE", "CHANGED (UTC)", "KEY"});
    for (const auto& image : *images) {
      table.add({human_bytes(image.value("size", 0.0)), short_time(image, "last_modified"),
                 image.value("key", "")});
    }
    table.print(std::cout);
    note(fmt::format("{} images", images->size()));
  }
  return 0;
}

int delete_images(const Config& config, const std::vector<std::string>& keys) {
  BackendClient client(config);
  int code = 0;
  for (const auto& key : keys) {
    const auto removed = client->del("/images/" + percent_encode(key));
    if (removed) {
      std::cout << key << "\n";
    } else if (removed.error().code == ErrorCode::kNotFound) {
      code = complain({removed.error().code, fmt::format("{}: {}", key, removed.error().message)},
                      kSomeFailed);
    } else {
      return call_failed(removed.error());
    }
  }
  return code;
}

int health(const Config& config) {
  BackendClient client(config);
  const auto alive = json_body(client->get("/health"));
  if (!alive) return call_failed(alive.error());
  const auto ready = json_body(client->get("/ready"));
  if (!ready) {
    return complain(
        {ready.error().code, fmt::format("alive, but not ready: {}", ready.error().message)},
        kUnreachable);
  }
  std::cout << fmt::format("{} is {} and {}\n", config.backend_api_url, alive->value("status", ""),
                           ready->value("status", ""));
  return 0;
}

}  // namespace

Result<std::vector<json>> stored_images(HttpClient& client, const std::string& prefix) {
  std::vector<json> images;
  std::string token;
  do {
    HttpClient::Query query{{"prefix", prefix}, {"limit", "1000"}};
    if (!token.empty()) query.emplace_back("next_token", token);
    const auto page = json_body(client.get("/images", query));
    if (!page) return std::unexpected(page.error());
    for (const auto& image : page->value("images", json::array())) images.push_back(image);
    token = page->value("next_token", "");
  } while (!token.empty());
  return images;
}

void add_store_commands(CLI::App& app, const SetRun& set_run) {
  constexpr const char* kGroup = "Client of a running service";
  auto images = std::make_shared<Listing>();
  auto* command = app.add_subcommand("images", "List uploaded images");
  command->group(kGroup);
  command->add_option("--prefix", images->prefix, "only images whose key begins with PREFIX")
      ->type_name("PREFIX");
  command->add_option("--format", images->format, "output format (default: table)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "keys", "json"}));
  set_help_notes(*command,
                 {.settings_of = kClients,
                  .examples = {{"classifier images --format keys | head -3", "Three keys"}}});
  command->callback(
      [=] { set_run([=](const Config& config) { return list_images(config, *images); }); });

  auto keys = std::make_shared<std::vector<std::string>>();
  command =
      app.add_subcommand("delete", "Delete uploaded images permanently; prints the deleted keys");
  command->group(kGroup);
  command->add_option("KEY", *keys, "keys of images, as `classifier images` lists them")
      ->required();
  set_help_notes(*command, {.settings_of = kClients});
  command->callback(
      [=] { set_run([=](const Config& config) { return delete_images(config, *keys); }); });

  command = app.add_subcommand("health", "Check whether the service is alive and ready");
  command->group(kGroup);
  set_help_notes(*command, {.settings_of = kClients});
  command->callback([=] { set_run(health); });

  command = app.add_subcommand("queue",
                               "Show how many images wait, are in progress, and are dead letters");
  command->group(kGroup);
  set_help_notes(*command, {.settings_of = kClients});
  command->callback([=] {
    set_run([](const Config& config) {
      BackendClient client(config);
      return print_json(client->get("/queue"));
    });
  });
}

}  // namespace classifier
