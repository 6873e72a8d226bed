// `classifier upload`: photos and folders into the service's store, several at a time.
#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

#include "apps/backend_client.hpp"
#include "apps/commands.hpp"
#include "apps/photo_files.hpp"
#include "apps/terminal.hpp"
#include "services/image_service.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Options {
  std::vector<std::string> paths;
  std::string keys_out;
  std::size_t parallel = 8;
  bool resume = false;
};

Result<std::string> upload_one(HttpClient& client, const fs::path& file,
                               const HttpClient::Progress& progress) {
  const auto type = image_content_type(file.string());
  if (!type)
    return fail(ErrorCode::kUnsupported,
                "not an image by its name: it must end in .jpg, .jpeg, .png, .gif, .bmp or .webp");
  const json request = {{"filename", file.filename().string()}, {"content_type", *type}};
  // A name that is not UTF-8 is sent with its odd bytes replaced.
  const auto ticket = json_body(client.post_json(
      "/upload-url", request.dump(-1, ' ', false, json::error_handler_t::replace)));
  if (!ticket) return std::unexpected(ticket.error());
  const auto stored = client.put_file(ticket->value("upload_url", ""), *type, file, progress);
  if (!stored) return std::unexpected(stored.error());
  return ticket->value("s3_key", "");
}

class Session {
 public:
  Session(const Config& config, const Options& options) : options_(options), client_(config) {}

  int run() {
    auto files = find_photos(options_.paths);
    if (!files) return complain(files.error(), kUsage);
    files_ = std::move(*files);
    if (options_.resume) skip_known();
    ProgressBar bar(static_cast<std::int64_t>(files_.size()), "photos");
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < std::min(options_.parallel, files_.size()); ++i)
        threads.emplace_back([this, &bar] { upload_some(bar); });
    }
    bar.clear();
    return report();
  }

 private:
  // What an earlier run wrote to the file of keys is there already.
  void skip_known() {
    std::ifstream in(options_.keys_out);
    const json known = json::parse(in, nullptr, false);
    if (!known.is_object()) return;
    keys_ = known;
    const auto count =
        std::erase_if(files_, [&](const std::string& file) { return keys_.contains(file); });
    note(std::to_string(count) + " photos are there already");
  }

  void upload_some(ProgressBar& bar) {
    for (std::size_t i = next_++; i < files_.size() && !ended_; i = next_++) {
      std::uint64_t before = 0;
      const auto progress = [&](std::uint64_t sent, std::uint64_t) {
        bytes_ += sent - std::min(sent, before);
        before = sent;
        return !interrupted();
      };
      auto key = upload_one(*client_, files_[i], progress);
      const std::scoped_lock lock(mutex_);
      if (interrupted()) {
        ended_ = true;
        return;
      }
      if (!key) {
        bar.clear();
        complain({key.error().code, files_[i] + ": " + key.error().message}, 0);
        ++failed_;
        // The client has tried again already: the service is away.
        if (key.error().code == ErrorCode::kUnavailable) unreachable_ = ended_ = true;
      } else {
        ++uploaded_;
        if (options_.keys_out.empty()) std::cout << *key << "\n";
        keys_[files_[i]] = std::move(*key);
      }
      bar.show(uploaded_ + failed_, failed_, bytes_);
    }
  }

  int report() const {
    std::cout.flush();
    if (!options_.keys_out.empty()) {
      std::ofstream out(options_.keys_out);
      out << keys_.dump(1, ' ', false, json::error_handler_t::replace) << "\n";
      if (!out.flush()) {
        return complain({ErrorCode::kExhausted, "cannot write the keys to " + options_.keys_out},
                        kUsage);
      }
    }
    note(std::to_string(uploaded_) + " of " + std::to_string(files_.size()) + " photos uploaded, " +
         human_bytes(static_cast<double>(bytes_)));
    if (interrupted()) return kInterrupted;
    if (unreachable_) return kUnreachable;
    return failed_ > 0 ? kSomeFailed : 0;
  }

  const Options& options_;
  BackendClient client_;
  std::vector<std::string> files_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  json keys_ = json::object();  // guarded by mutex_, as all below while threads run
  std::int64_t uploaded_ = 0;
  std::int64_t failed_ = 0;
  bool unreachable_ = false;
};

}  // namespace

void add_upload_command(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("upload", "photos and folders to the service; prints their keys");
  command->add_option("PATH", options->paths, "photos, folders, or - for a list on standard input")
      ->required();
  auto* keys_out = command->add_option("--keys-out", options->keys_out,
                                       "write a JSON map of file to key here instead");
  command->add_flag("--resume", options->resume, "leave out the files that --keys-out has already")
      ->needs(keys_out);
  command->add_option("--parallel", options->parallel, "uploads at once, 1 to 64 [8]")
      ->check(CLI::Range(1, 64));
  command->callback([options, set_run] {
    set_run([options](const Config& config) { return Session(config, *options).run(); });
  });
}

}  // namespace classifier
