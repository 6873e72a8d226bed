#include <malloc.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "apps/installation.hpp"
#include "apps/terminal.hpp"

namespace classifier {
namespace {

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  if (g_interrupted.exchange(true)) std::_Exit(128 + signal);
}

std::atomic<bool> g_reload{false};

extern "C" void on_hangup(int /*signal*/) { g_reload = true; }

constexpr const char* kFooter =
    "\nSettings are flags or environment variables: --data-dir is DATA_DIR. `classifier settings` "
    "lists them.\n"
    "Exit codes: 0 well, 1 some images or the job failed, 2 wrong arguments, 3 service not reached "
    "or it refused, 70 serve ended itself: an image hung, 130 interrupted.\n"
    "\nExamples:\n"
    "  classifier classify ~/Pictures                       label every photo of a folder\n"
    "  classifier classify a.jpg --labels \"cat,dog\"         into your own categories\n"
    "  classifier classify ~/Pictures --copy-to sorted      copies in a folder for each label\n"
    "  classifier serve                                     the service with its page\n"
    "  classifier upload ~/Pictures && classifier submit --all --watch\n";

void start_log(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("classifier");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

std::string what_is_wrong(const CLI::App& app, int argc, char** argv,
                          const CLI::ParseError& error) {
  const auto named = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(named).empty()) {
    return "there is no command \"" + std::string(argv[1]) + "\"; see classifier --help";
  }
  const auto chosen = app.get_subcommands();
  return std::string(error.what()) + "; see classifier " +
         (chosen.empty() ? "" : chosen.front()->get_name() + " ") + "--help";
}

// CLI11 takes "[a,b]" for a list, so that a path of that form needs another spelling.
std::vector<std::string> keep_brackets(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  for (auto& argument : arguments) {
    std::error_code error;
    if (argument.starts_with('[') && argument.ends_with(']') &&
        std::filesystem::exists(argument, error)) {
      argument.insert(0, "./");
    }
  }
  return arguments;
}

// By default glibc keeps a heap for each thread, and big blocks inside them; what images of many
// sizes leave free there grows for hours. Without effect where another allocator is loaded.
void keep_heaps_small() {
  ::mallopt(M_ARENA_MAX, 4);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);  // bytes; a bigger block goes back once it is freed
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

int run(int argc, char** argv) {
  CLI::App app(
      "Classifies images: into ImageNet's 1,000 classes, or into categories that you name.",
      "classifier");
  app.set_version_flag("--version", CLASSIFIER_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  std::map<std::string, std::string> values;
  for (const auto& setting : settings()) {
    app.add_option(flag_of(setting.variable), values[setting.variable],
                   setting.help + " [" + setting.fallback + "]")
        ->group("");  // kept out of the help: there are many, and `classifier settings` tells more
  }
  const Flags flags = [&](const std::string& variable) -> std::optional<std::string> {
    const auto value = values.find(variable);
    if (value == values.end() || app.count(flag_of(variable)) == 0) return std::nullopt;
    return value->second;
  };
  Run chosen;
  const SetRun set_run = [&](Run next) { chosen = std::move(next); };
  add_classify_command(app, set_run);
  add_serve_commands(app, set_run);
  add_upload_command(app, set_run);
  add_job_commands(app, set_run);
  add_store_commands(app, set_run);
  add_models_command(app, set_run);
  add_keys_command(app, set_run);
  add_settings_command(app, set_run, flags);
  app.footer(kFooter);  // after the subcommands, which would take it over
  try {
    const auto arguments = keep_brackets(argc, argv);
    std::vector<const char*> words;
    words.reserve(arguments.size());
    for (const auto& argument : arguments) words.push_back(argument.c_str());
    app.parse(argc, words.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return complain({ErrorCode::kInvalidArgument, what_is_wrong(app, argc, argv, error)}, kUsage);
  }
  const auto config = load_config(flags);
  if (!config) return complain(config.error(), kUsage);
  start_log(config->log_level);
  return chosen(*config);
}

// What could not be printed, as on a full disk, is no success.
int after_printing(int code) {
  if (std::cout.flush() || code != 0) return code;
  return complain({ErrorCode::kExhausted, "cannot write to standard output"}, kSomeFailed);
}

}  // namespace

int complain(const Error& error, int code) {
  std::fprintf(stderr, "classifier: %s\n", printable(error.message).c_str());
  return code;
}

bool interrupted() { return g_interrupted; }

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
}

void catch_hangups() { std::signal(SIGHUP, on_hangup); }
bool reload_is_asked_for() { return g_reload.exchange(false); }

std::string starter_notice(const std::string& model) {
  return model +
         " is a starter model, which stands in for an official one: see docs/starter-models.md";
}

void add_classification_options(CLI::App& command, ClassificationOptions& options) {
  command.add_option("--labels", options.labels,
                     "your own categories: \"cat,dog\" [ImageNet's 1,000 classes]");
  command.add_option("--labels-file", options.labels_file, "a file of categories, one a line");
  command.add_option("--model", options.model,
                     "name of the model; `classifier models` lists them [the default one]");
  command.add_option("--top-k", options.top_k, "predictions for each image, 1 to 10 [5]");
  command.add_option("--threshold", options.threshold, "scores below it are unknown, 0 to 1 [0.5]");
}

InferenceOptions inference_options(const Config& config) {
  InferenceOptions options;
  options.models_dir = config.models_dir;
  options.cache_dir = config.data_dir / "cache/models";
  options.tokenizers_library = installation().tokenizers_library;
  options.no_model_advice = kNoModelAdvice;
  options.streams = config.max_workers;
  options.precision = config.precision == "fp32"   ? Precision::kFp32
                      : config.precision == "bf16" ? Precision::kBf16
                                                   : Precision::kAuto;
  options.image_model = config.image_model;
  options.custom_model = config.custom_model;
  options.decode.max_bytes = config.max_image_bytes;
  options.decode.max_pixels = config.max_image_pixels;
  return options;
}

}  // namespace classifier

int main(int argc, char** argv) {
  try {
    classifier::keep_heaps_small();
    return classifier::after_printing(classifier::run(argc, argv));
  } catch (const nlohmann::json::exception&) {
    std::fprintf(stderr, "classifier: what answers at BACKEND_API_URL is not this service\n");
    return classifier::kUnreachable;
  } catch (const std::exception& exception) {
    return classifier::complain({classifier::ErrorCode::kInternal, exception.what()},
                                classifier::kSomeFailed);
  }
}
