// The command line as data, read from CLI11: the help, the man page and the completion scripts are
// all made of it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/config.hpp"

namespace classifier {

struct Example {
  std::string command;
  std::string meaning;
};

// What the help of a command shows in addition to its arguments and options.
struct HelpNotes {
  unsigned settings_of = 0;  // bits of SettingUser: the common settings of these are listed
  std::vector<Example> examples = {};  // NOLINT(readability-redundant-member-init): may be omitted
  bool exit_codes = false;
};
void set_help_notes(CLI::App& command, HelpNotes notes);

// The group of the options that are settings: the help lists those of each command itself.
inline constexpr const char* kSettingsGroup = "Settings";

struct OptionHelp {
  std::vector<std::string> names;    // "-h", "--help"; the placeholder of an argument, "PATH"
  std::string value;                 // placeholder of the value, "FILE"; empty for a flag
  std::vector<std::string> choices;  // the allowed values, if they can be listed
  std::string meaning;
  bool argument = false;  // positional
  bool required = false;
  bool repeated = false;
  bool path = false;  // the value is a file or folder
};

struct CommandHelp {
  std::string name;   // "classifier keys add"
  std::string group;  // heading in the list of commands; empty for a hidden command
  std::string meaning;
  std::vector<OptionHelp> arguments;
  std::vector<OptionHelp> options;
  std::vector<CommandHelp> commands;  // those that are shown
  bool needs_command = false;         // one of them must be given
  HelpNotes notes;
};

// `app` and every visible subcommand below it.
CommandHelp describe(const CLI::App& app);

// "classifier classify [OPTIONS] PATH..."
std::string usage_of(const CommandHelp& command);

// "--format table|json|csv"
std::string synopsis_of(const OptionHelp& option);

// Makes `app`, and every subcommand that is added afterwards, print this help.
void use_help(CLI::App& app);

}  // namespace classifier
