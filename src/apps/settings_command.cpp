// `classifier settings`: every setting, its value now and where that comes from.
#include <cstdlib>
#include <iostream>
#include <utility>

#include "apps/commands.hpp"
#include "apps/terminal.hpp"

namespace classifier {
namespace {

// The value in force as text and where it comes from; keys are not shown.
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
      "settings", "every setting: its value, where that comes from, its meaning");
  command->add_flag("--markdown", *markdown, "all that is allowed, as a table for a document");
  command->callback([=] {
    set_run([=](const Config&) {
      if (*markdown) {
        std::cout << settings_markdown();
        return 0;
      }
      Table table({"VARIABLE", "VALUE", "FROM", "MEANING"});
      for (const auto& setting : settings()) {
        const auto [value, from] = value_of(setting, flags);
        table.add({setting.variable, value, from, setting.help});
      }
      table.print(std::cout);
      return 0;
    });
  });
}

}  // namespace classifier
