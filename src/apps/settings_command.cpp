// `classifier settings`: every setting, its value, and where the value comes from.
#include <cstdlib>
#include <iostream>
#include <utility>

#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/terminal.hpp"

namespace classifier {
namespace {

// The value in effect and where it comes from. Values of secret settings are not shown.
std::pair<std::string, std::string> value_of(const Setting& setting, const Flags& flags) {
  const auto shown = [&](const std::string& value) {
    return setting.secret ? std::string("(not shown)") : value;
  };
  if (const auto flag = flags(setting.variable)) return {shown(*flag), "flag"};
  const char* const value = std::getenv(setting.variable.c_str());
  if (value != nullptr && *value != '\0') return {shown(value), "environment"};
  return {setting.fallback, "default"};
}

}  // namespace

void add_settings_command(CLI::App& app, const SetRun& set_run, const Flags& flags) {
  auto markdown = std::make_shared<bool>(false);
  auto* command = app.add_subcommand(
      "settings", "List every setting: its value, where the value comes from, and its meaning");
  command->group("Information");
  command->add_flag("--markdown", *markdown,
                    "print allowed values and defaults as Markdown, for docs/configuration.md");
  set_help_notes(*command,
                 {.examples = {{"classifier settings", "The values that other commands would use"},
                               {"PORT=9000 classifier settings --data-dir /srv/photos",
                                "The same with a variable and a flag"}}});
  command->callback([=] {
    set_run([=](const Config&) {
      if (*markdown) {
        std::cout << settings_markdown();
        return 0;
      }
      Table table({"VARIABLE", "VALUE", "FROM", "MEANING"});
      std::string group;
      for (const auto& setting : settings()) {
        if (setting.group != group) table.add_heading(setting.group);
        group = setting.group;
        const auto [value, from] = value_of(setting, flags);
        table.add({setting.variable, value, from, setting.help});
      }
      table.print(std::cout);
      return 0;
    });
  });
}

}  // namespace classifier
