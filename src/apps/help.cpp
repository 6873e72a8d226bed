#include "apps/help.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "apps/commands.hpp"
#include "apps/terminal.hpp"

namespace classifier {
namespace {

constexpr std::size_t kUsualColumns = 80;
constexpr std::size_t kMinColumns = 60;
constexpr std::size_t kMaxColumns = 100;

// Two columns: names at the left, what they mean at the right.
class Columns {
 public:
  void heading(std::string text) { rows_.push_back({std::move(text), "", true}); }
  void add(std::string name, std::string meaning) {
    rows_.push_back({std::move(name), std::move(meaning), false});
  }

  std::string text(std::size_t columns) const {
    std::size_t left = 0;
    for (const auto& row : rows_) {
      if (!row.heading && row.name.size() <= columns * 2 / 5)
        left = std::max(left, row.name.size());
    }
    left += 4;
    std::string text;
    for (const auto& row : rows_) {
      if (row.heading) {
        text += fmt::format("\n{}:\n", row.name);
        continue;
      }
      const auto lines = wrapped(row.meaning, columns - left);
      const bool fits = row.name.size() + 4 <= left;
      text += fits && !lines.empty() ? fmt::format("  {:<{}}", row.name, left - 2)
                                     : fmt::format("  {}\n", row.name);
      for (std::size_t i = 0; i < lines.size(); ++i)
        text += fmt::format("{:{}}{}\n", "", i == 0 && fits ? 0 : left, lines[i]);
    }
    return text;
  }

 private:
  struct Row {
    std::string name;
    std::string meaning;
    bool heading;
  };
  std::vector<Row> rows_;
};

std::string paragraph(std::string_view text, std::size_t columns) {
  return fmt::format("{}\n", fmt::join(wrapped(text, columns), "\n"));
}

void add_options(Columns& table, const char* heading, const std::vector<OptionHelp>& options) {
  if (options.empty()) return;
  table.heading(heading);
  for (const auto& option : options)
    table.add(synopsis_of(option), option.required && !option.argument
                                       ? fmt::format("{} (required)", option.meaning)
                                       : option.meaning);
}

void add_commands(Columns& table, const std::vector<CommandHelp>& commands) {
  std::vector<std::string> groups;
  for (const auto& command : commands) {
    if (std::ranges::find(groups, command.group) == groups.end()) groups.push_back(command.group);
  }
  for (const auto& group : groups) {
    table.heading(group);
    for (const auto& command : commands) {
      if (command.group == group)
        table.add(command.name.substr(command.name.rfind(' ') + 1), command.meaning);
    }
  }
}

void add_settings(Columns& table, unsigned users) {
  constexpr std::ptrdiff_t kFewSettings = 6;
  const auto shown = [users](const Setting& setting) {
    return setting.common && (setting.users & users) != 0;
  };
  const bool few = std::ranges::count_if(settings(), shown) <= kFewSettings;
  std::string group;
  for (const auto& setting : settings()) {
    if (!shown(setting)) continue;
    if (few && group.empty()) table.heading("Settings");
    if (!few && group != setting.group) table.heading(fmt::format("Settings: {}", setting.group));
    group = setting.group;
    table.add(fmt::format("{}, {}", flag_of(setting.variable), setting.variable),
              fmt::format("{} (default: {})", setting.help, setting.fallback));
  }
}

std::string help_text(const CommandHelp& command, std::size_t columns) {
  std::string text =
      fmt::format("{}\nUsage: {}\n", paragraph(command.meaning + ".", columns), usage_of(command));
  Columns table;
  add_commands(table, command.commands);
  add_options(table, "Arguments", command.arguments);
  add_options(table, "Options", command.options);
  text += table.text(columns);
  if (command.notes.settings_of != 0) {
    Columns listed;
    add_settings(listed, command.notes.settings_of);
    text += listed.text(columns);
    text += fmt::format("\n{}", paragraph(fmt::format("Each setting is a flag or an environment "
                                                      "variable; the flag wins. `classifier "
                                                      "settings` lists all {} settings.",
                                                      settings().size()),
                                          columns));
  }
  if (command.notes.exit_codes) {
    Columns codes;
    codes.heading("Exit codes");
    for (const auto& code : kExitCodes) codes.add(std::to_string(code.code), code.meaning);
    text += codes.text(columns);
  }
  if (!command.notes.examples.empty()) {
    text += "\nExamples:\n";
    for (const auto& [line, meaning] : command.notes.examples)
      text += fmt::format("  {}\n      {}\n", line,
                          fmt::join(wrapped(meaning, columns - 6), "\n      "));
  }
  return text;
}

class Help final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    std::size_t columns = terminal_columns(stdout);
    if (columns == 0) columns = kUsualColumns;
    return help_text(describe(*app), std::clamp(columns, kMinColumns, kMaxColumns));
  }

  HelpNotes notes;
};

// "FORMAT:{table,json}" -> table, json
std::vector<std::string> choices_of(const std::string& type) {
  const auto begin = type.find('{');
  const auto end = type.find('}', begin);
  std::vector<std::string> choices;
  if (end == std::string::npos) return choices;
  std::string_view list = std::string_view(type).substr(begin + 1, end - begin - 1);
  while (!list.empty()) {
    const auto choice = list.substr(0, list.find(','));
    choices.emplace_back(choice);
    list.remove_prefix(std::min(choice.size() + 1, list.size()));
  }
  return choices;
}

OptionHelp describe(const CLI::Option& option) {
  OptionHelp help;
  help.meaning = option.get_description();
  help.argument = option.get_positional();
  help.required = option.get_required();
  help.repeated = option.get_expected_max() > 1;
  const std::string type = option.get_type_name();
  help.choices = choices_of(type);
  const std::string placeholder = type.substr(0, type.find_first_of(": "));
  if (help.argument) {
    help.names.push_back(option.get_name(true));
    help.path = help.names.front() == "PATH";
    return help;
  }
  for (const auto& name : option.get_snames()) help.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) help.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) help.value = placeholder;
  help.path = placeholder == "FILE" || placeholder == "DIR";
  return help;
}

}  // namespace

void use_help(CLI::App& app) { app.formatter(std::make_shared<Help>()); }

void set_help_notes(CLI::App& command, HelpNotes notes) {
  auto help = std::make_shared<Help>();
  help->notes = std::move(notes);
  command.formatter(std::move(help));
}

CommandHelp describe(const CLI::App& app) {
  CommandHelp help;
  for (const CLI::App* part = &app; part != nullptr; part = part->get_parent())
    help.name = part->get_name() + (help.name.empty() ? "" : " ") + help.name;
  help.group = app.get_group() == "Subcommands" ? "Commands" : app.get_group();  // CLI11's default
  help.meaning = app.get_description();
  help.needs_command = app.get_require_subcommand_min() > 0;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty() || option->get_group() == kSettingsGroup) continue;
    auto described = describe(*option);
    (described.argument ? help.arguments : help.options).push_back(std::move(described));
  }
  for (const CLI::App* command : app.get_subcommands(std::function<bool(const CLI::App*)>())) {
    if (!command->get_group().empty()) help.commands.push_back(describe(*command));
  }
  // A subcommand without notes has its parent's formatter.
  const CLI::App* const parent = app.get_parent();
  if (parent == nullptr || parent->get_formatter() != app.get_formatter()) {
    if (const auto* own = dynamic_cast<const Help*>(app.get_formatter().get()))
      help.notes = own->notes;
  }
  return help;
}

std::string synopsis_of(const OptionHelp& option) {
  std::string names = fmt::format("{}", fmt::join(option.names, ", "));
  if (option.argument) return names + (option.repeated ? "..." : "");
  if (option.value.empty()) return names;
  if (option.choices.empty()) return names + " " + option.value;
  return fmt::format("{} {}", names, fmt::join(option.choices, "|"));
}

std::string usage_of(const CommandHelp& command) {
  std::string usage = command.name;
  if (!command.commands.empty()) usage += command.needs_command ? " COMMAND" : " [COMMAND]";
  usage += " [OPTIONS]";
  for (const auto& argument : command.arguments)
    usage += fmt::format(fmt::runtime(argument.required ? " {}" : " [{}]"), synopsis_of(argument));
  return usage;
}

}  // namespace classifier
