// `classifier upload`: sends photos and folders to the service, several at a time.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

#include "apps/backend_client.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/photo_files.hpp"
#include "apps/search_report.hpp"
#include "apps/terminal.hpp"
#include "domain/content_kind.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "ports/clock.hpp"
#include "services/image_service.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct UploadOptions {
  std::vector<std::string> paths;
  std::string keys_out;
  std::string batch;
  std::size_t parallel = 8;
  bool resume = false;
  bool list_passed_over = false;
};

// A folder that is uploaded, and its own name, which "." has as well.
struct Root {
  fs::path path;
  fs::path name;
};

std::vector<Root> roots_of(const std::vector<std::string>& uploaded) {
  std::vector<Root> roots;
  std::error_code error;
  for (const auto& path : uploaded) {
    if (path == "-" || !fs::is_directory(path, error)) continue;
    const fs::path whole = fs::canonical(path, error);
    roots.push_back({path, error ? fs::path() : whole.filename()});
  }
  return roots;
}

// The path within what is uploaded: that of a folder begins with the folder's own name.
std::string name_within(const std::vector<Root>& roots, const fs::path& file) {
  fs::path best = file.filename();
  for (const auto& root : roots) {
    const fs::path inside = file.lexically_relative(root.path);
    if (inside.empty() || *inside.begin() == ".." || inside == ".") continue;
    best = root.name / inside;
  }
  return best.string();
}

// By its ending, or else by its first bytes.
Result<std::string_view> type_of(const std::string& photo) {
  if (const auto type = image_content_type(photo)) return *type;
  const auto content = content_of(file_of(photo));
  if (!content) return fail(ErrorCode::kNotFound, "cannot read it");
  if (content->kind == FileKind::kImage) return content->content_type;
  return fail(ErrorCode::kUnsupported,
              fmt::format("it is no image but, by its content, of the kind \"{}\"; names of images "
                          "end in one of {}",
                          word_for(content->kind), image_extensions()));
}

Result<std::string> upload_one(HttpClient& client, const std::string& photo,
                               const std::string& name, const std::string& batch,
                               const HttpClient::Progress& progress) {
  const auto type = type_of(photo);
  if (!type) return std::unexpected(type.error());
  std::string filename = escape_non_utf8(fs::path(photo).filename().string());
  std::ranges::replace(filename, '\\', '_');  // the service takes it for a separator
  const json request = {{"filename", filename},
                        {"content_type", *type},
                        {"path", escape_non_utf8(name)},
                        {"batch", escape_non_utf8(batch)}};
  const auto ticket = json_body(client.post_json("/upload-url", request.dump()));
  if (!ticket) return std::unexpected(ticket.error());
  const auto stored =
      client.put_file(ticket->value("upload_url", ""), *type, file_of(photo), progress);
  if (!stored) return std::unexpected(stored.error());
  return ticket->value("s3_key", "");
}

Error cannot_write(const fs::path& file, const std::string& why) {
  return {ErrorCode::kExhausted,
          fmt::format("cannot write the keys to {} ({})", file.string(), why)};
}

// Whether it is a pipe or a device: it cannot be replaced, and is written once, at the end.
bool is_stream(const fs::path& file) {
  std::error_code error;
  return fs::is_other(file, error);
}

// Atomically: even if this process is killed, the file has the old or the new content.
Result<void> replace_file(const fs::path& file, const std::string& text) {
  std::error_code error;
  fs::path target = fs::canonical(file, error);  // replaces what a link points to, not the link
  const bool there = !error;
  if (!there) target = file;
  if (fs::is_directory(target, error)) {
    return std::unexpected(cannot_write(file, std::strerror(EISDIR)));
  }
  error.clear();
  const fs::path temporary = target.string() + "." + random_hex(8);
  std::ofstream out(temporary, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    error = std::error_code(errno, std::generic_category());
  } else {
    if (there) fs::permissions(temporary, fs::status(target, error).permissions(), error);
    fs::rename(temporary, target, error);
  }
  if (!error) return {};
  std::error_code ignored;
  fs::remove(temporary, ignored);
  return std::unexpected(cannot_write(file, error.message()));
}

Result<void> write_stream(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) return std::unexpected(cannot_write(file, std::strerror(errno)));
  return {};
}

class Uploads {
 public:
  Uploads(const Config& config, const UploadOptions& options)
      : options_(options),
        client_(config),
        search_(options.list_passed_over, interrupted),
        roots_(roots_of(options.paths)) {}

  int run() {
    auto files = search_.find(options_.paths);
    if (interrupted()) return kInterrupted;
    if (!files) return complain(files.error(), kUsage);
    files_ = std::move(*files);
    if (options_.resume) {
      if (const auto known = skip_known(); !known) return complain(known.error(), kUsage);
    }
    if (writes_file()) {
      // Reports a file that cannot be written now, not after hours of uploading.
      if (const auto written = replace_file(options_.keys_out, keys_as_text()); !written)
        return complain(written.error(), kUsage);
    }
    ProgressBar bar(static_cast<std::int64_t>(files_.size()), "photos");
    {
      std::jthread writer;
      if (writes_file())
        writer = std::jthread([this](const std::stop_token& ended) { keep_writing(ended); });
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < std::min(options_.parallel, files_.size()); ++i)
        threads.emplace_back([this, &bar] { upload_some(bar); });
    }
    bar.clear();
    return report();
  }

 private:
  bool writes_file() const { return !options_.keys_out.empty() && !is_stream(options_.keys_out); }

  // mutex_ must be held while threads run.
  std::string keys_as_text() const {
    return keys_.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  }

  // Drops the files that an earlier run has uploaded, according to the file of keys.
  Result<void> skip_known() {
    std::error_code error;
    if (!fs::exists(options_.keys_out, error) && !error) return {};
    std::ifstream in(options_.keys_out);
    const json known = json::parse(in, nullptr, false);
    const bool whole = known.is_object() &&
                       std::ranges::all_of(known, [](const json& key) { return key.is_string(); });
    if (!whole) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is not a JSON map of file to key, as --keys-out writes it: name "
                              "another file, or omit --resume to replace it",
                              options_.keys_out));
    }
    keys_ = known;
    const auto count = std::erase_if(
        files_, [&](const std::string& file) { return keys_.contains(printable(file)); });
    note(fmt::format("{} photos were uploaded by an earlier run", count));
    return {};
  }

  // Saves the keys regularly, in case this process is killed; a large map less often.
  void keep_writing(const std::stop_token& ended) {
    using Clock = std::chrono::steady_clock;
    constexpr Clock::duration kPause = std::chrono::seconds(2);
    Clock::duration pause = kPause;
    std::unique_lock lock(mutex_);
    std::size_t written = keys_.size();
    while (!stop_writing_.wait_for(lock, ended, pause, [&] { return ended.stop_requested(); })) {
      if (keys_.size() == written) continue;
      const auto start = Clock::now();
      const std::string text = keys_as_text();
      const std::size_t size = keys_.size();
      lock.unlock();
      // report() tries again and reports a failure.
      if (replace_file(options_.keys_out, text)) written = size;
      pause = std::max(kPause, 10 * (Clock::now() - start));
      lock.lock();
    }
  }

  void upload_some(ProgressBar& bar) {
    for (std::size_t i = next_++; i < files_.size() && !ended_; i = next_++) {
      std::uint64_t before = 0;
      const auto progress = [&](std::uint64_t sent, std::uint64_t) {
        bytes_ += sent - std::min(sent, before);
        before = sent;
        return !interrupted();
      };
      auto key =
          upload_one(*client_, files_[i], name_within(roots_, files_[i]), options_.batch, progress);
      const std::scoped_lock lock(mutex_);
      const bool stopped = interrupted();
      if (stopped) ended_ = true;
      if (!key) {
        if (stopped) return;
        bar.clear();
        complain({key.error().code, fmt::format("{}: {}", files_[i], key.error().message)}, 0);
        ++failed_;
        // The client has retried already: the service cannot be reached.
        if (key.error().code == ErrorCode::kUnavailable) unreachable_ = ended_ = true;
      } else {
        ++uploaded_;
        if (options_.keys_out.empty()) std::cout << *key << "\n";
        // printable() keeps names that are not UTF-8 distinct.
        keys_[printable(files_[i])] = std::move(*key);
      }
      bar.show(uploaded_ + failed_, failed_, bytes_);
    }
  }

  int report() const {
    std::cout.flush();
    if (!options_.keys_out.empty()) {
      const auto written = is_stream(options_.keys_out)
                               ? write_stream(options_.keys_out, keys_as_text())
                               : replace_file(options_.keys_out, keys_as_text());
      if (!written) return complain(written.error(), kSomeFailed);
    }
    note(fmt::format("{} of {} photos uploaded, {} (batch {})", uploaded_, files_.size(),
                     human_bytes(static_cast<double>(bytes_)), options_.batch));
    search_.print();
    if (interrupted()) return kInterrupted;
    if (unreachable_) return kUnreachable;
    return failed_ > 0 || search_.incomplete() ? kSomeFailed : 0;
  }

  const UploadOptions& options_;
  BackendClient client_;
  SearchReport search_;
  std::vector<Root> roots_;
  std::vector<std::string> files_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  std::condition_variable_any stop_writing_;
  json keys_ = json::object();  // this and all below: guarded by mutex_ while threads run
  std::int64_t uploaded_ = 0;
  std::int64_t failed_ = 0;
  bool unreachable_ = false;
};

}  // namespace

void add_upload_command(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<UploadOptions>();
  auto* command =
      app.add_subcommand("upload", "Upload photos and folders to the service; prints their keys");
  command->group("Client of a running service");
  command->add_option("PATH", options->paths, kPathHelp)->required();
  auto* keys_out = command
                       ->add_option("--keys-out", options->keys_out,
                                    "write a JSON map of file to key to FILE instead of printing "
                                    "the keys")
                       ->type_name("FILE");
  command
      ->add_flag("--resume", options->resume,
                 "skip the photos that are in the file of --keys-out already")
      ->needs(keys_out);
  command
      ->add_option("--batch", options->batch,
                   "a name for this upload, to list and classify its photos by (default: the time)")
      ->type_name("NAME");
  command->add_option("--parallel", options->parallel, "uploads at once, 1 to 64 (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(1, 64).description(""));
  add_search_options(*command, options->list_passed_over);
  set_help_notes(*command,
                 {.settings_of = kClients,
                  .examples = {{"classifier upload ~/Pictures --keys-out keys.json",
                                "Upload a folder, and keep the keys for `classifier submit`"},
                               {"classifier upload ~/Pictures --keys-out keys.json --resume",
                                "Continue after an interruption"}}});
  command->callback([options, set_run] {
    set_run([options](const Config& config) {
      if (options->batch.empty())
        options->batch = to_compact(SystemClock().now()) + "-" + random_hex(4);
      return Uploads(config, *options).run();
    });
  });
}

}  // namespace classifier
