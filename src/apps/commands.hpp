// The subcommands. Each adds itself to the command line and sets what is to be run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "adapters/client/http_client.hpp"
#include "adapters/inference/openvino_classifier.hpp"
#include "apps/config.hpp"

namespace classifier {

// 0: all went well.
constexpr int kSomeFailed = 1;   // some images, or the job
constexpr int kUsage = 2;        // wrong arguments or configuration
constexpr int kHung = 70;        // serve ended itself: an image's step did not end (EX_SOFTWARE)
constexpr int kUnreachable = 3;  // the server cannot be reached, or refused
constexpr int kInterrupted = 130;

// What a subcommand runs once the configuration is read; returns the exit code.
using Run = std::function<int(const Config&)>;
using SetRun = std::function<void(Run)>;

void add_serve_commands(CLI::App& app, const SetRun& set_run);
void add_classify_command(CLI::App& app, const SetRun& set_run);
void add_upload_command(CLI::App& app, const SetRun& set_run);
void add_job_commands(CLI::App& app, const SetRun& set_run);
void add_store_commands(CLI::App& app, const SetRun& set_run);
void add_models_command(CLI::App& app, const SetRun& set_run);
void add_keys_command(CLI::App& app, const SetRun& set_run);
// `flags` tells which settings were given as flags.
void add_settings_command(CLI::App& app, const SetRun& set_run, const Flags& flags);

// Says the error on one line of standard error, and returns `code`.
int complain(const Error& error, int code);

// Becomes true at Ctrl-C or SIGTERM; a second signal ends the process at once.
bool interrupted();
void catch_interrupts();

// Makes SIGHUP ask for a reload instead of ending the process.
void catch_hangups();
// Whether one came since the last call.
bool reload_is_asked_for();

// How images are to be classified, here or by a service.
struct ClassificationOptions {
  std::string labels;
  std::string labels_file;
  std::string model;
  int top_k = 5;
  double threshold = 0.5;
};
void add_classification_options(CLI::App& command, ClassificationOptions& options);

InferenceOptions inference_options(const Config& config);

// What to do where there are no models.
constexpr const char* kNoModelAdvice = "run `classifier models fetch`, or set MODELS_DIR";

// What a person should know who gets results of a starter model.
std::string starter_notice(const std::string& model);

// Entries of `GET /images` under a prefix, all pages.
Result<std::vector<nlohmann::json>> stored_images(HttpClient& client, const std::string& prefix);

}  // namespace classifier
