// The subcommands that list or change what a service has: images, delete, trash, health, queue.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
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

struct Deletion {
  std::vector<std::string> keys;
  bool trash = false;
};

int delete_images(const Config& config, const Deletion& options) {
  BackendClient client(config);
  int code = 0;
  for (const auto& key : options.keys) {
    const auto removed =
        client->del("/images/" + percent_encode(key) + (options.trash ? "?trash=true" : ""));
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

// All entries of `GET /trash`.
Result<std::vector<json>> trashed_images(HttpClient& client) {
  std::vector<json> images;
  std::string token;
  do {
    HttpClient::Query query{{"limit", "1000"}};
    if (!token.empty()) query.emplace_back("next_token", token);
    const auto page = json_body(client.get("/trash", query));
    if (!page) return std::unexpected(page.error());
    for (const auto& image : page->value("images", json::array())) images.push_back(image);
    token = page->value("next_token", "");
  } while (!token.empty());
  return images;
}

int list_trash(const Config& config, const std::string& format) {
  BackendClient client(config);
  const auto images = trashed_images(*client);
  if (!images) return call_failed(images.error());
  if (format == "json") {
    std::cout << json(*images).dump(2) << "\n";
  } else if (format == "keys") {
    for (const auto& image : *images) std::cout << image.value("key", "") << "\n";
  } else {
    double bytes = 0;
    Table table({"SIZE", "DELETED (UTC)", "EXPIRES (UTC)", "KEY"});
    for (const auto& image : *images) {
      bytes += image.value("size", 0.0);
      table.add({human_bytes(image.value("size", 0.0)), short_time(image, "deleted_at"),
                 short_time(image, "expires_at"), image.value("key", "")});
    }
    table.print(std::cout);
    note(fmt::format("{} images, {}", images->size(), human_bytes(bytes)));
  }
  return 0;
}

struct Restoration {
  std::vector<std::string> keys;
  bool all = false;
};

int restore_images(const Config& config, const Restoration& options) {
  if (options.all != options.keys.empty())
    return complain({ErrorCode::kInvalidArgument, "give keys, or --all"}, kUsage);
  BackendClient client(config);
  std::vector<std::string> keys = options.keys;
  if (options.all) {
    const auto images = trashed_images(*client);
    if (!images) return call_failed(images.error());
    for (const auto& image : *images) keys.push_back(image.value("key", ""));
  }
  int code = 0;
  const auto failed = [&](const std::string& key, const std::string& why) {
    code = complain({ErrorCode::kNotFound, fmt::format("{}: {}", key, why)}, kSomeFailed);
  };
  constexpr std::size_t kAtOnce = 1'000;
  for (std::size_t begin = 0; begin < keys.size(); begin += kAtOnce) {
    const json some(std::vector<std::string>(
        keys.begin() + static_cast<std::ptrdiff_t>(begin),
        keys.begin() + static_cast<std::ptrdiff_t>(std::min(begin + kAtOnce, keys.size()))));
    const auto answer = json_body(client->post_json("/trash/restore", json{{"keys", some}}.dump()));
    if (!answer) return call_failed(answer.error());
    for (const auto& key : answer->value("restored", std::vector<std::string>()))
      std::cout << key << "\n";
    for (const auto& key : answer->value("missing", std::vector<std::string>()))
      failed(key, "it is not in the trash");
    for (const auto& conflict : answer->value("conflicts", json::array()))
      failed(conflict.value("key", ""), conflict.value("error", ""));
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

void add_trash_command(CLI::App& app, const SetRun& set_run, const char* group) {
  auto format = std::make_shared<std::string>("table");
  auto* trash = app.add_subcommand("trash", "List the images in the trash; take them back");
  trash->group(group);
  trash->add_option("--format", *format, "output format (default: table)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "keys", "json"}));
  trash->callback([=] {
    if (!trash->get_subcommands().empty()) return;
    set_run([=](const Config& config) { return list_trash(config, *format); });
  });
  set_help_notes(*trash,
                 {.settings_of = kClients,
                  .examples = {{"classifier trash restore --all", "Take all of them back"}}});

  auto restoration = std::make_shared<Restoration>();
  auto* command =
      trash->add_subcommand("restore", "Put images back where they were; prints their keys");
  command->add_option("KEY", restoration->keys, "keys of images, as `classifier trash` lists them");
  command->add_flag("--all", restoration->all, "all that are in the trash");
  set_help_notes(*command, {.settings_of = kClients});
  command->callback(
      [=] { set_run([=](const Config& config) { return restore_images(config, *restoration); }); });

  command = trash->add_subcommand("empty", "Delete all images in the trash for good");
  set_help_notes(*command, {.settings_of = kClients});
  command->callback([=] {
    set_run([](const Config& config) {
      BackendClient client(config);
      return print_json(client->del("/trash"));
    });
  });
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

  auto deletion = std::make_shared<Deletion>();
  command = app.add_subcommand(
      "delete", "Delete uploaded images, for good or into the trash; prints the deleted keys");
  command->group(kGroup);
  command->add_option("KEY", deletion->keys, "keys of images, as `classifier images` lists them")
      ->required();
  command->add_flag(
      "--trash", deletion->trash,
      "move them into the trash; otherwise they are deleted for good, also from there");
  set_help_notes(*command, {.settings_of = kClients});
  command->callback(
      [=] { set_run([=](const Config& config) { return delete_images(config, *deletion); }); });

  add_trash_command(app, set_run, kGroup);

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
