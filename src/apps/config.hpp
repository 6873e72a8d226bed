// The settings of the program: environment variables, and flags of the same names.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domain/access.hpp"
#include "domain/error.hpp"
#include "domain/ip_network.hpp"

namespace classifier {

// Where jobs, work and images are kept.
enum class StoreKind { kEmbedded, kAws };

struct Config {
  std::uint16_t port = 8080;
  std::uint16_t ml_port = 8000;
  std::uint16_t dashboard_port = 8501;
  std::string bind_address = "127.0.0.1";
  std::filesystem::path data_dir;
  std::filesystem::path models_dir;
  std::filesystem::path dashboard_dir;
  std::string input_bucket = "distributed-classifier-input";
  std::string output_bucket = "distributed-classifier-output";
  StoreKind stores = StoreKind::kEmbedded;
  // All three with kAws, none with kEmbedded.
  std::string dynamodb_table;
  std::string request_queue_url;
  std::string status_queue_url;
  std::string aws_region;
  std::string aws_endpoint_url;
  std::size_t job_retention_days = 90;
  std::size_t trash_retention_days = 30;
  std::uint64_t thumbnail_store_mb = 1'024;  // 0: none
  std::string remember = "on";
  std::uint64_t remember_limit_mb = 4'096;
  std::string index_uploads = "on";
  std::size_t transfer_threads = 16;
  std::string image_model;
  std::string custom_model;
  std::string precision = "auto";
  std::size_t max_workers = 0;  // 0: the processor cores that this process may use
  std::size_t batch_size = 16;
  std::chrono::seconds visibility_timeout{60};
  std::chrono::seconds image_timeout{120};  // 0: none
  int max_attempts = 4;
  std::uint64_t max_image_bytes = 64ULL << 20;
  std::int64_t max_image_pixels = 500'000'000;
  std::string decode_isolation = "on";
  std::uint64_t decode_memory_mb = 700;
  bool decode_memory_is_set = false;  // by the user, whatever MEMORY_LIMIT leaves
  std::uint64_t memory_limit_mb = 0;  // 0: see memory_limit()
  std::vector<ApiKey> api_keys;
  std::filesystem::path api_keys_file;  // empty: none
  bool api_keys_file_is_set = false;    // by the user, who then expects keys in it
  std::filesystem::path audit_log;      // empty: in the program's log
  double rate_limit = 0;                // requests a second; 0: no limit
  double rate_limit_address = 0;
  std::vector<IpNetwork> trusted_proxies;
  std::filesystem::path tls_cert;  // both or none
  std::filesystem::path tls_key;
  std::int64_t max_backlog = 10'000'000;  // 0: no limit
  std::size_t max_connections = 4'096;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
  std::string public_base_url;
  std::string log_level = "info";
  std::string backend_api_url = "http://localhost:8080";
};

// Whether other machines cannot reach the service.
bool binds_to_loopback(const Config& config);

// The commands that use a setting, as bits: their help and their completion list it.
enum SettingUser : unsigned {
  kServe = 1,
  kBackend = 2,
  kMlService = 4,
  kServices = kServe | kBackend | kMlService,
  kClassify = 8,
  kClients = 16,  // every command that calls a service
  kKeys = 32,
  kModels = 64,
};

struct Setting {
  std::string variable;  // "DATA_DIR"
  std::string help;
  std::string allowed;  // what a value may be
  std::string fallback;
  // Parses a value into the configuration; false when the value is not allowed.
  std::function<bool(Config&, const std::string&)> read;
  // The initializers let a declaration omit what it does not need.
  // NOLINTBEGIN(readability-redundant-member-init)
  std::string group = {};                 // "Network": a heading in the help
  unsigned users = 0;                     // bits of SettingUser
  bool common = false;                    // listed by `--help` of those commands
  bool secret = false;                    // its value is never shown
  bool path = false;                      // a value is a file or folder
  std::vector<std::string> choices = {};  // the allowed values, if they can be listed
  // NOLINTEND(readability-redundant-member-init)
};

// "--data-dir" of "DATA_DIR"
std::string flag_of(const std::string& variable);

// Every setting, declared once and ordered by group; help, flags, completion and checks come from
// here.
const std::vector<Setting>& settings();

// Value of a flag by its variable's name, where it was given.
using Flags = std::function<std::optional<std::string>(const std::string& variable)>;

// A flag overrides the environment, which overrides the default. kInvalidArgument names the
// variable, the value and what is allowed.
Result<Config> load_config(const Flags& flags);

// The settings in Markdown, a table for each group, for docs/configuration.md.
std::string settings_markdown();

// Processor cores that this process may use, at least 1.
std::size_t usable_cores();

}  // namespace classifier
