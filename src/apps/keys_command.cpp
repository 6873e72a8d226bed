// `classifier keys`: the API keys of the key file.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <iostream>
#include <optional>
#include <utility>

#include "adapters/access/audit_log.hpp"
#include "adapters/access/key_file.hpp"
#include "apps/commands.hpp"
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
                "on AWS there is no key file unless API_KEYS_FILE names one: set it, or put the "
                "keys into API_KEYS");
  }
  return KeyFileEditor::open(config.api_keys_file);
}

// A change that was made; who made it is the user of this machine.
void record(const Config& config, const char* action, const std::string& name) {
  AuditEvent event;
  event.time = SystemClock().now();
  event.action = action;
  event.address = "local user " + std::to_string(::getuid());
  event.target = name;
  AuditLog(config.audit_log).write(event);
}

int show_secret(const ApiKey& key) {
  std::signal(SIGPIPE, SIG_IGN);  // the sentence below is needed then too
  std::cout << key.secret << "\n";
  if (!std::cout.flush()) {
    return complain({ErrorCode::kExhausted,
                     "cannot write to standard output: the key is in force, but nobody has seen "
                     "it; run `classifier keys rotate " +
                         key.name + "` to get another"},
                    kSomeFailed);
  }
  note("This is the only time that the key is shown. Services with this key file know it at once.");
  return 0;
}

int add(const Config& config, const KeyOptions& options) {
  if (!is_key_name(options.name)) {
    return complain({ErrorCode::kInvalidArgument,
                     "the name of a key has 1 to 64 letters, digits, dots, dashes and underscores"},
                    kUsage);
  }
  auto file = open_file(config);
  if (!file) return complain(file.error(), kSomeFailed);
  const TimePoint now = SystemClock().now();
  std::optional<TimePoint> expires;
  if (options.days) expires = now + std::chrono::days(*options.days);
  const ApiKey key{
      .name = options.name, .role = *parse_role(options.role), .secret = make_secret()};
  if (auto added = file->add(store_key(key, now, expires), now); !added)
    return complain(added.error(), kSomeFailed);
  if (auto saved = file->save(); !saved) return complain(saved.error(), kSomeFailed);
  record(config, "key.add", options.name);
  return show_secret(key);
}

int list(const Config& config) {
  if (config.api_keys_file.empty()) return complain(open_file(config).error(), kSomeFailed);
  const auto keys = read_key_file(config.api_keys_file);
  if (!keys && keys.error().code != ErrorCode::kNotFound)
    return complain(keys.error(), kSomeFailed);
  Table table({"NAME", "ROLE", "CREATED (UTC)", "EXPIRES (UTC)"});
  const auto time = [](TimePoint point) { return to_rfc3339(point).substr(0, 19); };
  for (const auto& key : keys.value_or(std::vector<StoredKey>())) {
    const bool expired = key.expires && *key.expires <= SystemClock().now();
    table.add({key.name, std::string(to_string(key.role)), time(key.created),
               key.expires ? time(*key.expires) + (expired ? " (over)" : "") : "never"});
  }
  table.print(std::cout);
  note("in " + config.api_keys_file.string());
  return 0;
}

int remove(const Config& config, const KeyOptions& options) {
  auto file = open_file(config);
  if (!file) return complain(file.error(), kSomeFailed);
  if (auto removed = file->remove(options.name); !removed)
    return complain(removed.error(), kSomeFailed);
  if (auto saved = file->save(); !saved) return complain(saved.error(), kSomeFailed);
  record(config, "key.remove", options.name);
  if (file->keys().empty()) {
    note("No key is left in " + config.api_keys_file.string() +
         ": calls are refused until one is added. Remove the file to need no keys.");
  }
  return 0;
}

// The new key's end: as asked for, or after as long a life as the old one was given.
std::optional<TimePoint> end_of_rotated(const StoredKey& old, std::optional<int> days,
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
          {ErrorCode::kInvalidArgument, "--keep-old is \"" + options.keep_old +
                                            "\", but must be a time such as 90s, 30m, 24h or 7d"},
          kUsage);
    }
    old_until = now + *duration;
  }
  auto file = open_file(config);
  if (!file) return complain(file.error(), kSomeFailed);
  auto role = file->role_of(options.name);
  if (!role) return complain(role.error(), kSomeFailed);
  const ApiKey key{.name = options.name, .role = *role, .secret = make_secret()};
  // The newest of that name: the end of those before it was moved when they were rotated.
  const auto old =
      std::find_if(file->keys().rbegin(), file->keys().rend(),
                   [&](const StoredKey& stored) { return stored.name == options.name; });
  const auto expires = end_of_rotated(*old, options.days, now);
  auto replaced = file->replace(store_key(key, now, expires), old_until, now);
  if (!replaced) return complain(replaced.error(), kSomeFailed);
  if (auto saved = file->save(); !saved) return complain(saved.error(), kSomeFailed);
  record(config, "key.rotate", options.name);
  return show_secret(key);
}

}  // namespace

void add_keys_command(CLI::App& app, const SetRun& set_run) {
  auto* keys =
      app.add_subcommand("keys", "of the API: add, list, remove, rotate; no restart needed");
  keys->require_subcommand(1);
  auto options = std::make_shared<KeyOptions>();

  auto* command = keys->add_subcommand("add", "a key; prints it, once");
  command->add_option("NAME", options->name, "what logs call it")->required();
  command->add_option("--role", options->role, "read, write or admin")
      ->required()
      ->check(CLI::IsMember({"read", "write", "admin"}));
  command->add_option("--expires", options->days, "days until it ends [never]")
      ->check(CLI::Range(1, 36'500));
  command->callback([=] { set_run([=](const Config& config) { return add(config, *options); }); });

  keys->add_subcommand("list", "names, roles and times")->callback([=] { set_run(list); });

  command = keys->add_subcommand("remove", "a key; calls with it are refused from now on");
  command->add_option("NAME", options->name, "of the key")->required();
  command->callback(
      [=] { set_run([=](const Config& config) { return remove(config, *options); }); });

  command = keys->add_subcommand("rotate", "a key: a new one of the same name and role");
  command->add_option("NAME", options->name, "of the key")->required();
  command->add_option("--keep-old", options->keep_old,
                      "how long the old one stays valid, such as 30m, 24h or 7d [it ends now]");
  command
      ->add_option("--expires", options->days,
                   "days until the new one ends, 0: never [as many as the old one was given]")
      ->check(CLI::Range(0, 36'500));
  command->callback(
      [=] { set_run([=](const Config& config) { return rotate(config, *options); }); });
}

}  // namespace classifier
