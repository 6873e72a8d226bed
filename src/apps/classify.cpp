// `classifier classify`: photos and folders, without a server.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>

#include "apps/commands.hpp"
#include "domain/text.hpp"
#include "ports/clock.hpp"
#include "services/image_service.hpp"
#include "services/job_service.hpp"
#include "services/pipeline.hpp"
#include "services/result_format.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

struct Options {
  std::vector<std::string> paths;
  std::string labels;
  std::string model;
  std::string format = "table";
  std::string copy_to;
  int top_k = 5;
  double threshold = 0.5;
};

// The photos named: files as they are, folders with all images in them, "-" for a list on standard
// input.
Result<std::vector<std::string>> find_photos(const std::vector<std::string>& paths) {
  std::vector<std::string> found;
  for (const auto& path : paths) {
    std::error_code error;
    if (path == "-") {
      for (std::string line; std::getline(std::cin, line);) {
        if (!line.empty()) found.push_back(line);
      }
    } else if (fs::is_directory(path, error)) {
      const std::size_t first = found.size();
      for (fs::recursive_directory_iterator
               entry(path, fs::directory_options::skip_permission_denied, error),
           end;
           !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().string();
        if (image_content_type(name) && entry->is_regular_file()) found.push_back(name);
      }
      std::sort(found.begin() + static_cast<std::ptrdiff_t>(first), found.end());
    } else if (fs::exists(path, error)) {
      found.push_back(path);
    } else {
      return fail(ErrorCode::kNotFound, "there is no file or folder " + path);
    }
  }
  if (found.empty()) return fail(ErrorCode::kNotFound, "there are no images in what was named");
  return found;
}

Result<std::vector<std::byte>> read_photo(const std::string& path, std::uint64_t max_bytes) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return fail(ErrorCode::kNotFound, "cannot read it: " + error.message());
  if (size > max_bytes) {
    return fail(ErrorCode::kTooLarge, "the file has " + std::to_string(size) + " bytes; at most " +
                                          std::to_string(max_bytes) + " are allowed");
  }
  std::vector<std::byte> bytes(size);
  std::ifstream in(path, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::kNotFound, "cannot read it");
  }
  return bytes;
}

// On a terminal, one line of standard error that is written again and again.
class ProgressBar {
 public:
  explicit ProgressBar(std::size_t total) : total_(total), shown_(::isatty(STDERR_FILENO) == 1) {}

  void show(std::size_t done, std::size_t failed) {
    const auto now = SteadyClock::now();
    if (!shown_ || (done < total_ && now - last_ < std::chrono::milliseconds(100))) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = static_cast<double>(done) / std::max(seconds, 1e-3);
    constexpr std::size_t kWidth = 30;
    const std::size_t filled = kWidth * done / total_;
    std::fprintf(stderr, "\r\x1b[K[%s%s] %zu/%zu  %.0f images/s  %.0f s left%s",
                 std::string(filled, '=').c_str(), std::string(kWidth - filled, ' ').c_str(), done,
                 total_, rate, static_cast<double>(total_ - done) / std::max(rate, 1e-3),
                 failed > 0 ? ("  " + std::to_string(failed) + " failed").c_str() : "");
  }
  void clear() const {
    if (shown_) std::fprintf(stderr, "\r\x1b[K");
  }

 private:
  std::size_t total_;
  bool shown_;
  SteadyClock::time_point start_ = SteadyClock::now();
  SteadyClock::time_point last_;
};

void print_table(const std::vector<ImageRecord>& records, const JobSpec& spec) {
  std::size_t width = 4;
  for (const auto& record : records)
    width = std::max(width, std::min<std::size_t>(record.filename.size(), 40));
  for (const auto& record : records) {
    if (!record.outcome) continue;
    std::string line =
        record.filename + std::string(width - std::min(width, record.filename.size()), ' ') + "  ";
    if (const auto* error = std::get_if<Error>(&record.outcome->result)) {
      std::cout << line << "FAILED: " << error->message << "\n";
      continue;
    }
    const auto& predictions = std::get<Predictions>(record.outcome->result);
    const bool known = state_of(*record.outcome, spec) == ImageState::kClassified;
    char score[16];
    std::snprintf(score, sizeof score, "%5.1f %%",
                  100 * static_cast<double>(predictions.front().score));
    line += std::string(score) + "  " + (known ? predictions.front().label : "unknown");
    std::string others;
    for (std::size_t i = known ? 1 : 0; i < predictions.size(); ++i) {
      others += (others.empty() ? "  (" : ", ") + predictions[i].label + " " +
                short_number(std::round(predictions[i].score * 1e3) / 1e3);
    }
    std::cout << line << others << (others.empty() ? "" : ")") << "\n";
  }
}

int print(ResultWriter& writer) {
  while (true) {
    const auto piece = writer.next();
    if (!piece) return complain(piece.error(), kSomeFailed);
    if (!*piece) return 0;
    std::cout << **piece;
  }
}

// A sorted copy, under a name that nothing has yet.
void copy_sorted(const fs::path& photo, const std::string& label, const std::string& filename,
                 const fs::path& to) {
  const fs::path folder = to / safe_label(label);
  fs::create_directories(folder);
  fs::path target = folder / filename;
  for (int number = 2; !fs::copy_file(photo, target, fs::copy_options::skip_existing); ++number) {
    target = folder / numbered_filename(filename, number);
  }
}

class Session {
 public:
  Session(const Config& config, const Options& options) : config_(config), options_(options) {
    classifier_ = make_openvino_classifier(inference_options(config));
  }

  int run() {
    catch_interrupts();
    spdlog::set_level(spdlog::level::warn);
    auto photos = find_photos(options_.paths);
    if (!photos) return complain(photos.error(), kUsage);
    if (auto ready = prepare(std::move(*photos)); !ready) return complain(ready.error(), kUsage);
    classify();
    return report();
  }

 private:
  Result<void> prepare(std::vector<std::string> photos) {
    std::vector<std::string> labels;
    std::stringstream list(options_.labels);
    for (std::string label; std::getline(list, label, ',');) labels.push_back(label);
    const JobType type =
        labels.empty() ? JobType::kImageClassification : JobType::kCustomClassification;
    auto spec = make_spec(type, options_.model, std::move(labels), options_.top_k,
                          options_.threshold, JobLimits{}, *classifier_);
    if (!spec) return std::unexpected(spec.error());
    spec_ = std::make_shared<const JobSpec>(std::move(*spec));
    photos_ = std::move(photos);
    const auto filenames = unique_filenames(photos_);
    for (std::size_t i = 0; i < photos_.size(); ++i) {
      records_.push_back({.index = static_cast<std::int64_t>(i),
                          .s3_key = photos_[i],
                          .filename = filenames[i],
                          .outcome = {}});
    }
    return classifier_->warm_up(spec_);
  }

  void classify() {
    ProgressBar bar(photos_.size());
    job_.started_at = SystemClock().now();
    const auto start = SteadyClock::now();
    {
      Pipeline pipeline(
          *classifier_, metrics_,
          {.prepare_threads = config_.max_workers,
           .classify_threads = config_.max_workers,
           .queue_capacity = 4 * config_.max_workers,
           .max_batch = 1,
           .nice = 0},
          [this](const PipelineItem& item) {
            return read_photo(item.task.s3_key, config_.max_image_bytes);
          },
          [&](PipelineResult result) { take(std::move(result), bar); });
      for (std::size_t i = 0; i < photos_.size() && !interrupted(); ++i) {
        PipelineItem item;
        item.task.spec = spec_;
        item.task.index = static_cast<std::int64_t>(i);
        item.task.s3_key = photos_[i];
        pipeline.push(std::move(item));
      }
    }
    bar.clear();
    seconds_ = std::chrono::duration<double>(SteadyClock::now() - start).count();
    job_.completed_at = SystemClock().now();
  }

  void take(PipelineResult result, ProgressBar& bar) {
    const std::scoped_lock lock(mutex_);
    auto& record = records_[static_cast<std::size_t>(result.item.task.index)];
    record.outcome = ImageOutcome{.job_id = {},
                                  .index = record.index,
                                  .generation = 0,
                                  .result = std::move(result.result),
                                  .output_key = {},
                                  .processing_time_ms = result.processing_time_ms};
    const ImageState state = state_of(*record.outcome, *spec_);
    auto& counts = job_.counts;
    ++(state == ImageState::kClassified ? counts.classified
       : state == ImageState::kUnknown  ? counts.unknown
                                        : counts.failed);
    if (!options_.copy_to.empty() && state != ImageState::kFailed) {
      const auto& top = std::get<Predictions>(record.outcome->result).front().label;
      copy_sorted(record.s3_key, state == ImageState::kUnknown ? "unknown" : top, record.filename,
                  options_.copy_to);
    }
    bar.show(static_cast<std::size_t>(counts.done()), static_cast<std::size_t>(counts.failed));
  }

  int report() {
    job_.id = "local";
    job_.spec = spec_;
    job_.counts.total = static_cast<std::int64_t>(records_.size());
    job_.status = interrupted()                             ? JobStatus::kCancelled
                  : job_.counts.failed == job_.counts.total ? JobStatus::kFailed
                                                            : JobStatus::kCompleted;
    const RecordSource source = [this](std::int64_t from,
                                       std::size_t count) -> Result<std::vector<ImageRecord>> {
      const auto begin = records_.begin() + from;
      const auto left = static_cast<std::size_t>(records_.end() - begin);
      return std::vector<ImageRecord>(begin,
                                      begin + static_cast<std::ptrdiff_t>(std::min(count, left)));
    };
    if (options_.format == "table") {
      print_table(records_, *spec_);
    } else if (options_.format == "json") {
      if (const int code =
              print(*json_result(job_, source, {.output_bucket = "local", .from = 0, .limit = {}})))
        return code;
      std::cout << "\n";
    } else if (const int code = print(*csv_result(job_, source))) {
      return code;
    }
    std::cout.flush();
    summarize();
    if (interrupted()) return kInterrupted;
    return job_.counts.failed > 0 ? kSomeFailed : 0;
  }

  void summarize() const {
    const auto& counts = job_.counts;
    bool starter = false;
    for (const auto& model : classifier_->models())
      starter = starter || (model.name == spec_->model && model.starter);
    std::fprintf(stderr,
                 "%lld images in %.1f s (%.0f images/s) by %s%s: %lld classified, %lld unknown, "
                 "%lld failed\n",
                 static_cast<long long>(counts.done()), seconds_,
                 static_cast<double>(counts.done()) / std::max(seconds_, 1e-3),
                 spec_->model.c_str(), starter ? ", a starter model" : "",
                 static_cast<long long>(counts.classified), static_cast<long long>(counts.unknown),
                 static_cast<long long>(counts.failed));
  }

  const Config& config_;
  const Options& options_;
  std::unique_ptr<Classifier> classifier_;
  NoMetrics metrics_;
  std::shared_ptr<const JobSpec> spec_;
  std::vector<std::string> photos_;
  std::mutex mutex_;
  std::vector<ImageRecord> records_;  // guarded by mutex_ while the pipeline runs
  Job job_;                           // likewise
  double seconds_ = 0;
};

}  // namespace

void add_classify_command(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("classify", "photos and folders, here and now, without a server");
  command->add_option("PATH", options->paths, "photos, folders, or - for a list on standard input")
      ->required();
  command->add_option("--labels", options->labels,
                      "your own categories: \"cat,dog\" [ImageNet's 1,000 classes]");
  command->add_option("--model", options->model, "name of the model [the best installed]");
  command->add_option("--top-k", options->top_k, "predictions for each image, 1 to 10 [5]");
  command->add_option("--threshold", options->threshold,
                      "scores below it are unknown, 0 to 1 [0.5]");
  command->add_option("--format", options->format, "what is printed [table]")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  command->add_option("--copy-to", options->copy_to, "folder for copies, sorted by label");
  command->callback([options, set_run] {
    set_run([options](const Config& config) { return Session(config, *options).run(); });
  });
}

}  // namespace classifier
