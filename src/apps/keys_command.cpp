// `classifier keys`: manages the API keys in the key file.
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <optional>
#include <utility>

#include "adapters/access/audit_log.hpp"
#include "adapters/access/key_file.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/terminal.hpp"
#include "ports/clock.hpp"

namespace classifier {
namespace {

struct KeyOptions {
  std::string name;
  std::string role;
  std::optional<int> days;  // until it expires; 0: never
  std::string keep_old;
};

// "90s", "30m", "24h" or "7d"; nullopt for anything else.
std::optional<std::chrono::seconds> parse_duration(const std::string& text) {
  constexpr std::chrono::days kMost{3'650};
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || end + 1 != text.data() + text.size())
    return std::nullopt;
  std::chrono::seconds unit{0};
  switch (*end) {
    case 's':
      unit = std::chrono::seconds(1);
      break;
    case 'm':
      unit = std::chrono::minutes(1);
      break;
    case 'h':
      unit = std::chrono::hours(1);
      break;
    case 'd':
      unit = std::chrono::days(1);
      break;
    default:
      return std::nullopt;
  }
  if (number > kMost / unit) return std::nullopt;
  return number * unit;
}

Result<KeyFileEditor> open_file(const Config& config) {
  if (config.api_keys_file.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "on AWS there is no key file unless API_KEYS_FILE names one: set it, or list the "
                "keys in API_KEYS");
  }
  return KeyFileEditor::open(config.api_keys_file);
}

// Records a change in the audit log, by the user of this machine.
void record(const Config& config, const char* action, const std::string& name) {
  AuditEvent event;
  event.time = SystemClock().now();
  event.action = action;
  event.address = "local user " + std::to_string(::getuid());
  event.target = name;
  AuditLog(config.audit_log).write(event);
}

// Not through std::cout, which would end the process silently at a closed pipe: the user must learn
// that a key exists that was not shown.
int show_secret(const ApiKey& key) {
  if (std::fprintf(stdout, "%s\n", key.secret.c_str()) < 0 || std::fflush(stdout) != 0) {
    return complain(
        {ErrorCode::kExhausted,
         fmt::format("cannot write to standard output: the key is valid, but was not shown; run "
                     "`classifier keys rotate {}` to get another",
                     key.name)},
        kSomeFailed);
  }
  note("This is the only time that the key is shown. It is valid immediately, without a restart.");
  return 0;
}

// The exit code for an error of a command about keys.
int failed(const Error& error) {
  return complain(error, error.code == ErrorCode::kInvalidArgument ? kUsage : kSomeFailed);
}

int add(const Config& config, const KeyOptions& options) {
  if (!is_key_name(options.name)) {
    return complain({ErrorCode::kInvalidArgument,
                     "the name of a key must have 1 to 64 letters, digits, dots, dashes and "
                     "underscores"},
                    kUsage);
  }
  auto file = open_file(config);
  if (!file) return failed(file.error());
  const TimePoint now = SystemClock().now();
  std::optional<TimePoint> expires;
  if (options.days) expires = now + std::chrono::days(*options.days);
  const ApiKey key{
      .name = options.name, .role = *parse_role(options.role), .secret = make_secret()};
  if (auto added = file->add(store_key(key, now, expires), now); !added)
    return failed(added.error());
  if (auto saved = file->save(); !saved) return failed(saved.error());
  record(config, "key.add", options.name);
  return show_secret(key);
}

int list(const Config& config) {
  if (config.api_keys_file.empty()) return failed(open_file(config).error());
  const auto keys = read_key_file(config.api_keys_file);
  if (!keys && keys.error().code != ErrorCode::kNotFound) return failed(keys.error());
  Table table({"NAME", "ROLE", "CREATED (UTC)", "EXPIRES (UTC)"});
  const auto time = [](TimePoint point) { return to_rfc3339(point).substr(0, 19); };
  for (const auto& key : keys.value_or(std::vector<StoredKey>())) {
    const bool expired = key.expires && *key.expires <= SystemClock().now();
    table.add({key.name, std::string(to_string(key.role)), time(key.created),
               key.expires ? time(*key.expires) + (expired ? " (expired)" : "") : "never"});
  }
  table.print(std::cout);
  note(fmt::format("in {}", config.api_keys_file.string()));
  return 0;
}

int remove(const Config& config, const KeyOptions& options) {
  auto file = open_file(config);
  if (!file) return failed(file.error());
  if (auto removed = file->remove(options.name); !removed) return failed(removed.error());
  if (auto saved = file->save(); !saved) return failed(saved.error());
  record(config, "key.remove", options.name);
  if (file->keys().empty()) {
    note(
        fmt::format("There are no keys left in {}: requests are refused until one is added. To "
                    "require no keys, delete the file.",
                    config.api_keys_file.string()));
  }
  return 0;
}

// When the new key expires: as requested, or after the period that the old one was given.
std::optional<TimePoint> expiry_of_rotated(const StoredKey& old, std::optional<int> days,
                                           TimePoint now) {
  if (days) return *days > 0 ? std::optional(now + std::chrono::days(*days)) : std::nullopt;
  if (!old.expires) return std::nullopt;
  return now + (*old.expires - old.created);
}

int rotate(const Config& config, const KeyOptions& options) {
  const TimePoint now = SystemClock().now();
  std::optional<TimePoint> old_until;
  if (!options.keep_old.empty()) {
    const auto duration = parse_duration(options.keep_old);
    if (!duration) {
      return complain(
          {ErrorCode::kInvalidArgument,
           fmt::format("--keep-old is \"{}\", but must be a time such as 90s, 30m, 24h or 7d",
                       options.keep_old)},
          kUsage);
    }
    old_until = now + *duration;
  }
  auto file = open_file(config);
  if (!file) return failed(file.error());
  auto role = file->role_of(options.name);
  if (!role) return failed(role.error());
  const ApiKey key{.name = options.name, .role = *role, .secret = make_secret()};
  // The newest key of that name: rotation has changed when the earlier ones expire.
  const auto old =
      std::find_if(file->keys().rbegin(), file->keys().rend(),
                   [&](const StoredKey& stored) { return stored.name == options.name; });
  const auto expires = expiry_of_rotated(*old, options.days, now);
  auto replaced = file->replace(store_key(key, now, expires), old_until, now);
  if (!replaced) return failed(replaced.error());
  if (auto saved = file->save(); !saved) return failed(saved.error());
  record(config, "key.rotate", options.name);
  return show_secret(key);
}

}  // namespace

void add_keys_command(CLI::App& app, const SetRun& set_run) {
  auto* keys =
      app.add_subcommand("keys", "Add, list, remove and rotate API keys; no restart needed");
  keys->require_subcommand(1);
  set_help_notes(*keys, {.settings_of = kKeys,
                         .examples = {{"classifier keys add camera --role write --expires 365",
                                       "A key that is valid for a year"},
                                      {"classifier keys rotate camera --keep-old 24h",
                                       "Replace it; both are valid for a day"}}});
  auto options = std::make_shared<KeyOptions>();

  auto* command = keys->add_subcommand("add", "Add a key, and print it this once");
  command->add_option("NAME", options->name, "name of the key, as it appears in logs")->required();
  command->add_option("--role", options->role, "what the key may do; admin may do everything")
      ->type_name("ROLE")
      ->required()
      ->check(CLI::IsMember({"read", "write", "admin"}));
  command->add_option("--expires", options->days, "days until the key expires (default: never)")
      ->type_name("DAYS")
      ->check(CLI::Range(1, 36'500).description(""));
  command->callback([=] { set_run([=](const Config& config) { return add(config, *options); }); });
  set_help_notes(*command, {.settings_of = kKeys});

  command = keys->add_subcommand("list", "List names, roles and expiry of keys");
  command->callback([=] { set_run(list); });
  set_help_notes(*command, {.settings_of = kKeys});

  command =
      keys->add_subcommand("remove", "Remove a key; requests with it are refused immediately");
  command->add_option("NAME", options->name, "name of the key")->required();
  command->callback(
      [=] { set_run([=](const Config& config) { return remove(config, *options); }); });
  set_help_notes(*command, {.settings_of = kKeys});

  command = keys->add_subcommand(
      "rotate", "Replace a key by a new one of the same name and role, and print it this once");
  command->add_option("NAME", options->name, "name of the key")->required();
  command
      ->add_option("--keep-old", options->keep_old,
                   "how long the old key stays valid, such as 30m, 24h or 7d (default: not at all)")
      ->type_name("TIME");
  command
      ->add_option("--expires", options->days,
                   "days until the new key expires, 0: never (default: as many as the old key had)")
      ->type_name("DAYS")
      ->check(CLI::Range(0, 36'500).description(""));
  command->callback(
      [=] { set_run([=](const Config& config) { return rotate(config, *options); }); });
  set_help_notes(*command, {.settings_of = kKeys});

  keys->group("Service");  // afterwards, since a new command takes over the group of its parent
}

}  // namespace classifier
