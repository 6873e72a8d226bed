#include <malloc.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "adapters/decoder/decoder_pool.hpp"
#include "adapters/decoder/decoder_process.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/installation.hpp"
#include "apps/standard_output.hpp"
#include "apps/terminal.hpp"

namespace classifier {
namespace {

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int /*signal*/) {
  if (g_interrupted.exchange(true)) std::_Exit(kInterrupted);
}

std::atomic<bool> g_reload{false};

extern "C" void on_hangup(int /*signal*/) { g_reload = true; }

std::vector<Example> examples() {
  return {
      {"classifier classify ~/Pictures", "Label every photo of a folder"},
      {"classifier classify a.jpg --labels \"cat,dog\"", "Choose among your own categories"},
      {"classifier classify ~/Pictures --copy-to sorted", "Copy the photos to a folder per label"},
      {"classifier serve", "Start the service with its web page"},
      {"classifier upload ~/Pictures && classifier submit --all --watch",
       "Let the service classify photos, and wait for the result"},
  };
}

void start_log(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("classifier");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

// One sentence about a command line that cannot be parsed; CLI11's own where it names the argument.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error) {
  std::string command = "classifier";
  const CLI::App* inner = &app;
  for (auto chosen = app.get_subcommands(); !chosen.empty(); chosen = inner->get_subcommands()) {
    inner = chosen.front();
    command += " " + inner->get_name();
  }
  std::string reason = error.what();
  const auto unknown = app.remaining(true);
  const auto option =
      std::ranges::find_if(unknown, [](const std::string& word) { return word.starts_with('-'); });
  if (option != unknown.end()) {
    reason = fmt::format("there is no option {}", *option);
  } else if (inner->get_require_subcommand_min() > 0) {
    reason = unknown.empty() ? "a command is missing"
                             : fmt::format("there is no command \"{}\"", unknown.front());
  } else if (!unknown.empty()) {
    reason = fmt::format("there is an argument too many, \"{}\"", unknown.front());
  }
  return fmt::format("{}; see {} --help", reason, command);
}

// CLI11 reads "[a,b]" as a list: an existing path of that form is passed as "./[a,b]".
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

// By default glibc keeps a heap for each thread and allocates big blocks inside them; with images
// of many sizes, their unused parts grow for hours. No effect if another allocator is loaded.
void keep_heaps_small() {
  ::mallopt(M_ARENA_MAX, 4);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);  // bytes; bigger blocks are returned when they are freed
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

int run(int argc, char** argv) {
  CLI::App app("Classify images into ImageNet's 1,000 classes, or into categories that you name",
               "classifier");
  use_help(app);
  app.set_help_flag("-h,--help", "show this help");
  app.set_version_flag("--version", CLASSIFIER_VERSION, "show the version");
  app.require_subcommand(1);
  app.fallthrough();
  std::map<std::string, std::string> values;
  for (const auto& setting : settings()) {
    app.add_option(flag_of(setting.variable), values[setting.variable])
        ->type_name("value")
        ->group(kSettingsGroup);
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
  add_keys_command(app, set_run);
  add_upload_command(app, set_run);
  add_job_commands(app, set_run);
  add_search_commands(app, set_run);
  add_store_commands(app, set_run);
  add_models_command(app, set_run);
  add_settings_command(app, set_run, flags);
  add_generate_command(app, set_run);
  set_help_notes(app, {.examples = examples(), .exit_codes = true});
  try {
    const auto arguments = keep_brackets(argc, argv);
    std::vector<const char*> words;
    words.reserve(arguments.size());
    for (const auto& argument : arguments) words.push_back(argument.c_str());
    app.parse(argc, words.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return complain({ErrorCode::kInvalidArgument, what_is_wrong(app, error)}, kUsage);
  }
  const auto config = load_config(flags);
  if (!config) return complain(config.error(), kUsage);
  start_log(config->log_level);
  return chosen(*config);
}

int run_safely(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const nlohmann::json::exception&) {
    return complain(
        {ErrorCode::kInternal, "the server at BACKEND_API_URL is not a classifier service"},
        kUnreachable);
  } catch (const std::bad_alloc&) {
    return complain({ErrorCode::kInternal,
                     "not enough memory: stop other programs, or run this where more is free"},
                    kSomeFailed);
  } catch (const std::exception& exception) {
    return complain({ErrorCode::kInternal, exception.what()}, kSomeFailed);
  }
}

// Output that is lost, as on a full disk, is a failure.
int finish(StandardOutput& output, int code) {
  const int error = output.finish();
  if (error == 0) return code;
  complain({ErrorCode::kExhausted,
            fmt::format("cannot write to standard output: {}", std::strerror(error))},
           kSomeFailed);
  return code == 0 ? kSomeFailed : code;
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
}

void catch_hangups() { std::signal(SIGHUP, on_hangup); }
bool reload_requested() { return g_reload.exchange(false); }

std::string starter_notice(const std::string& model) {
  return fmt::format(
      "{} is a starter model, used in place of an official one: see docs/starter-models.md", model);
}

void add_classification_options(CLI::App& command, ClassificationOptions& options) {
  command
      .add_option("--labels", options.labels,
                  "your own categories, separated by commas: \"cat,dog\" (default: ImageNet's "
                  "1,000 classes)")
      ->type_name("LABELS");
  command
      .add_option("--labels-file", options.labels_file, "a text file of categories, one per line")
      ->type_name("FILE");
  command
      .add_option("--model", options.model,
                  "name of the model, as `classifier models` lists it (default: IMAGE_MODEL or "
                  "CUSTOM_MODEL)")
      ->type_name("NAME");
  command.add_option("--top-k", options.top_k, "predictions per image, 1 to 10 (default: 5)")
      ->type_name("N")
      ->check(CLI::Range(1, 10).description(""));
  command
      .add_option("--threshold", options.threshold,
                  "images whose best score is lower are labelled unknown, 0 to 1 (default: 0.5)")
      ->type_name("SCORE")
      ->check([](const std::string& text) {
        double score = -1;
        const bool valid = CLI::detail::lexical_cast(text, score) && score >= 0 && score <= 1;
        return valid ? std::string() : fmt::format("{} is not a number from 0 to 1", text);
      });
}

void add_search_options(CLI::App& command, bool& list_passed_over) {
  command.add_flag("--list-passed-over", list_passed_over,
                   "name every file of the folders that is passed over, and say what it is");
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
  return options;
}

DecodeLimits decode_limits(const Config& config) {
  DecodeLimits limits;
  limits.max_bytes = config.max_image_bytes;
  limits.max_pixels = config.max_image_pixels;
  limits.max_memory = config.decode_memory_mb << 20;
  return limits;
}

Result<std::shared_ptr<ImageDecoder>> open_decoder(const Config& config, std::size_t at_once,
                                                   int nice) {
  const DecodeLimits limits = decode_limits(config);
  if (config.decode_isolation == "off") return std::make_shared<LocalDecoder>(limits);
  return DecoderPool::start(
      {.processes = at_once,
       .memory_limit = limits.max_memory,
       .time_limit = config.image_timeout,
       .nice = nice,
       .limits = limits,
       .on_notice = [](const std::string& notice) { spdlog::warn("{}", notice); }});
}

}  // namespace classifier

int main(int argc, char** argv) {
  classifier::keep_heaps_small();
  const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
  if (classifier::decoder::is_decoder_process(arguments))
    ::_exit(classifier::decoder::run_decoder_process(arguments));
  classifier::StandardOutput output;
  return classifier::finish(output, classifier::run_safely(argc, argv));
}
