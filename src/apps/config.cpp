#include "apps/config.hpp"

#include <sched.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>

#include "apps/installation.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path default_data_dir() {
  const std::string data = environment("XDG_DATA_HOME");
  const fs::path base =
      data.empty() ? fs::path(environment("HOME")) / ".local/share" : fs::path(data);
  return base / "distributed-classifier";
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (std::string part = trim(text.substr(begin, end - begin)); !part.empty())
      parts.push_back(std::move(part));
    begin = end + 1;
  }
  return parts;
}

template <class T>
bool read_number(const std::string& text, T least, T most, T& target) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    return false;
  target = value;
  return true;
}

template <class T>
Setting number(const char* variable, const char* help, T Config::* member, T least, T most,
               const char* fallback) {
  return {.variable = variable,
          .help = help,
          .allowed = fmt::format("a whole number from {} to {}", least, most),
          .fallback = fallback,
          .read = [=](Config& config, const std::string& text) {
            return read_number(text, least, most, config.*member);
          }};
}

template <class T>
Setting text(const char* variable, const char* help, T Config::* member, const char* allowed,
             const char* fallback) {
  return {.variable = variable,
          .help = help,
          .allowed = allowed,
          .fallback = fallback,
          .read =
              [=](Config& config, const std::string& value) {
                config.*member = value;
                return !value.empty();
              },
          .path = std::is_same_v<T, fs::path>};
}

Setting choice(const char* variable, const char* help, std::string Config::* member,
               const std::vector<std::string>& values, const char* fallback) {
  return {.variable = variable,
          .help = help,
          .allowed = fmt::format("one of {}", fmt::join(values, " ")),
          .fallback = fallback,
          .read =
              [member, values](Config& config, const std::string& value) {
                if (std::ranges::find(values, value) == values.end()) return false;
                config.*member = value;
                return true;
              },
          .choices = values};
}

Setting list(const char* variable, const char* help, std::vector<std::string> Config::* member,
             const char* fallback) {
  return {.variable = variable,
          .help = help,
          .allowed = "values separated by commas",
          .fallback = fallback,
          .read = [member](Config& config, const std::string& value) {
            config.*member = split_list(value);
            return true;
          }};
}

bool read_public_base_url(Config& config, const std::string& value) {
  config.public_base_url = value;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (value.starts_with(scheme)) return value.size() > scheme.size();
  }
  return false;
}

bool read_api_keys(Config& config, const std::string& value) {
  config.api_keys.clear();
  for (const auto& text : split_list(value)) {
    auto key = parse_api_key(text, config.api_keys.size() + 1);
    if (!key) return false;
    config.api_keys.push_back(std::move(*key));
  }
  return true;
}

bool read_networks(Config& config, const std::string& value) {
  config.trusted_proxies.clear();
  for (const auto& text : split_list(value)) {
    const auto network = IpNetwork::parse(text);
    if (!network) return false;
    config.trusted_proxies.push_back(*network);
  }
  return true;
}

// Requests per second. The default depends on who can reach the service: load_config sets it.
Setting rate(const char* variable, const char* help, double Config::* member) {
  constexpr int kMax = 1'000'000;
  return {.variable = variable,
          .help = help,
          .allowed = fmt::format("a whole number from 0 to {}; 0: no limit", kMax),
          .fallback = "1000; no limit if BIND_ADDRESS is a loopback address",
          .read = [=](Config& config, const std::string& value) {
            int number = 0;
            if (!read_number(value, 0, kMax, number)) return false;
            config.*member = number;
            return true;
          }};
}

Setting seconds(const char* variable, const char* help, std::chrono::seconds Config::* member,
                int min, const char* range, const char* fallback) {
  constexpr int kMax = 43'200;
  return {.variable = variable,
          .help = help,
          .allowed = fmt::format("a whole number {}", range),
          .fallback = fallback,
          .read = [=](Config& config, const std::string& value) {
            int number = 0;
            if (!read_number(value, min, kMax, number)) return false;
            config.*member = std::chrono::seconds(number);
            return true;
          }};
}

Setting secret(Setting setting) {
  setting.secret = true;
  return setting;
}

// A setting that the help of its users lists.
Setting common(unsigned users, Setting setting) {
  setting.users = users;
  setting.common = true;
  return setting;
}

// A setting that only `classifier settings`, the man page and the completion list.
Setting rare(unsigned users, Setting setting) {
  setting.users = users;
  return setting;
}

std::vector<Setting> network_settings() {
  constexpr std::uint16_t kMaxPort = 65'535;
  return {
      common(kServe | kBackend,
             number<std::uint16_t>("PORT", "port of the API and the web page; 0: any free port",
                                   &Config::port, 0, kMaxPort, "8080")),
      common(kServices, text("BIND_ADDRESS", "address to listen on; 0.0.0.0: all networks",
                             &Config::bind_address, "an IP address", "127.0.0.1")),
      common(kServe,
             number<std::uint16_t>("DASHBOARD_PORT",
                                   "second port of the web page; the next free port if it is taken",
                                   &Config::dashboard_port, 0, kMaxPort, "8501")),
      common(kServe | kMlService,
             number<std::uint16_t>("ML_PORT", "port of the ML service's API; 0: any free port",
                                   &Config::ml_port, 0, kMaxPort, "8000")),
      common(kServe | kBackend, {.variable = "PUBLIC_BASE_URL",
                                 .help = "address of this service as clients see it",
                                 .allowed = "a URL that begins with http:// or https://",
                                 .fallback = "taken from each request",
                                 .read = read_public_base_url}),
      rare(kServices,
           number<std::size_t>("MAX_CONNECTIONS", "client connections open at the same time",
                               &Config::max_connections, 1, 1'000'000, "4096")),
      rare(kServices,
           {.variable = "TRUSTED_PROXIES",
            .help = "reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted",
            .allowed = "addresses and ranges such as 10.0.0.0/8, separated by commas",
            .fallback = "none",
            .read = read_networks}),
  };
}

std::vector<Setting> storage_settings() {
  return {
      common(kServices | kKeys,
             text("DATA_DIR", "folder for images, jobs and results", &Config::data_dir, "a folder",
                  "distributed-classifier in the user's data folder")),
      common(kServices | kClassify | kModels,
             text("MODELS_DIR", "folder that contains the model folders", &Config::models_dir,
                  "a folder", "the models made by setup or `models fetch`")),
      common(kServe | kBackend,
             number<std::size_t>(
                 "JOB_RETENTION_DAYS",
                 "days from submission until a finished job and its results are deleted; images "
                 "are kept; 0: never",
                 &Config::job_retention_days, 0, 36'500, "90")),
      rare(kServe | kBackend,
           number<std::size_t>(
               "TRASH_RETENTION_DAYS",
               "days that an image can be taken back from the trash before it is deleted for good; "
               "0: no trash",
               &Config::trash_retention_days, 0, 36'500, "30")),
      rare(kServe | kBackend,
           number<std::uint64_t>(
               "THUMBNAIL_STORE",
               "megabytes of thumbnails kept in DATA_DIR, so that they are not made again after a "
               "restart; 0: none; on AWS none are kept",
               &Config::thumbnail_store_mb, 0, 65'536, "1024")),
      rare(kServices | kClassify,
           choice("REMEMBER",
                  "whether what models saw in images is kept, so that no image is decoded and run "
                  "twice for a model, and can be searched",
                  &Config::remember, {"on", "off"}, "on")),
      rare(kServices | kClassify,
           number<std::uint64_t>(
               "REMEMBER_LIMIT",
               "megabytes for what is remembered of images, 1 to 4 kB an image and model; what was "
               "not used for the longest time is forgotten first; on AWS there is no limit, and "
               "what "
               "was seen is forgotten after 90 days",
               &Config::remember_limit_mb, 16, 16'777'216, "4096")),
      rare(kServe | kMlService,
           choice("INDEX_UPLOADS",
                  "whether new images are looked at while nothing else is to be done, so that "
                  "search finds them",
                  &Config::index_uploads, {"on", "off"}, "on")),
      rare(kServe | kBackend, text("DASHBOARD_DIR", "folder of the built web page",
                                   &Config::dashboard_dir, "a folder", "the page of this program")),
  };
}

std::vector<Setting> access_settings() {
  return {
      common(kServices | kClients,
             secret({.variable = "API_KEYS",
                     .help = "API keys that are accepted besides those in API_KEYS_FILE; client "
                             "commands send the first",
                     .allowed = "keys separated by commas, each `key` (role admin) or "
                                "`name:role:key` (role read, write or admin)",
                     .fallback = "none",
                     .read = read_api_keys})),
      common(kServices | kKeys,
             text("API_KEYS_FILE",
                  "file in which `classifier keys` stores names, roles and hashes of API keys",
                  &Config::api_keys_file, "a file", "api-keys.json in DATA_DIR; none on AWS")),
      common(kServices,
             list("ALLOWED_ORIGINS", "origins of web pages that may call the API (CORS); *: all",
                  &Config::allowed_origins, "none")),
      rare(kServices,
           list("ALLOWED_HOSTS",
                "names of this server that are answered without API keys, besides addresses, "
                "localhost and the host of PUBLIC_BASE_URL; *: all",
                &Config::allowed_hosts, "none")),
      common(kServices,
             text("TLS_CERT", "certificate chain for HTTPS; reloaded when the file changes",
                  &Config::tls_cert, "a PEM file; TLS_KEY too", "none: plain HTTP")),
      common(kServices, text("TLS_KEY", "private key of the certificate", &Config::tls_key,
                             "a PEM file without a passphrase; TLS_CERT too", "none: plain HTTP")),
      rare(kServices,
           rate("RATE_LIMIT", "requests per second for each API key; bursts may be twice as large",
                &Config::rate_limit)),
      rare(kServices, rate("RATE_LIMIT_ADDRESS",
                           "requests per second for each client address; bursts may be twice as "
                           "large",
                           &Config::rate_limit_address)),
      rare(kServices | kKeys,
           text("AUDIT_LOG", "file that records deletions, cancellations and changes of keys",
                &Config::audit_log, "a file", "the program's log")),
  };
}

std::vector<Setting> model_settings() {
  return {
      common(kServices | kClassify,
             text("IMAGE_MODEL", "default model of image_classification jobs (ImageNet's classes)",
                  &Config::image_model, "a model's name", "the best installed")),
      common(kServices | kClassify,
             text("CUSTOM_MODEL", "default model of custom_classification jobs (own categories)",
                  &Config::custom_model, "a model's name", "the best installed")),
      rare(kServe | kMlService | kClassify,
           choice("INFERENCE_PRECISION",
                  "number format of inference; auto: 8 bits if the model has them, else bf16 if "
                  "the processor supports it",
                  &Config::precision, {"auto", "fp32", "bf16"}, "auto")),
  };
}

std::vector<Setting> work_settings() {
  return {
      common(kServe | kMlService | kClassify,
             number<std::size_t>("MAX_WORKERS",
                                 "images classified at the same time; 0: one per processor core",
                                 &Config::max_workers, 0, 1'024, "0")),
      common(kServe | kMlService,
             number<std::size_t>("BATCH_SIZE", "messages taken from the queue at once",
                                 &Config::batch_size, 1, 1'000, "16")),
      common(kServe | kMlService,
             seconds("VISIBILITY_TIMEOUT",
                     "seconds until an image goes to another worker because the first has stopped",
                     &Config::visibility_timeout, 5, "from 5 to 43200", "60")),
      common(kServe | kMlService,
             number<int>("MAX_ATTEMPTS", "attempts at an image before it is reported as failed",
                         &Config::max_attempts, 1, 100, "4")),
      rare(kServices,
           seconds("IMAGE_TIMEOUT",
                   "seconds to decode an image, after which it fails, and for a model to classify "
                   "one, after which the process exits with code 70, to be restarted by its "
                   "supervisor; without DECODE_ISOLATION it does so for both",
                   &Config::image_timeout, 0, "from 0 to 43200; 0: no limit", "120")),
      rare(kServices | kClassify,
           number<std::uint64_t>("MAX_IMAGE_BYTES", "largest image file, in bytes",
                                 &Config::max_image_bytes, 1'024, 1ULL << 32, "67108864")),
      rare(kServices | kClassify,
           number<std::int64_t>("MAX_IMAGE_PIXELS",
                                "largest image, in pixels (width times height), which bounds the "
                                "time; DECODE_MEMORY bounds the memory",
                                &Config::max_image_pixels, 1, 1LL << 32, "500000000")),
      rare(kServices | kClassify,
           choice("DECODE_ISOLATION",
                  "on: images are decoded in separate processes without access to files and the "
                  "network",
                  &Config::decode_isolation, {"on", "off"}, "on")),
      rare(kServices | kClassify,
           {.variable = "DECODE_MEMORY",
            .help = "memory for decoding an image, in megabytes; those that need more are refused, "
                    "and a decoder process cannot take more",
            .allowed = "a whole number from 64 to 65536",
            .fallback = "700, or less where MEMORY_LIMIT leaves less",
            .read =
                [](Config& config, const std::string& value) {
                  config.decode_memory_is_set = true;
                  return read_number<std::uint64_t>(value, 64, 65'536, config.decode_memory_mb);
                }}),
      rare(kServices,
           number<std::uint64_t>("MEMORY_LIMIT",
                                 "memory of the service and its decoder processes, in megabytes, "
                                 "shared out among models, images, requests and answers",
                                 &Config::memory_limit_mb, 256, 16'777'216,
                                 "the limit of the cgroup, else three quarters of the machine")),
      rare(kServe | kBackend,
           number<std::int64_t>("MAX_BACKLOG",
                                "images that may wait in the queue; more jobs are refused until it "
                                "is shorter; 0: no limit",
                                &Config::max_backlog, 0, 1'000'000'000'000, "10000000")),
  };
}

std::vector<Setting> aws_settings() {
  return {
      common(
          kServices,
          text("DYNAMODB_TABLE", "DynamoDB table of the jobs; set it and both queues to run on AWS",
               &Config::dynamodb_table, "a table's name", "none: jobs are in DATA_DIR")),
      common(kServices, text("REQUEST_QUEUE_URL", "SQS queue of the images to classify",
                             &Config::request_queue_url, "a queue's URL", "none")),
      common(kServices, text("STATUS_QUEUE_URL", "SQS queue of the results",
                             &Config::status_queue_url, "a queue's URL", "none")),
      common(kServices, text("INPUT_BUCKET", "bucket of the uploaded images", &Config::input_bucket,
                             "a bucket's name", "distributed-classifier-input")),
      common(kServices,
             text("OUTPUT_BUCKET", "bucket of the copies sorted by label", &Config::output_bucket,
                  "a bucket's name", "distributed-classifier-output")),
      common(kServices, text("AWS_REGION", "region of the buckets, queues and table",
                             &Config::aws_region, "a region's name", "that of the AWS profile")),
      rare(kServices, text("AWS_ENDPOINT_URL", "address of an emulator instead of AWS",
                           &Config::aws_endpoint_url, "a URL", "none")),
      rare(kServe | kMlService,
           number<std::size_t>("TRANSFER_THREADS",
                               "threads that fetch images from S3, and as many that copy them",
                               &Config::transfer_threads, 1, 256, "16")),
  };
}

std::vector<Setting> other_settings() {
  return {
      common(kServices, choice("LOG_LEVEL", "lowest severity that is logged", &Config::log_level,
                               {"debug", "info", "warn", "error"}, "info")),
      common(kClients, text("BACKEND_API_URL", "address of the service that client commands call",
                            &Config::backend_api_url, "a URL", "http://localhost:8080")),
  };
}

std::vector<Setting> make_settings() {
  std::vector<Setting> all;
  const auto add = [&](const char* group, std::vector<Setting> settings) {
    for (auto& setting : settings) {
      setting.group = group;
      all.push_back(std::move(setting));
    }
  };
  add("Network", network_settings());
  add("Storage", storage_settings());
  add("Access", access_settings());
  add("Models", model_settings());
  add("Work", work_settings());
  add("AWS", aws_settings());
  add("Other", other_settings());
  return all;
}

Result<void> check_aws(const Config& config) {
  const std::array<std::pair<const char*, const std::string*>, 3> needed{
      {{"DYNAMODB_TABLE", &config.dynamodb_table},
       {"REQUEST_QUEUE_URL", &config.request_queue_url},
       {"STATUS_QUEUE_URL", &config.status_queue_url}}};
  std::string set;
  std::string missing;
  for (const auto& [variable, value] : needed) {
    std::string& list = value->empty() ? missing : set;
    list += fmt::format("{}{}", list.empty() ? "" : " and ", variable);
  }
  if (set.empty() || missing.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} is set without {}: set all three to run on AWS, or none of them to "
                          "run on this machine",
                          set, missing));
}

// The first of these that is there; where none is, the one that models are to be fetched into.
fs::path default_models_dir(const fs::path& data_dir) {
  fs::path own = data_dir / "models";
  const fs::path& shared = installation().models_dir;
  if (shared.empty()) return own;
  const bool shared_first = installation().in_source_tree;
  const fs::path& first = shared_first ? shared : own;
  const fs::path& second = shared_first ? own : shared;
  std::error_code ignored;
  if (fs::is_directory(first, ignored)) return first;
  if (fs::is_directory(second, ignored)) return second;
  return shared_first || ::geteuid() == 0 ? shared : own;
}

}  // namespace

std::string flag_of(const std::string& variable) {
  std::string name = "--" + variable;
  std::ranges::transform(name, name.begin(), [](char c) {
    if (c == '_') return '-';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = make_settings();
  return all;
}

bool binds_to_loopback(const Config& config) {
  const auto address = parse_ip(config.bind_address);
  return config.bind_address == "localhost" || (address && is_loopback(*address));
}

Result<Config> load_config(const Flags& flags) {
  constexpr double kUnset = -1;
  constexpr double kUsualRate = 1'000;
  Config config;
  config.rate_limit = kUnset;
  config.rate_limit_address = kUnset;
  for (const auto& setting : settings()) {
    const auto flag = flags(setting.variable);
    const std::string value = flag ? *flag : environment(setting.variable.c_str());
    if (value.empty() && !flag) continue;
    if (!setting.read(config, value)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is {}, but must be {}",
                              flag ? flag_of(setting.variable) : setting.variable,
                              setting.secret ? "not valid" : fmt::format("\"{}\"", value),
                              setting.allowed));
    }
  }
  if (auto complete = check_aws(config); !complete) return std::unexpected(complete.error());
  config.stores = config.dynamodb_table.empty() ? StoreKind::kEmbedded : StoreKind::kAws;
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                config.tls_key.empty() ? "TLS_CERT is set without TLS_KEY: set both, or none"
                                       : "TLS_KEY is set without TLS_CERT: set both, or none");
  }
  if (config.data_dir.empty()) config.data_dir = default_data_dir();
  config.api_keys_file_is_set = !config.api_keys_file.empty();
  if (!config.api_keys_file_is_set && config.stores == StoreKind::kEmbedded)
    config.api_keys_file = config.data_dir / "api-keys.json";
  for (double* const limit : {&config.rate_limit, &config.rate_limit_address}) {
    if (*limit == kUnset) *limit = binds_to_loopback(config) ? 0 : kUsualRate;
  }
  if (config.models_dir.empty()) config.models_dir = default_models_dir(config.data_dir);
  if (config.dashboard_dir.empty()) config.dashboard_dir = installation().dashboard_dir;
  if (config.max_workers == 0) config.max_workers = usable_cores();
  return config;
}

std::string settings_markdown() {
  std::string text;
  std::string group;
  for (const auto& setting : settings()) {
    if (setting.group != group) {
      text += fmt::format(
          "{}## {}\n\n| variable | meaning | allowed | default |\n| --- | --- | --- | --- |\n",
          group.empty() ? "" : "\n", setting.group);
      group = setting.group;
    }
    text += fmt::format("| `{}` | {} | {} | {} |\n", setting.variable, setting.help,
                        setting.allowed, setting.fallback);
  }
  return text;
}

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
}

}  // namespace classifier
