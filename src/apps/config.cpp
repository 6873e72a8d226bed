#include "apps/config.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
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
  return {variable, help,
          "a whole number from " + std::to_string(least) + " to " + std::to_string(most), fallback,
          [=](Config& config, const std::string& text) {
            return read_number(text, least, most, config.*member);
          }};
}

template <class T>
Setting text(const char* variable, const char* help, T Config::* member, const char* allowed,
             const char* fallback) {
  return {variable, help, allowed, fallback, [=](Config& config, const std::string& value) {
            config.*member = value;
            return !value.empty();
          }};
}

Setting choice(const char* variable, const char* help, std::string Config::* member,
               const std::vector<std::string>& values, const char* fallback) {
  std::string allowed = "one of";
  for (const auto& value : values) allowed += " " + value;
  return {variable, help, allowed, fallback,
          [member, values](Config& config, const std::string& value) {
            if (std::ranges::find(values, value) == values.end()) return false;
            config.*member = value;
            return true;
          }};
}

Setting list(const char* variable, const char* help, std::vector<std::string> Config::* member,
             const char* fallback) {
  return {variable, help, "values separated by commas", fallback,
          [member](Config& config, const std::string& value) {
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

// Requests a second. Nothing is limited where only this machine can call.
Setting rate(const char* variable, const char* help, double Config::* member) {
  constexpr int kMax = 1'000'000;
  return {variable, help, "a whole number from 0 to " + std::to_string(kMax) + "; 0: no limit",
          "1000; no limit where BIND_ADDRESS is this machine only",
          [=](Config& config, const std::string& value) {
            int number = 0;
            if (!read_number(value, 0, kMax, number)) return false;
            config.*member = number;
            return true;
          }};
}

Setting seconds(const char* variable, const char* help, std::chrono::seconds Config::* member,
                int min, const char* range, const char* fallback) {
  constexpr int kMax = 43'200;
  return {variable, help, std::string("a whole number ") + range, fallback,
          [=](Config& config, const std::string& value) {
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

std::vector<Setting> make_settings() {
  constexpr std::uint16_t kMaxPort = 65'535;
  return {
      number<std::uint16_t>("PORT", "port of the API and the page; 0: any free one", &Config::port,
                            0, kMaxPort, "8080"),
      number<std::uint16_t>("ML_PORT", "port of the ML service's own API", &Config::ml_port, 0,
                            kMaxPort, "8000"),
      number<std::uint16_t>("DASHBOARD_PORT",
                            "port of the page; the next free one where it is taken",
                            &Config::dashboard_port, 0, kMaxPort, "8501"),
      text("BIND_ADDRESS", "address to listen on; 0.0.0.0 for every network", &Config::bind_address,
           "an IP address", "127.0.0.1"),
      text("DATA_DIR", "where images, jobs and results are kept", &Config::data_dir, "a folder",
           "distributed-classifier in the user's data folder"),
      text("MODELS_DIR", "where the model folders are", &Config::models_dir, "a folder",
           "the models that setup or `models fetch` made"),
      text("DASHBOARD_DIR", "where the built page is", &Config::dashboard_dir, "a folder",
           "the one that came with the program"),
      text("INPUT_BUCKET", "bucket of the uploaded images", &Config::input_bucket,
           "a bucket's name", "distributed-classifier-input"),
      text("OUTPUT_BUCKET", "bucket of the sorted copies", &Config::output_bucket,
           "a bucket's name", "distributed-classifier-output"),
      text("DYNAMODB_TABLE", "table of the jobs; with both queues: run on AWS",
           &Config::dynamodb_table, "a table's name", "none: jobs are in DATA_DIR"),
      text("REQUEST_QUEUE_URL", "SQS queue of the images to classify", &Config::request_queue_url,
           "a queue's URL", "none"),
      text("STATUS_QUEUE_URL", "SQS queue of the results", &Config::status_queue_url,
           "a queue's URL", "none"),
      text("AWS_REGION", "region of the buckets, queues and table", &Config::aws_region,
           "a region's name", "that of the AWS profile"),
      text("AWS_ENDPOINT_URL", "address of an emulator instead of AWS's own",
           &Config::aws_endpoint_url, "a URL", "none"),
      number<std::size_t>("JOB_RETENTION_DAYS",
                          "days until a job that ended is forgotten, its images kept; 0: never",
                          &Config::job_retention_days, 0, 36'500, "90"),
      number<std::size_t>("TRANSFER_THREADS", "images fetched, and copied, from S3 at once",
                          &Config::transfer_threads, 1, 256, "16"),
      text("IMAGE_MODEL", "default model for image_classification", &Config::image_model,
           "a model's name", "the best installed"),
      text("CUSTOM_MODEL", "default model for custom_classification", &Config::custom_model,
           "a model's name", "the best installed"),
      choice("INFERENCE_PRECISION",
             "numbers that models run in; auto: 8 bits where a model has them, else bf16 where the "
             "processor has it",
             &Config::precision, {"auto", "fp32", "bf16"}, "auto"),
      number<std::size_t>("MAX_WORKERS", "images classified at once; 0: the processor cores",
                          &Config::max_workers, 0, 1'024, "0"),
      number<std::size_t>("BATCH_SIZE", "messages taken from the queue at once",
                          &Config::batch_size, 1, 1'000, "16"),
      seconds("VISIBILITY_TIMEOUT",
              "seconds until an image that a worker holds is given to another",
              &Config::visibility_timeout, 5, "from 5 to 43200", "60"),
      seconds("IMAGE_TIMEOUT",
              "seconds that decoding an image, or running a model on it, may take before the "
              "process ends, to be started again",
              &Config::image_timeout, 0, "from 0 to 43200; 0: no limit", "120"),
      number<int>("MAX_ATTEMPTS", "tries of an image before it is reported failed",
                  &Config::max_attempts, 1, 100, "4"),
      number<std::uint64_t>("MAX_IMAGE_BYTES", "largest image file", &Config::max_image_bytes,
                            1'024, 1ULL << 32, "67108864"),
      number<std::int64_t>("MAX_IMAGE_PIXELS", "largest image, width times height",
                           &Config::max_image_pixels, 1, 1LL << 32, "100000000"),
      secret({"API_KEYS", "keys of which every call must bring one, beside those of API_KEYS_FILE",
              "keys separated by commas, each `key` (role admin) or `name:role:key` (role read, "
              "write or admin)",
              "none", read_api_keys}),
      text("API_KEYS_FILE", "where `classifier keys` keeps names, roles and hashes of more keys",
           &Config::api_keys_file, "a file", "api-keys.json in DATA_DIR; none on AWS"),
      rate("RATE_LIMIT", "requests a second with one API key; twice as many may come at once",
           &Config::rate_limit),
      rate("RATE_LIMIT_ADDRESS",
           "requests a second from one address; twice as many may come at once",
           &Config::rate_limit_address),
      {"TRUSTED_PROXIES", "proxies in front, whose X-Forwarded-For and -Proto are believed",
       "addresses and ranges such as 10.0.0.0/8, separated by commas", "none", read_networks},
      text("TLS_CERT", "certificate, with its chain, for HTTPS; read again when it changes",
           &Config::tls_cert, "a PEM file; TLS_KEY too", "none: plain HTTP"),
      text("TLS_KEY", "key of the certificate", &Config::tls_key,
           "a PEM file without a passphrase; TLS_CERT too", "none: plain HTTP"),
      number<std::int64_t>("MAX_BACKLOG",
                           "images that may wait; more jobs are refused for now; 0: no limit",
                           &Config::max_backlog, 0, 1'000'000'000'000, "10000000"),
      number<std::size_t>("MAX_CONNECTIONS", "connections of clients at once",
                          &Config::max_connections, 1, 1'000'000, "4096"),
      text("AUDIT_LOG", "where deletes, cancellations and changes of keys are recorded",
           &Config::audit_log, "a file", "in the log"),
      list("ALLOWED_ORIGINS", "origins of pages that may call the API (CORS); * for all",
           &Config::allowed_origins, "none"),
      {"PUBLIC_BASE_URL", "address of this service as clients see it",
       "a URL that begins with http:// or https://", "from each request", read_public_base_url},
      choice("LOG_LEVEL", "least severity that is logged", &Config::log_level,
             {"debug", "info", "warn", "error"}, "info"),
      text("BACKEND_API_URL", "address of the service, for upload, submit and so on",
           &Config::backend_api_url, "a URL", "http://localhost:8080"),
  };
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
    list += (list.empty() ? "" : " and ") + std::string(variable);
  }
  if (set.empty() || missing.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              set + " is set without " + missing +
                  ": set all three to run on AWS, or none of them to run on this machine");
}

// The first of these that is there; where none is, the one that models are to be fetched into.
fs::path default_models_dir(const fs::path& data_dir) {
  const fs::path own = data_dir / "models";
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
      const std::string shown = setting.secret ? "not valid" : "\"" + value + "\"";
      return fail(ErrorCode::kInvalidArgument,
                  (flag ? flag_of(setting.variable) : setting.variable) + " is " + shown +
                      ", but must be " + setting.allowed);
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
  std::string table = "| variable | what it is | allowed | default |\n| --- | --- | --- | --- |\n";
  for (const auto& setting : settings()) {
    table += "| `" + setting.variable + "` | " + setting.help + " | " + setting.allowed + " | " +
             setting.fallback + " |\n";
  }
  return table;
}

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
}

}  // namespace classifier
