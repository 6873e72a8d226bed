// `classifier generate`: completion scripts and the man page, made from the command line itself.
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/terminal.hpp"

namespace classifier {
namespace {

// `command` and all below it, outer ones first.
void flatten(const CommandHelp& command, std::vector<const CommandHelp*>& all) {
  all.push_back(&command);
  for (const auto& inner : command.commands) flatten(inner, all);
}

std::vector<const CommandHelp*> all_commands(const CommandHelp& root) {
  std::vector<const CommandHelp*> all;
  flatten(root, all);
  return all;
}

std::string last_word(const CommandHelp& command) {
  return command.name.substr(command.name.rfind(' ') + 1);
}

// A setting as an option.
OptionHelp option_of(const Setting& setting) {
  return {.names = {flag_of(setting.variable)},
          .value = setting.variable,
          .choices = setting.choices,
          .meaning = setting.help,
          .path = setting.path};
}

// The options of a command with the settings that it uses, common or not.
std::vector<OptionHelp> options_of(const CommandHelp& command) {
  auto options = command.options;
  for (const auto& setting : settings()) {
    if ((setting.users & command.notes.settings_of) != 0) options.push_back(option_of(setting));
  }
  return options;
}

bool takes_paths(const CommandHelp& command) {
  return std::ranges::any_of(command.arguments, &OptionHelp::path);
}

std::vector<std::string> command_words(const CommandHelp& command) {
  std::vector<std::string> words;
  words.reserve(command.commands.size());
  for (const auto& inner : command.commands) words.push_back(last_word(inner));
  return words;
}

std::vector<std::string> option_words(const CommandHelp& command) {
  std::vector<std::string> words;
  for (const auto& option : options_of(command))
    words.insert(words.end(), option.names.begin(), option.names.end());
  return words;
}

// Every option that takes a value, of any command.
std::set<std::string> options_with_value(const CommandHelp& root) {
  std::set<std::string> names;
  for (const auto* command : all_commands(root)) {
    for (const auto& option : command->options) {
      if (!option.value.empty()) names.insert(option.names.begin(), option.names.end());
    }
  }
  for (const auto& setting : settings()) names.insert(flag_of(setting.variable));
  return names;
}

// In single quotes for a shell; `quote` is how it writes a single quote inside them.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += quote;
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string bash_completion(const CommandHelp& root) {
  std::string nested;
  std::string values;
  std::string words;
  for (const auto* command : all_commands(root)) {
    if (command != &root)
      nested += fmt::format("{}\"{}\"", nested.empty() ? "" : " | ", command->name);
    for (const auto& option : options_of(*command)) {
      if (option.choices.empty() && !option.path) continue;
      std::vector<std::string> cases;
      cases.reserve(option.names.size());
      for (const auto& name : option.names)
        cases.push_back(fmt::format("\"{} {}\"", command->name, name));
      values += fmt::format("    {}) {} ;;\n", fmt::join(cases, " | "),
                            option.path ? "_classifier_files && return"
                                        : fmt::format("words='{}' && _classifier_words && return",
                                                      fmt::join(option.choices, " ")));
    }
    words +=
        fmt::format("    \"{}\")\n      words='{}'\n      options='{}'\n      files={}\n      ;;\n",
                    command->name, fmt::join(command_words(*command), " "),
                    fmt::join(option_words(*command), " "), takes_paths(*command) ? 1 : 0);
  }
  return fmt::format(
      R"(# bash completion for classifier; made by `classifier generate bash`.

_classifier_files() {{
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}}

_classifier_words() {{
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}

_classifier() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
  local command=classifier words='' options='' files=0 i
  # "--format=csv" comes as three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${{COMP_WORDS[i]}} in
    {0})
      ((i++))
      [[ ${{COMP_WORDS[i]}} == = ]] && ((i++))
      ;;
    -*) ;;
    *)
      case "$command ${{COMP_WORDS[i]}}" in
      {1}) command+=" ${{COMP_WORDS[i]}}" ;;
      esac
      ;;
    esac
  done
  case "$command $prev" in
{2}  esac
  case $prev in
  {0}) return ;;
  esac
  case $command in
{3}  esac
  if [[ $cur == -* ]]; then
    words=$options
  elif ((files)); then
    _classifier_files
    return
  elif [[ -z $words ]]; then
    words=$options
  fi
  _classifier_words
}}

complete -F _classifier classifier
)",
      fmt::join(options_with_value(root), " | "), nested, values, words);
}

// For the description in a specification of _arguments or _describe.
std::string zsh_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_quoted(std::string_view text) { return quoted(text, R"('\'')"); }

std::string zsh_value(const OptionHelp& option) {
  const std::string label = zsh_escaped(option.argument ? option.names.front() : option.value);
  if (option.path) return fmt::format(":{}:_files", label);
  if (option.choices.empty()) return fmt::format(":{}: ", label);
  return fmt::format(":{}:({})", label, fmt::join(option.choices, " "));
}

std::string zsh_completion(const CommandHelp& root) {
  std::string text =
      "#compdef classifier\n# zsh completion for classifier; made by `classifier generate zsh`.\n";
  for (const auto* command : all_commands(root)) {
    std::string function = command->name;
    std::ranges::replace(function, ' ', '_');
    text += fmt::format("\n_{}() {{\n", function);
    if (!command->commands.empty())
      text += "  local context state state_descr line\n  typeset -A opt_args\n";
    text += command->commands.empty() ? "  _arguments -s" : "  _arguments -C -s";
    for (const auto& option : options_of(*command)) {
      for (const auto& name : option.names) {
        const bool flag = option.value.empty();
        const std::string others =
            option.names.size() > 1 ? fmt::format("({})", fmt::join(option.names, " ")) : "";
        text += fmt::format(
            " \\\n    {}",
            zsh_quoted(fmt::format("{}{}{}[{}]{}", others, name, flag ? "" : "=",
                                   zsh_escaped(option.meaning), flag ? "" : zsh_value(option))));
      }
    }
    for (const auto& argument : command->arguments)
      text += fmt::format(" \\\n    {}",
                          zsh_quoted((argument.repeated ? "*" : "") + zsh_value(argument)));
    if (!command->commands.empty()) {
      text += " \\\n    '1:command:->command' '*::argument:->argument' && return\n";
      text += "  local -a commands=(\n";
      for (const auto& inner : command->commands)
        text += fmt::format("    {}\n", zsh_quoted(fmt::format("{}:{}", last_word(inner),
                                                               zsh_escaped(inner.meaning))));
      text += fmt::format(
          "  )\n  case $state in\n    command) _describe command commands ;;\n"
          "    argument) (( $+functions[_{0}_$words[1]] )) && _{0}_$words[1] ;;\n  esac",
          function);
    }
    text += "\n}\n";
  }
  // Autoloaded from $fpath, the file is the function's body; sourced, it registers the function.
  return text +
         "\nif [ \"$funcstack[1]\" = \"_classifier\" ]; then\n  _classifier \"$@\"\nelse\n"
         "  compdef _classifier classifier\nfi\n";
}

std::string fish_completion(const CommandHelp& root) {
  const auto quote = [](std::string_view text) {
    std::string escaped;
    for (const char c : text) {
      if (c == '\\') escaped += '\\';
      escaped += c;
    }
    return quoted(escaped, R"(\')");
  };
  std::vector<std::string> nested;
  std::string lines;
  for (const auto* command : all_commands(root)) {
    if (command != &root) nested.push_back(quote(command->name));
    const std::string start = fmt::format("complete -c classifier -n {}",
                                          quote(fmt::format("__classifier_at {}", command->name)));
    for (const auto& inner : command->commands)
      lines += fmt::format("{} -a {} -d {}\n", start, last_word(inner), quote(inner.meaning));
    if (takes_paths(*command)) lines += fmt::format("{} -F\n", start);
    for (const auto& option : options_of(*command)) {
      lines += start;
      for (const auto& name : option.names)
        lines += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2))
                                        : fmt::format(" -s {}", name.substr(1));
      if (option.path) {
        lines += " -r -F";
      } else if (!option.choices.empty()) {
        lines += fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
      } else if (!option.value.empty()) {
        lines += " -x";
      }
      lines += fmt::format(" -d {}\n", quote(option.meaning));
    }
  }
  return fmt::format(
      R"(# fish completion for classifier; made by `classifier generate fish`.

# Whether the words before the cursor name exactly this command.
function __classifier_at
    set -l command classifier
    set -l is_value no
    for word in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            case {}
                set is_value yes
            case '-*'
            case '*'
                if contains -- "$command $word" {}
                    set command "$command $word"
                end
        end
    end
    test "$argv" = "$command"
end

complete -c classifier -f
{})",
      fmt::join(options_with_value(root), " "), fmt::join(nested, " "), lines);
}

std::string roff(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if (c == '~') {
      result += "\\(ti";
    } else if (c == '\'') {
      result += "\\(aq";
    } else {
      result += c;
    }
  }
  if (result.starts_with('.')) result.insert(0, "\\&");
  return result;
}

// Text for a page, in short lines.
std::string roff_lines(std::string_view text) {
  constexpr std::size_t kWidth = 66;  // some characters become longer
  std::string result;
  for (const auto& line : wrapped(text, kWidth)) result += roff(line) + "\n";
  return result;
}

std::string roff_code(std::string_view line) {
  return fmt::format(".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", roff(line));
}

void add_item(std::string& page, std::string_view name, std::string_view meaning) {
  page += fmt::format(".TP\n\\fB{}\\fR\n{}", roff(name), roff_lines(meaning));
}

void add_examples(std::string& page, const std::vector<Example>& examples) {
  for (const auto& [line, meaning] : examples) {
    if (page.ends_with(".RE\n")) page += ".PP\n";
    page += roff_lines(fmt::format("{}:", meaning)) + roff_code(line);
  }
}

void add_command(std::string& page, const CommandHelp& command) {
  page +=
      fmt::format(".SS {}\n{}{}", roff(command.name),
                  roff_lines(fmt::format("{}.", command.meaning)), roff_code(usage_of(command)));
  for (const auto& argument : command.arguments)
    add_item(page, synopsis_of(argument), argument.meaning);
  for (const auto& option : command.options) {
    if (option.names.back() == "--help") continue;  // every command has it
    add_item(page, synopsis_of(option),
             fmt::format("{}{}", option.meaning, option.required ? " (required)" : ""));
  }
  std::vector<std::string> variables;
  for (const auto& setting : settings()) {
    if ((setting.users & command.notes.settings_of) != 0) variables.push_back(setting.variable);
  }
  if (!variables.empty())
    page += ".PP\n" + roff_lines(fmt::format("Settings: {}.", fmt::join(variables, ", ")));
  if (!command.notes.examples.empty()) page += ".PP\n";
  add_examples(page, command.notes.examples);
}

// SOURCE_DATE_EPOCH (https://reproducible-builds.org) or today.
std::string page_date() {
  const char* const epoch = std::getenv("SOURCE_DATE_EPOCH");
  const std::time_t time = epoch != nullptr ? std::strtoll(epoch, nullptr, 10) : std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

std::string man_page(const CommandHelp& root) {
  std::string page = fmt::format(
      ".\\\" Made by `classifier generate man`.\n"
      ".TH CLASSIFIER 1 \"{}\" \"classifier {}\" \"User commands\"\n"
      ".nh\n.ad l\n.SH NAME\nclassifier \\- label photos with ImageNet\\(aqs classes or your own "
      "categories\n"
      ".SH SYNOPSIS\n{}\n.SH DESCRIPTION\n{}",
      page_date(), CLASSIFIER_VERSION, roff(usage_of(root)),
      roff_lines(fmt::format("{}.", root.meaning)));
  page += ".PP\n" + roff_lines(
                        "`classifier classify` works without a server. `classifier serve` starts "
                        "the service with its web page and HTTP API; upload, submit, watch, result "
                        "and the other client commands call it.");
  page += ".SH OPTIONS\n";
  for (const auto& option : root.options) add_item(page, synopsis_of(option), option.meaning);
  page += ".SH COMMANDS\n";
  for (const auto* command : all_commands(root)) {
    if (command != &root) add_command(page, *command);
  }
  page += ".SH SETTINGS\n" + roff_lines(
                                 "Each is a flag of every command or an environment "
                                 "variable; the flag overrides the variable. `classifier "
                                 "settings` shows the values in effect.");
  std::string group;
  for (const auto& setting : settings()) {
    if (group != setting.group) page += fmt::format(".SS {}\n", roff(setting.group));
    group = setting.group;
    add_item(page, fmt::format("{}, {}", flag_of(setting.variable), setting.variable),
             fmt::format("{}. Allowed: {}. Default: {}.", setting.help, setting.allowed,
                         setting.fallback));
  }
  page += ".SH EXIT STATUS\n";
  for (const auto& code : kExitCodes) add_item(page, std::to_string(code.code), code.meaning);
  page += ".SH EXAMPLES\n";
  add_examples(page, root.notes.examples);
  page += ".SH FILES\n";
  constexpr std::array<std::pair<const char*, const char*>, 4> kFiles{{
      {"~/.local/share/distributed-classifier", "the default of DATA_DIR"},
      {"DATA_DIR/jobs.sqlite", "jobs, results and the queue"},
      {"DATA_DIR/objects", "uploaded images, and copies of them sorted by label"},
      {"DATA_DIR/api-keys.json", "API keys, as `classifier keys` stores them"},
  }};
  for (const auto& [file, meaning] : kFiles) add_item(page, file, meaning);
  return page;
}

}  // namespace

void add_generate_command(CLI::App& app, const SetRun& set_run) {
  auto format = std::make_shared<std::string>();
  auto* command = app.add_subcommand(
      "generate", "Print a completion script for a shell (bash, zsh, fish), or the man page (man)");
  command->group("");  // for packagers: docs/command-line.md describes it
  command->add_option("FORMAT", *format, "bash, zsh, fish or man")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "man"}));
  command->callback([format, set_run, root = &app] {
    set_run([format, root](const Config&) {
      const auto help = describe(*root);
      std::cout << (*format == "bash"   ? bash_completion(help)
                    : *format == "zsh"  ? zsh_completion(help)
                    : *format == "fish" ? fish_completion(help)
                                        : man_page(help));
      return 0;
    });
  });
}

}  // namespace classifier
