// The subcommands. Each adds itself to the command line and sets what to run.
#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "adapters/client/http_client.hpp"
#include "adapters/inference/openvino_classifier.hpp"
#include "apps/config.hpp"
#include "services/pipeline.hpp"

namespace classifier {

constexpr int kSomeFailed = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;
constexpr int kHung = 70;  // EX_SOFTWARE
constexpr int kInterrupted = 130;

struct ExitCode {
  int code;
  const char* meaning;
};

// Of every command; the help, the man page and docs/command-line.md show this table.
inline constexpr std::array<ExitCode, 7> kExitCodes{{
    {0, "success"},
    {kSomeFailed,
     "some images failed, or the whole job or command did; also when the output could not be "
     "written"},
    {kUsage, "wrong arguments, or a setting with a value that is not allowed"},
    {kUnreachable, "the service could not be reached, or refused the request"},
    {kHung, "a service ended itself because an image took longer than IMAGE_TIMEOUT"},
    {kInterrupted, "interrupted by Ctrl-C or SIGTERM (a service that stops in order exits with 0)"},
    {141, "the reader of the output, such as `head`, ended before the command did"},
}};

// What a subcommand does once the configuration is read; returns the exit code.
using Run = std::function<int(const Config&)>;
using SetRun = std::function<void(Run)>;

void add_serve_commands(CLI::App& app, const SetRun& set_run);
void add_classify_command(CLI::App& app, const SetRun& set_run);
void add_upload_command(CLI::App& app, const SetRun& set_run);
void add_job_commands(CLI::App& app, const SetRun& set_run);
void add_search_commands(CLI::App& app, const SetRun& set_run);
void add_store_commands(CLI::App& app, const SetRun& set_run);
void add_models_command(CLI::App& app, const SetRun& set_run);
void add_keys_command(CLI::App& app, const SetRun& set_run);
// `flags` has the values of the settings that were given as flags.
void add_settings_command(CLI::App& app, const SetRun& set_run, const Flags& flags);
void add_generate_command(CLI::App& app, const SetRun& set_run);

// Prints the error as one line on standard error, and returns `code`.
int complain(const Error& error, int code);

// Becomes true at Ctrl-C or SIGTERM; a second signal ends the process at once.
bool interrupted();
void catch_interrupts();

// Makes SIGHUP request a reload instead of ending the process.
void catch_hangups();
// Whether a reload was requested since the last call.
bool reload_requested();

// How to classify images, on this machine or by a service.
struct ClassificationOptions {
  std::string labels;
  std::string labels_file;
  std::string model;
  int top_k = 5;
  double threshold = 0.5;
};
void add_classification_options(CLI::App& command, ClassificationOptions& options);

// Of commands that take photos and folders.
inline constexpr const char* kPathHelp =
    "photos or folders; - is standard input: an image, or a list of files, one per line or, as of "
    "find -print0, separated by NUL";
void add_search_options(CLI::App& command, bool& list_passed_over);

// The bytes of a photo, with its version as of FileHashes. kNotFound, kTooLarge.
Result<FetchedImage> read_photo(const std::filesystem::path& path, std::uint64_t max_bytes);

// Without a decoder.
InferenceOptions inference_options(const Config& config);

DecodeLimits decode_limits(const Config& config);

// For `at_once` images at the same time: in processes of their own, unless DECODE_ISOLATION is off.
Result<std::shared_ptr<ImageDecoder>> open_decoder(const Config& config, std::size_t at_once,
                                                   int nice = 0);

// What to do where there are no models.
constexpr const char* kNoModelAdvice = "run `classifier models fetch`, or set MODELS_DIR";

// The notice that goes with results of a starter model.
std::string starter_notice(const std::string& model);

// All entries of `GET /images` whose key begins with `prefix`.
Result<std::vector<nlohmann::json>> stored_images(HttpClient& client, const std::string& prefix);

}  // namespace classifier
