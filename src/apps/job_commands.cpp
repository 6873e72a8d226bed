// The subcommands for jobs of a running service: submit, watch, result, jobs, rename, cancel,
// retry, delete-job.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iostream>
#include <thread>
#include <utility>

#include "apps/backend_client.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/photo_files.hpp"
#include "apps/result_table.hpp"
#include "apps/terminal.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLabelPatience{30};  // for the model's warnings about labels
constexpr long long kMostRead = 10'000;             // results, to count something in them
constexpr const char* kClientGroup = "Client of a running service";

std::string job_path(const char* before, const std::string& job, const char* after = "") {
  return fmt::format("{}{}{}", before, percent_encode(job), after);
}

bool ended(const json& status) {
  constexpr std::array<std::string_view, 3> kFinal{"completed", "failed", "cancelled"};
  return std::ranges::find(kFinal, status.value("status", "")) != kFinal.end();
}

// Follows the service's events until the job ends, and reconnects if they break off.
Result<json> wait_for(HttpClient& client, const std::string& job) {
  std::unique_ptr<ProgressBar> bar;
  json status;
  while (!interrupted()) {
    auto now = json_body(client.get(job_path("/status/", job)));
    if (!now) return now;
    status = std::move(*now);
    if (!bar) bar = std::make_unique<ProgressBar>(status.value("total", 0LL), "images");
    const auto show = [&](const json& at) {
      bar->show(at.value("done", 0LL), at.value("failed", 0LL));
    };
    show(status);
    if (ended(status)) return status;
    const auto streamed =
        client.events(job_path("/events/", job), [&](std::string_view, std::string_view data) {
          const auto event = json::parse(data, nullptr, false);
          if (event.is_object()) show(event);
          return !interrupted();
        });
    if (!streamed) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  return fail(ErrorCode::kUnavailable, "interrupted");
}

// The exit code for a job that has ended.
int code_of(const json& status) {
  return status.value("status", "") == "completed" && status.value("failed", 0LL) == 0
             ? 0
             : kSomeFailed;
}

HttpClient::Query page_query(const std::string& token) {
  HttpClient::Query query{{"limit", "1000"}};
  if (!token.empty()) query.emplace_back("next_token", token);
  return query;
}

std::int64_t count_not_whole(const json& page) {
  return std::ranges::count_if(page.value("detailed_results", json::array()),
                               [](const json& entry) { return entry.contains("warning"); });
}

// Reads the results of a job that ended to find images that are not whole; a job of very many
// images is left to `classifier result`, which reads them anyway.
void warn_not_whole(HttpClient& client, const std::string& job, const json& status) {
  if (status.value("total", 0LL) > kMostRead) return;
  std::int64_t images = 0;
  std::string token;
  do {
    const auto page = json_body(client.get(job_path("/result/", job), page_query(token)));
    if (!page) return;
    images += count_not_whole(*page);
    token = page->value("next_token", "");
  } while (!token.empty());
  if (const auto notice = not_whole_notice(images); !notice.empty()) warn(notice);
}

int watch(HttpClient& client, const std::string& job, bool as_json) {
  const auto status = wait_for(client, job);
  if (!status) return call_failed(status.error());
  if (as_json) {
    std::cout << status->dump(2) << "\n";
  } else {
    std::cout << fmt::format("{}: {} of {} images done, {} failed\n", status->value("status", ""),
                             status->value("done", 0LL), status->value("total", 0LL),
                             status->value("failed", 0LL));
    if (status->contains("error")) std::cout << printable(status->value("error", "")) << "\n";
    warn_not_whole(client, job, *status);
  }
  return code_of(*status);
}

struct Submit {
  std::vector<std::string> keys;
  std::string keys_file;
  std::string prefix;
  std::string folder;
  std::string query;
  std::string batch;
  ClassificationOptions how;
  std::string label_set;
  std::string name;
  std::string idempotency_key;
  bool all = false;
  bool watch = false;
};

Result<std::vector<std::string>> keys_of_file(const std::string& path) {
  std::ifstream in(path);
  const json document = json::parse(in, nullptr, false);
  std::vector<std::string> keys;
  if (document.is_object() || document.is_array()) {
    for (const auto& key : document) {
      if (!key.is_string()) break;
      keys.push_back(key);
    }
  }
  if (keys.empty() || keys.size() != document.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is neither a JSON list of keys nor a map of file to key", path));
  }
  return keys;
}

// Whether the server has a catalogue of its images.
bool has_catalogue(HttpClient& client) {
  const auto answer = json_body(client.get("/images", {{"offset", "0"}, {"limit", "0"}}));
  return answer && answer->contains("total");
}

// `images` of POST /submit; empty if no rule is named, or it is one of several sources of keys.
json rule_of(const Submit& options) {
  json rule = json::object();
  if (!options.keys.empty() || !options.keys_file.empty()) return rule;
  for (const auto& [name, value] : {std::pair("prefix", &options.prefix),
                                    {"folder", &options.folder},
                                    {"q", &options.query},
                                    {"batch", &options.batch}}) {
    if (!value->empty()) rule[name] = *value;
  }
  if (rule.empty() && options.all) rule["all"] = true;
  return rule;
}

// Whether only the service can find the images.
bool needs_rule(const Submit& options) {
  return !options.folder.empty() || !options.query.empty() || !options.batch.empty();
}

Result<void> check_sources(const Submit& options) {
  if (needs_rule(options) && rule_of(options).empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--folder, --query and --batch cannot be combined with KEY or --keys-file: submit "
                "two jobs");
  }
  return {};
}

Result<std::vector<std::string>> keys_to_submit(HttpClient& client, const Submit& options) {
  std::vector<std::string> keys = options.keys;
  if (options.all || !options.prefix.empty()) {
    const auto stored = stored_images(client, options.prefix);
    if (!stored) return std::unexpected(stored.error());
    for (const auto& image : *stored) keys.push_back(image.value("key", ""));
  }
  if (!options.keys_file.empty()) {
    const auto listed = keys_of_file(options.keys_file);
    if (!listed) return listed;
    keys.insert(keys.end(), listed->begin(), listed->end());
  }
  if (keys.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        "no images were named: give KEY…, --keys-file, --prefix, --folder, --query, --batch "
        "or --all (`classifier upload` prints keys, `classifier images` lists them)");
  }
  return keys;
}

void show_label_warnings(const json& answer) {
  for (const auto& warning : answer.value("warnings", json::array()))
    if (warning.is_string()) warn(warning.get<std::string>());
}

// Says what to know about the labels before anything runs. A model that is being loaded answers
// later, so it is asked again for a while. False where the service cannot be asked.
bool check_labels(HttpClient& client, const std::string& request) {
  const auto end = std::chrono::steady_clock::now() + kLabelPatience;
  while (true) {
    const auto answer = json_body(client.post_json("/labels/check", request));
    if (!answer) return false;
    if (answer->value("complete", true) || interrupted() ||
        std::chrono::steady_clock::now() > end) {
      show_label_warnings(*answer);
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
}

Result<std::vector<std::string>> labels_to_submit(HttpClient& client, const Submit& options) {
  if (options.label_set.empty()) return read_labels(options.how.labels, options.how.labels_file);
  if (!options.how.labels.empty() || !options.how.labels_file.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--label-set cannot be combined with --labels or --labels-file: leave one out");
  }
  const auto set = json_body(client.get("/label-sets/" + percent_encode(options.label_set)));
  if (!set) return std::unexpected(set.error());
  std::vector<std::string> labels;
  for (const auto& label : set->value("labels", json::array()))
    if (label.is_string()) labels.push_back(label.get<std::string>());
  return labels;
}

int submit(const Config& config, const Submit& options) {
  BackendClient client(config);
  const auto labels = labels_to_submit(*client, options);
  if (!labels) {
    const bool usage =
        options.label_set.empty() || labels.error().code == ErrorCode::kInvalidArgument;
    return usage ? complain(labels.error(), kUsage) : call_failed(labels.error());
  }
  if (const auto clear = check_sources(options); !clear) return complain(clear.error(), kUsage);
  json request = {{"job_type", labels->empty() ? "image_classification" : "custom_classification"},
                  {"top_k", options.how.top_k},
                  {"confidence_threshold", options.how.threshold}};
  const json rule = rule_of(options);
  if (!rule.empty() && (needs_rule(options) || has_catalogue(*client))) {
    request["images"] = rule;
  } else {
    auto keys = keys_to_submit(*client, options);
    if (!keys) {
      return keys.error().code == ErrorCode::kInvalidArgument ? complain(keys.error(), kUsage)
                                                              : call_failed(keys.error());
    }
    request["s3_keys"] = std::move(*keys);
  }
  if (!labels->empty()) request["custom_labels"] = *labels;
  if (!options.how.model.empty()) request["model"] = options.how.model;
  if (!options.name.empty()) request["name"] = options.name;
  const auto text = [](const json& body) {
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  const bool told =
      !labels->empty() &&
      check_labels(*client, text({{"custom_labels", *labels}, {"model", options.how.model}}));
  HttpClient::Headers headers;
  if (!options.idempotency_key.empty())
    headers.emplace_back("Idempotency-Key", options.idempotency_key);
  const auto answer = json_body(client->post_json("/submit", text(request), headers));
  if (!answer) return call_failed(answer.error());
  if (!told) show_label_warnings(*answer);
  const std::string job = answer->value("job_id", "");
  std::cout << job << '\n' << std::flush;
  note(answer->value("message", ""));
  return options.watch ? watch(*client, job, false) : 0;
}

ResultRow row_of(const json& entry) {
  ResultRow row{.filename = entry.value("name", entry.value("filename", "")),
                .predictions = {},
                .unknown = entry.contains("reason"),
                .error = entry.value("error", ""),
                .warning = entry.value("warning", "")};
  for (const auto& prediction : entry.value("all_predictions", json::array()))
    row.predictions.push_back({prediction.value("label", ""), prediction.value("score", 0.0F)});
  return row;
}

int print_result_table(HttpClient& client, const std::string& job) {
  json page;
  std::string token;
  std::int64_t not_whole = 0;
  do {
    const auto response = client.get(job_path("/result/", job), page_query(token));
    auto body = json_body(response);
    if (!body) return call_failed(body.error());
    page = std::move(*body);
    if (response->status == 202) {
      return complain({ErrorCode::kConflict, fmt::format("{} (or use `classifier watch {}`)",
                                                         page.value("message", ""), job)},
                      kUnreachable);
    }
    std::vector<ResultRow> rows;
    for (const auto& entry : page.value("detailed_results", json::array()))
      rows.push_back(row_of(entry));
    print_results(rows);
    not_whole += count_not_whole(page);
    token = page.value("next_token", "");
  } while (!token.empty() && std::cout);
  const auto summary = page.value("summary", json::object());
  note(fmt::format("{}: {} classified, {} unknown, {} failed of {}", page.value("model_used", ""),
                   summary.value("classified", 0LL), summary.value("unknown", 0LL),
                   summary.value("failed", 0LL), summary.value("total", 0LL)));
  if (const auto notice = not_whole_notice(not_whole); !notice.empty()) warn(notice);
  return page.value("success", false) ? 0 : kSomeFailed;
}

int result(const Config& config, const std::string& job, const std::string& format, bool excel) {
  if (excel && format != "csv") {
    return complain({ErrorCode::kInvalidArgument, "--excel is for --format csv: add that"}, kUsage);
  }
  BackendClient client(config);
  if (format == "table") return print_result_table(*client, job);
  // The exit code depends on the status: the result is printed without being parsed.
  const auto status = json_body(client->get(job_path("/status/", job)));
  if (!status) return call_failed(status.error());
  HttpClient::Query query;
  if (excel) query.emplace_back("excel", "1");
  const auto streamed = client->stream(job_path("/result/", job, format == "csv" ? ".csv" : ""),
                                       query, [](std::string_view bytes) {
                                         std::cout << bytes;
                                         return std::cout.good() && !interrupted();
                                       });
  if (!std::cout) return kSomeFailed;  // main() says why
  if (!streamed) return call_failed(streamed.error());
  if (format == "json") std::cout << "\n";
  if (interrupted()) return kInterrupted;
  return status->value("status", "") == "completed" ? 0 : kSomeFailed;
}

struct List {
  int limit = 20;
  std::string status;
  std::string type;
  std::string format = "table";
};

int list_jobs(const Config& config, const List& options) {
  BackendClient client(config);
  const auto response = client->get("/jobs", {{"limit", std::to_string(options.limit)},
                                              {"status", options.status},
                                              {"job_type", options.type}});
  if (options.format == "json") return print_json(response);
  const auto page = json_body(response);
  if (!page) return call_failed(page.error());
  Table table({"JOB", "STATUS", "IMAGES", "TYPE", "CREATED (UTC)", "ENDED (UTC)", "NAME"});
  const auto jobs = page->value("jobs", json::array());
  for (const auto& job : jobs) {
    table.add({job.value("job_id", ""), job.value("status", ""),
               std::to_string(job.value("num_images", 0LL)), job.value("job_type", ""),
               short_time(job, "created_at"), short_time(job, "completed_at"),
               job.value("name", "")});
  }
  table.print(std::cout);
  note(fmt::format("{} of {} jobs", jobs.size(), page->value("total", 0LL)));
  return 0;
}

int rename(const Config& config, const std::string& job, const std::string& name) {
  BackendClient client(config);
  return print_json(client->patch_json(
      job_path("/jobs/", job),
      json{{"name", name}}.dump(-1, ' ', false, json::error_handler_t::replace)));
}

// Asks on the terminal; an error where nobody can be asked.
Result<bool> agreed(const std::string& question) {
  if (!is_terminal(stdin)) {
    return fail(ErrorCode::kInvalidArgument,
                "nobody can be asked whether to delete: add --yes if you are sure");
  }
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return to_lower(trim(answer)) == "y" || to_lower(trim(answer)) == "yes";
}

int delete_jobs(const Config& config, const std::vector<std::string>& jobs, bool yes) {
  if (!yes) {
    const auto sure =
        agreed(fmt::format("Delete {} with results and sorted copies? The images stay.",
                           jobs.size() == 1 ? "the job" : fmt::format("{} jobs", jobs.size())));
    if (!sure) return complain(sure.error(), kUsage);
    if (!*sure) return complain({ErrorCode::kConflict, "nothing was deleted"}, kSomeFailed);
  }
  BackendClient client(config);
  int code = 0;
  for (const auto& job : jobs) {
    const auto removed = client->del(job_path("/jobs/", job));
    if (removed) {
      std::cout << job << "\n";
      continue;
    }
    const Error& error = removed.error();
    if (error.code != ErrorCode::kNotFound && error.code != ErrorCode::kConflict)
      return call_failed(error);
    code = complain({error.code, fmt::format("{}: {}", job, error.message)}, kSomeFailed);
  }
  return code;
}

void add_submit(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<Submit>();
  auto* command =
      app.add_subcommand("submit", "Submit a job that classifies uploaded images; prints its id");
  command->group(kClientGroup);
  command->add_option("KEY", options->keys, "keys of uploaded images");
  command
      ->add_option("--keys-file", options->keys_file,
                   "JSON list of keys, or map of file to key as `classifier upload --keys-out` "
                   "writes it")
      ->type_name("FILE");
  command
      ->add_option("--prefix", options->prefix, "all uploaded images whose key begins with PREFIX")
      ->type_name("PREFIX");
  command
      ->add_option("--folder", options->folder,
                   "all images in FOLDER, or below it, of what was uploaded")
      ->type_name("FOLDER");
  command->add_option("--query", options->query, "all images with these words in their names")
      ->type_name("WORDS");
  command->add_option("--batch", options->batch, "all images of the upload with this name")
      ->type_name("NAME");
  command->add_flag("--all", options->all, "all uploaded images");
  add_classification_options(*command, options->how);
  command->add_option("--name", options->name, "a name for the job, which lists and results show")
      ->type_name("NAME");
  command
      ->add_option("--label-set", options->label_set,
                   "the categories that the service keeps under this name, as the page saves them")
      ->type_name("NAME");
  command
      ->add_option("--idempotency-key", options->idempotency_key,
                   "any text; if this command is repeated with the same one, no second job is made")
      ->type_name("TEXT");
  command->add_flag("--watch", options->watch, "wait until the job is done, like `watch`");
  set_help_notes(
      *command,
      {.settings_of = kClients,
       .examples = {{"classifier submit --keys-file keys.json --labels \"cat,dog\" --watch",
                     "Classify what `classifier upload --keys-out keys.json` has uploaded"},
                    {"classifier submit --all --threshold 0.3", "Classify all uploaded images"}}});
  command->callback(
      [=] { set_run([=](const Config& config) { return submit(config, *options); }); });
}

// Adds a subcommand that takes a job's id, and a format if there are several.
CLI::App* add_job_command(
    CLI::App& app, const SetRun& set_run, const char* name, const char* help,
    const std::vector<std::string>& formats,
    const std::function<int(const Config&, const std::string& job, const std::string& format)>& run,
    const std::vector<Example>& examples = {}) {
  auto job = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>(formats.front());
  auto* command = app.add_subcommand(name, help);
  command->group(kClientGroup);
  command
      ->add_option("JOB", *job,
                   "id of the job, as `classifier submit` prints and `classifier jobs` lists it")
      ->required();
  if (formats.size() > 1) {
    command
        ->add_option("--format", *format,
                     fmt::format("output format (default: {})", formats.front()))
        ->type_name("FORMAT")
        ->check(CLI::IsMember(formats));
  }
  set_help_notes(*command, {.settings_of = kClients, .examples = examples});
  command->callback(
      [=] { set_run([=](const Config& config) { return run(config, *job, *format); }); });
  return command;
}

void add_jobs(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<List>();
  auto* command = app.add_subcommand("jobs", "List jobs, newest first");
  command->group(kClientGroup);
  command->add_option("--limit", options->limit, "list at most N jobs, 1 to 1000 (default: 20)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000).description(""));
  command->add_option("--status", options->status, "only jobs with this status")
      ->type_name("STATUS")
      ->check(
          CLI::IsMember({"pending", "queued", "processing", "completed", "failed", "cancelled"}));
  command->add_option("--type", options->type, "only jobs of this type")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"image_classification", "custom_classification"}));
  command->add_option("--format", options->format, "output format (default: table)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}));
  set_help_notes(*command,
                 {.settings_of = kClients,
                  .examples = {{"classifier jobs --status failed", "The jobs that failed"}}});
  command->callback(
      [=] { set_run([=](const Config& config) { return list_jobs(config, *options); }); });
}

void add_rename(CLI::App& app, const SetRun& set_run) {
  auto name = std::make_shared<std::string>();
  add_job_command(app, set_run, "rename", "Give a job another name", {"json"},
                  [name](const Config& config, const std::string& job, const std::string&) {
                    return rename(config, job, *name);
                  },
                  {{"classifier rename JOB \"Holiday 2024\"", "Another name"},
                   {"classifier rename JOB \"\"", "No name"}})
      ->add_option("NAME", *name, "the new name, at most 200 characters; \"\" removes it")
      ->required();
}

void add_delete_job(CLI::App& app, const SetRun& set_run) {
  auto jobs = std::make_shared<std::vector<std::string>>();
  auto yes = std::make_shared<bool>(false);
  auto* command = app.add_subcommand(
      "delete-job",
      "Delete finished jobs with their results and sorted copies, never images; prints their ids");
  command->group(kClientGroup);
  command->add_option("JOB", *jobs, "ids of jobs, as `classifier jobs` lists them")->required();
  command->add_flag("--yes", *yes, "do not ask");
  set_help_notes(*command, {.settings_of = kClients, .examples = {}});
  command->callback(
      [=] { set_run([=](const Config& config) { return delete_jobs(config, *jobs, *yes); }); });
}

}  // namespace

void add_job_commands(CLI::App& app, const SetRun& set_run) {
  add_submit(app, set_run);
  add_job_command(app, set_run, "watch", "Wait until a job is done, and show its progress",
                  {"text", "json"},
                  [](const Config& config, const std::string& job, const std::string& format) {
                    BackendClient client(config);
                    return watch(*client, job, format == "json");
                  });
  const auto excel = std::make_shared<bool>(false);
  add_job_command(
      app, set_run, "result", "Print the results of a finished job", {"table", "json", "csv"},
      [excel](const Config& config, const std::string& job, const std::string& format) {
        return result(config, job, format, *excel);
      },
      {{"classifier result JOB --format csv --excel > labels.csv", "A table for Excel"},
       {"classifier result JOB --format json | jq .grouped_by_label", "The photos of each label"}})
      ->add_flag("--excel", *excel,
                 "begin the CSV with a byte order mark, which Excel needs to read names and labels "
                 "beyond ASCII");
  add_jobs(app, set_run);
  add_rename(app, set_run);
  add_job_command(app, set_run, "cancel", "Cancel a job; results so far are kept", {"json"},
                  [](const Config& config, const std::string& job, const std::string&) {
                    BackendClient client(config);
                    return print_json(client->post_json(job_path("/jobs/", job, "/cancel"), "{}"));
                  });
  add_job_command(app, set_run, "retry", "Classify the failed images of a job again", {"json"},
                  [](const Config& config, const std::string& job, const std::string&) {
                    BackendClient client(config);
                    return print_json(client->post_json(job_path("/jobs/", job, "/retry"), "{}"));
                  });
  add_delete_job(app, set_run);
}

}  // namespace classifier
