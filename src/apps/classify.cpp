// `classifier classify`: labels photos and folders without a server.
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <utility>

#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/local_memory.hpp"
#include "apps/photo_files.hpp"
#include "apps/processor.hpp"
#include "apps/result_table.hpp"
#include "apps/search_report.hpp"
#include "apps/terminal.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "ports/clock.hpp"
#include "services/job_service.hpp"
#include "services/label_advisor.hpp"
#include "services/output_key.hpp"
#include "services/pipeline.hpp"
#include "services/result_format.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

struct ClassifyOptions {
  std::vector<std::string> paths;
  ClassificationOptions how;
  std::string format = "table";
  std::string copy_to;
  bool list_passed_over = false;
  bool no_memory = false;
};

int print(ResultWriter& writer) {
  while (true) {
    const auto piece = writer.next();
    if (!piece) return complain(piece.error(), kSomeFailed);
    if (!*piece) return 0;
    std::cout << **piece;
    if (!std::cout) return kSomeFailed;  // main() says why
  }
}

bool same_content(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (fs::file_size(a, error) != fs::file_size(b, error) || error) return false;
  std::ifstream left(a, std::ios::binary);
  std::ifstream right(b, std::ios::binary);
  using Bytes = std::istreambuf_iterator<char>;
  return std::equal(Bytes(left), Bytes(), Bytes(right));
}

// Renames without replacing a file that another run has created in the meantime.
void move_to_free(const fs::path& from, const fs::path& to, std::error_code& error) {
  error.clear();
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  error = std::error_code(errno, std::generic_category());
  // Some file systems do not support it.
  if (error == std::errc::invalid_argument || error == std::errc::function_not_supported)
    fs::rename(from, to, error);
}

// Copies a photo to its label's folder, under a name that no other photo has; if the same copy is
// already there, nothing changes. An incomplete copy has a temporary name.
Result<void> copy_sorted(const fs::path& photo, const std::string& label,
                         const std::string& filename, const fs::path& to) {
  const fs::path folder = to / safe_label(label);
  std::error_code error;
  fs::create_directories(folder, error);
  fs::path target = folder / filename;
  const fs::path temporary = folder / (".copy-" + random_hex(16));
  bool copied = false;
  for (int number = 2; !error;) {
    std::error_code absent;
    if (fs::exists(fs::symlink_status(target, absent))) {
      if (same_content(photo, target)) break;
      target = folder / numbered_filename(filename, number++);
    } else if (!copied) {
      copied = fs::copy_file(photo, temporary, error);
    } else if (move_to_free(temporary, target, error); !error) {
      return {};
    } else if (error == std::errc::file_exists) {
      error.clear();
    }
  }
  std::error_code ignored;
  fs::remove(temporary, ignored);
  if (error) {
    return fail(ErrorCode::kExhausted,
                fmt::format("cannot copy to {}: {}", target.string(), error.message()));
  }
  return {};
}

class Classification {
 public:
  Classification(const Config& config, const ClassifyOptions& options)
      : config_(config), options_(options), search_(options.list_passed_over, interrupted) {}

  int run() {
    catch_interrupts();
    spdlog::set_level(spdlog::level::warn);
    const Processor processor = this_processor();
    if (auto able = can_run_models(processor); !able) return complain(able.error(), kSomeFailed);
    if (const auto slow = slow_processor_notice(processor); !slow.empty()) note(slow);
    auto decoder = open_decoder(config_, config_.max_workers);
    if (!decoder) return complain(decoder.error(), kSomeFailed);
    auto inference = inference_options(config_);
    inference.decoder = std::move(*decoder);
    classifier_ = make_openvino_classifier(std::move(inference));
    if (!options_.no_memory) memory_ = LocalMemory::open(config_, *classifier_, false);
    auto photos = search_.find(options_.paths, options_.copy_to);
    if (interrupted()) return kInterrupted;
    if (!photos) return complain(photos.error(), kUsage);
    if (auto ready = prepare(std::move(*photos)); !ready) {
      const bool broken = ready.error().code == ErrorCode::kInternal;
      return complain(ready.error(), broken ? kSomeFailed : kUsage);
    }
    classify();
    return report();
  }

 private:
  Result<void> prepare(std::vector<std::string> photos) {
    auto labels = read_labels(options_.how.labels, options_.how.labels_file);
    if (!labels) return std::unexpected(labels.error());
    const JobType type =
        labels->empty() ? JobType::kImageClassification : JobType::kCustomClassification;
    auto spec = make_spec(type, options_.how.model, std::move(*labels), options_.how.top_k,
                          options_.how.threshold, JobLimits{}, *classifier_);
    if (!spec) return std::unexpected(spec.error());
    spec_ = std::make_shared<const JobSpec>(std::move(*spec));
    auto filenames = unique_filenames(photos);
    records_.reserve(photos.size());
    for (std::size_t i = 0; i < photos.size(); ++i) {
      records_.push_back({.index = static_cast<std::int64_t>(i),
                          .s3_key = std::move(photos[i]),
                          .filename = std::move(filenames[i]),
                          .name = {},
                          .outcome = {}});
    }
    if (auto warm = classifier_->warm_up(spec_, {}); !warm) return warm;
    // The model is loaded, and what is embedded is not embedded again: the answer comes at once.
    const Advice advice = LabelAdvisor(classifier_.get()).advice(*spec_, std::chrono::minutes(1));
    for (const auto& warning : advice.warnings) warn(warning);
    return {};
  }

  void classify() {
    ProgressBar bar(static_cast<std::int64_t>(records_.size()), "images");
    job_.started_at = SystemClock().now();
    const auto start = SteadyClock::now();
    {
      Pipeline pipeline(
          *classifier_, metrics_,
          {.prepare_threads = config_.max_workers,
           .classify_threads = config_.max_workers,
           .queue_capacity = 8 * config_.max_workers,
           .nice = 0,
           .image_memory = memory_ ? &memory_->memory() : nullptr},
          [this](const Delivery& delivery) {
            return read_photo(delivery.task.s3_key, config_.max_image_bytes);
          },
          [&](PipelineResult result) { take(std::move(result), bar); });
      for (std::size_t i = 0; i < records_.size() && !interrupted(); ++i) {
        Delivery delivery;
        delivery.task.spec = spec_;
        delivery.task.index = static_cast<std::int64_t>(i);
        delivery.task.s3_key = memory_key(file_of(records_[i].s3_key));
        pipeline.push(std::move(delivery));
      }
    }
    bar.clear();
    seconds_ = std::chrono::duration<double>(SteadyClock::now() - start).count();
    job_.completed_at = SystemClock().now();
  }

  void take(PipelineResult result, ProgressBar& bar) {
    const std::scoped_lock lock(mutex_);
    auto& record = records_[static_cast<std::size_t>(result.delivery.task.index)];
    record.outcome = ImageOutcome{.job_id = {},
                                  .index = record.index,
                                  .generation = 0,
                                  .result = std::move(result.result),
                                  .output_key = {},
                                  .processing_time_ms = result.processing_time_ms,
                                  .warning = std::move(result.warning),
                                  .reused = result.reused};
    const ImageState state = state_of(*record.outcome, *spec_);
    auto& counts = job_.counts;
    counts.add(state, record.outcome->reused);
    if (!options_.copy_to.empty() && state != ImageState::kFailed) {
      const auto& top = std::get<Predictions>(record.outcome->result).front().label;
      const auto copied =
          copy_sorted(file_of(record.s3_key), state == ImageState::kUnknown ? "unknown" : top,
                      record.filename, options_.copy_to);
      if (!copied && ++copies_failed_ == 1) copy_error_ = copied.error();
    }
    bar.show(counts.done(), counts.failed);
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
      std::vector<ImageRecord> part(begin,
                                    begin + static_cast<std::ptrdiff_t>(std::min(count, left)));
      for (auto& record : part) {
        record.s3_key = escape_non_utf8(record.s3_key);
        record.filename = escape_non_utf8(record.filename);
      }
      return part;
    };
    if (copies_failed_ > 0) {
      complain({copy_error_.code, fmt::format("{} photos could not be copied; the first: {}",
                                              copies_failed_, copy_error_.message)},
               kSomeFailed);
    }
    if (options_.format == "table") {
      print_results(rows());
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
    search_.print();
    if (interrupted()) return kInterrupted;
    return job_.counts.failed > 0 || copies_failed_ > 0 || search_.incomplete() ? kSomeFailed : 0;
  }

  std::vector<ResultRow> rows() const {
    std::vector<ResultRow> rows;
    for (const auto& record : records_) {
      if (!record.outcome) continue;
      ResultRow row{.filename = record.filename, .predictions = {}, .error = {}, .warning = {}};
      if (const auto* error = std::get_if<Error>(&record.outcome->result)) {
        row.error = error->message;
      } else {
        row.predictions = std::get<Predictions>(record.outcome->result);
        row.warning = record.outcome->warning;
        row.unknown = state_of(*record.outcome, *spec_) == ImageState::kUnknown;
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  void summarize() const {
    const auto& counts = job_.counts;
    note(fmt::format(
        "{} of {} images ({:.1f} s, {:.0f} images/s{}) by {}: {} classified, {} unknown, {} failed",
        counts.done(), counts.total, seconds_,
        static_cast<double>(counts.done()) / std::max(seconds_, 1e-3),
        counts.reused > 0 ? fmt::format(", {} from memory", counts.reused) : "", spec_->model,
        counts.classified, counts.unknown, counts.failed));
    if (const auto notice = not_whole_notice(
            std::ranges::count_if(records_,
                                  [](const ImageRecord& record) {
                                    return record.outcome && !record.outcome->warning.empty();
                                  }));
        !notice.empty())
      warn(notice);
    for (const auto& model : classifier_->models()) {
      if (model.name == spec_->model && model.starter) note(starter_notice(model.name));
    }
  }

  const Config& config_;
  const ClassifyOptions& options_;
  SearchReport search_;
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<LocalMemory> memory_;  // null: nothing is remembered
  NoMetrics metrics_;
  std::shared_ptr<const JobSpec> spec_;
  std::mutex mutex_;
  std::vector<ImageRecord> records_;  // guarded by mutex_ while the pipeline runs
  Job job_;                           // guarded by mutex_ while the pipeline runs
  std::size_t copies_failed_ = 0;     // guarded by mutex_ while the pipeline runs
  Error copy_error_;                  // guarded by mutex_ while the pipeline runs
  double seconds_ = 0;
};

}  // namespace

Result<FetchedImage> read_photo(const fs::path& path, std::uint64_t max_bytes) {
  std::error_code error;
  const std::string version = FileHashes::version_of(path);
  const auto size = fs::file_size(path, error);
  if (error) return fail(ErrorCode::kNotFound, fmt::format("cannot read it: {}", error.message()));
  if (size > max_bytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("the file has {} bytes; at most {} are allowed", size, max_bytes));
  }
  std::vector<std::byte> bytes(size);
  std::ifstream in(path, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::kNotFound, "cannot read it");
  }
  FetchedImage image(std::move(bytes));
  // One that was written meanwhile may be partly of another version.
  if (FileHashes::version_of(path) == version) image.version = version;
  return image;
}

void add_classify_command(CLI::App& app, const SetRun& set_run) {
  auto options = std::make_shared<ClassifyOptions>();
  auto* command =
      app.add_subcommand("classify", "Label photos and folders on this machine, without a server");
  command->group("Without a server");
  command->add_option("PATH", options->paths, kPathHelp)->required();
  add_classification_options(*command, options->how);
  command->add_option("--format", options->format, "output format (default: table)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  command
      ->add_option("--copy-to", options->copy_to,
                   "also copy each photo to a folder of its label in DIR; photos that are already "
                   "in DIR are not classified")
      ->type_name("DIR");
  command->add_flag("--no-memory", options->no_memory,
                    "look at each photo, and remember nothing (as REMEMBER=off)");
  add_search_options(*command, options->list_passed_over);
  set_help_notes(
      *command,
      {.settings_of = kClassify,
       .examples = {
           {"classifier classify ~/Pictures", "A table of all photos in a folder"},
           {"classifier classify ~/Pictures --labels \"cat,dog,receipt\" --copy-to sorted",
            "Your own categories, and a copy of each photo in sorted/LABEL"},
           {"classifier classify photo.jpg --format json", "All details of one photo"},
           {"find . -name '*.png' -print0 | classifier classify - --format csv > labels.csv",
            "The files that another command finds"},
       }});
  command->callback([options, set_run] {
    set_run([options](const Config& config) { return Classification(config, *options).run(); });
  });
}

}  // namespace classifier
