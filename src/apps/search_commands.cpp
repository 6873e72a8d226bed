// The subcommands search, similar, duplicates and index: for a service, or for folders without one.
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "adapters/image/image_facts.hpp"
#include "apps/backend_client.hpp"
#include "apps/commands.hpp"
#include "apps/help.hpp"
#include "apps/local_memory.hpp"
#include "apps/photo_files.hpp"
#include "apps/processor.hpp"
#include "apps/search_report.hpp"
#include "apps/terminal.hpp"
#include "domain/text.hpp"
#include "services/alike.hpp"
#include "services/pipeline.hpp"
#include "support/files.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kNothingFits = "nothing fits well: these come nearest";

struct SearchOptions {
  std::string what;  // the text, key or file
  std::string prefix;
  std::vector<std::string> within;  // folders that are searched without a service
  int limit = 50;
  double min_similarity = 0.95;
  std::string format = "table";
  bool list_passed_over = false;
};

// A photo of a folder, and what the model saw in it.
struct Photo {
  std::string path;
  std::string sha256;
  SeenImage seen;
};

struct Scored {
  std::string key;
  std::string name;
  double score = 0;
};

int print_scored(const std::vector<Scored>& results, const std::string& format, const json& whole) {
  if (format == "json") {
    std::cout << whole.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
  } else if (format == "keys") {
    for (const auto& result : results) std::cout << result.key << "\n";
  } else {
    Table table({"SCORE", "NAME"});
    for (const auto& result : results)
      table.add({fmt::format("{:.3f}", result.score), result.name});
    table.print(std::cout);
  }
  return 0;
}

// Photos of folders, seen by the model for search on this machine.
class LocalLibrary {
 public:
  LocalLibrary(const Config& config, const SearchOptions& options)
      : config_(config), search_(options.list_passed_over, interrupted) {}

  // kUsage, kSomeFailed or kInterrupted where it cannot search; 0 where it can.
  int open() {
    catch_interrupts();
    spdlog::set_level(spdlog::level::warn);
    if (auto able = can_run_models(this_processor()); !able)
      return complain(able.error(), kSomeFailed);
    auto decoder = open_decoder(config_, config_.max_workers);
    if (!decoder) return complain(decoder.error(), kSomeFailed);
    auto inference = inference_options(config_);
    inference.decoder = std::move(*decoder);
    classifier_ = make_openvino_classifier(std::move(inference));
    auto name = classifier_->resolve(JobType::kCustomClassification, "");
    if (!name) return complain(name.error(), kUsage);
    auto spec = std::make_shared<JobSpec>();
    spec->type = JobType::kCustomClassification;
    spec->model = *name;
    spec_ = std::move(spec);
    memory_ = LocalMemory::open(config_, *classifier_, true);
    if (!memory_)
      return complain({ErrorCode::kExhausted, "there is no room for temporary files"}, kSomeFailed);
    fingerprint_ = memory_->memory().fingerprint(*name);
    if (fingerprint_.empty()) {
      return complain({ErrorCode::kUnavailable, "model \"" + *name + "\" cannot search"},
                      kSomeFailed);
    }
    return 0;
  }

  // All photos that the paths name, but those that fail, which are named in warnings.
  Result<std::vector<Photo>> look_at(const std::vector<std::string>& paths) {
    auto found = search_.find(paths);
    if (!found) return std::unexpected(found.error());
    leave_one_name_each(*found);
    std::vector<std::string> keys;
    for (const auto& path : *found) keys.push_back(memory_key(file_of(path)));
    see(keys);
    if (interrupted()) return fail(ErrorCode::kUnavailable, "interrupted");
    return recall(*found, keys);
  }

  Result<std::vector<float>> embed(const std::string& text) {
    return classifier_->embed_text(spec_->model, text);
  }

  // The least score of a photo that fits a text; -1 where the model does not say.
  double threshold() const {
    for (const auto& info : classifier_->models()) {
      if (info.name == spec_->model) return info.search_threshold.value_or(-1.0F);
    }
    return -1;
  }
  EmbeddingIndex& index() { return memory_->index(); }
  const std::string& fingerprint() const { return fingerprint_; }
  const std::string& model() const { return spec_->model; }

  // The exit code after a search.
  int finish() const {
    search_.print();
    for (const auto& model : classifier_->models()) {
      if (model.name == spec_->model && model.starter) note(starter_notice(model.name));
    }
    return failed_ > 0 || search_.incomplete() ? kSomeFailed : 0;
  }

 private:
  // A file that is named more than once, by links or in other words, is one photo: otherwise its
  // only copy would be a duplicate. It goes by a name that is no link, where it has one.
  static void leave_one_name_each(std::vector<std::string>& photos) {
    std::map<std::pair<dev_t, ino_t>, std::size_t> places;
    std::vector<std::string> left;
    for (auto& photo : photos) {
      struct stat status{};
      const std::string file = file_of(photo).string();
      if (::stat(file.c_str(), &status) != 0) {
        left.push_back(std::move(photo));
        continue;
      }
      const auto [place, is_new] = places.try_emplace({status.st_dev, status.st_ino}, left.size());
      std::error_code error;
      if (is_new) {
        left.push_back(std::move(photo));
      } else if (fs::is_symlink(left[place->second], error) && !fs::is_symlink(photo, error)) {
        left[place->second] = std::move(photo);
      }
    }
    photos = std::move(left);
  }

  void see(const std::vector<std::string>& keys) {
    ProgressBar bar(static_cast<std::int64_t>(keys.size()), "images");
    std::mutex mutex;
    std::int64_t done = 0;
    std::int64_t reused = 0;
    const std::int64_t failed_before = failed_;
    Pipeline pipeline(
        *classifier_, metrics_,
        {.prepare_threads = config_.max_workers,
         .classify_threads = config_.max_workers,
         .queue_capacity = 8 * config_.max_workers,
         .image_memory = &memory_->memory()},
        [&](const Delivery& delivery) {
          return read_photo(delivery.task.s3_key, config_.max_image_bytes);
        },
        [&](const PipelineResult& result) {
          const std::scoped_lock lock(mutex);
          ++done;
          reused += result.reused ? 1 : 0;
          if (const auto* const error = std::get_if<Error>(&result.result)) {
            ++failed_;
            bar.clear();
            warn(fmt::format("{}: {}", printable(result.delivery.task.s3_key), error->message));
          }
          bar.show(done, failed_);
        });
    for (std::size_t i = 0; i < keys.size() && !interrupted(); ++i) {
      Delivery delivery;
      delivery.task.spec = spec_;
      delivery.task.s3_key = keys[i];
      pipeline.push(std::move(delivery));
    }
    pipeline.finish();
    failed_in_last_look_ = failed_ - failed_before;
    memory_->memory().flush();  // the index reads what is stored
    bar.clear();
    note(fmt::format("{} photos, {} of them from memory", done, reused));
  }

  Result<std::vector<Photo>> recall(const std::vector<std::string>& paths,
                                    const std::vector<std::string>& keys) {
    constexpr std::size_t kAtOnce = 512;
    std::vector<Photo> photos;
    for (std::size_t begin = 0; begin < keys.size(); begin += kAtOnce) {
      const auto some = std::span(keys).subspan(begin, std::min(kAtOnce, keys.size() - begin));
      const auto known = memory_->memory().contents(some);
      std::vector<std::string> contents;
      contents.reserve(known.size());
      for (const auto& content : known) contents.push_back(content ? content->sha256 : "");
      auto seen = memory_->memory().recall(fingerprint_, contents);
      for (std::size_t i = 0; i < some.size(); ++i) {
        if (seen[i] && !contents[i].empty())
          photos.push_back({paths[begin + i], std::move(contents[i]), std::move(*seen[i])});
      }
    }
    const auto lost = static_cast<std::int64_t>(keys.size() - photos.size()) - failed_in_last_look_;
    if (lost > 0) {
      failed_ += lost;
      warn(fmt::format("{} photos are left out, since what was seen of them could not be kept",
                       lost));
    }
    return photos;
  }

  const Config& config_;
  SearchReport search_;
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<LocalMemory> memory_;
  std::shared_ptr<const JobSpec> spec_;
  std::string fingerprint_;
  NoMetrics metrics_;
  std::int64_t failed_ = 0;
  std::int64_t failed_in_last_look_ = 0;
};

int print_nearest(LocalLibrary& library, const std::vector<Photo>& photos,
                  const std::vector<float>& vector, const SearchOptions& options, bool by_text) {
  std::vector<Scored> results;
  for (const auto& photo : photos) {
    double score = 0;
    for (std::size_t i = 0; i < std::min(vector.size(), photo.seen.vector.size()); ++i)
      score += static_cast<double>(vector[i]) * photo.seen.vector[i];
    results.push_back({photo.path, printable(photo.path), score});
  }
  std::ranges::stable_sort(results, std::greater<>(), &Scored::score);
  results.resize(std::min(results.size(), static_cast<std::size_t>(options.limit)));
  json whole = {{"results", json::array()},
                {"model", library.model()},
                {"indexed", photos.size()},
                {"total", photos.size()}};
  for (const auto& result : results) {
    whole["results"].push_back(
        {{"key", escape_non_utf8(result.key)}, {"score", std::round(result.score * 1e4) / 1e4}});
  }
  print_scored(results, options.format, whole);
  if (by_text && !results.empty() && results.front().score < library.threshold())
    note(kNothingFits);
  return library.finish();
}

int call_or_print(const Result<json>& answer, const SearchOptions& options) {
  if (!answer) return call_failed(answer.error());
  std::vector<Scored> results;
  for (const auto& result : answer->value("results", json::array())) {
    results.push_back({result.value("key", ""),
                       printable(result.value("name", result.value("key", ""))),
                       result.value("score", 0.0)});
  }
  print_scored(results, options.format, *answer);
  if (answer->contains("threshold") && answer->value("fits", 0LL) == 0) note(kNothingFits);
  const auto indexed = answer->value("indexed", 0LL);
  const auto total = answer->value("total", 0LL);
  if (indexed < total) {
    note(fmt::format("{} of {} images are indexed; `classifier index` has the others looked at",
                     indexed, total));
  }
  return 0;
}

HttpClient::Query query_of(const SearchOptions& options) {
  HttpClient::Query query{{"limit", std::to_string(options.limit)}};
  if (!options.prefix.empty()) query.emplace_back("prefix", options.prefix);
  return query;
}

int search(const Config& config, const SearchOptions& options) {
  if (trim(options.what).empty()) {
    return complain({ErrorCode::kInvalidArgument, "say what the photos show: the text is empty"},
                    kUsage);
  }
  if (options.within.empty()) {
    BackendClient client(config);
    auto query = query_of(options);
    query.emplace_back("q", options.what);
    return call_or_print(json_body(client->get("/search", query)), options);
  }
  LocalLibrary library(config, options);
  if (const int code = library.open(); code != 0) return code;
  const auto photos = library.look_at(options.within);
  if (!photos) return interrupted() ? kInterrupted : complain(photos.error(), kUsage);
  const auto vector = library.embed(trim(options.what));
  if (!vector) return complain(vector.error(), kSomeFailed);
  return print_nearest(library, *photos, *vector, options, true);
}

int similar(const Config& config, const SearchOptions& options) {
  std::error_code error;
  const bool is_file = fs::is_regular_file(options.what, error);
  if (options.within.empty()) {
    BackendClient client(config);
    auto query = query_of(options);
    if (!is_file) {
      query.emplace_back("key", options.what);
      return call_or_print(json_body(client->get("/similar", query)), options);
    }
    const auto bytes = read_file(options.what);
    if (!bytes) {
      return complain({ErrorCode::kNotFound, "cannot read " + printable(options.what)}, kUsage);
    }
    return call_or_print(
        json_body(client->ask("/similar", query, "application/octet-stream", *bytes)), options);
  }
  if (!is_file) {
    return complain(
        {ErrorCode::kNotFound, fmt::format("there is no file {}: name the photo to compare with",
                                           printable(options.what))},
        kUsage);
  }
  LocalLibrary library(config, options);
  if (const int code = library.open(); code != 0) return code;
  const auto wanted = library.look_at({options.what});
  if (!wanted) return interrupted() ? kInterrupted : complain(wanted.error(), kUsage);
  if (wanted->empty()) return kSomeFailed;  // its warning says why
  auto photos = library.look_at(options.within);
  if (!photos) return interrupted() ? kInterrupted : complain(photos.error(), kUsage);
  const std::string itself = memory_key(options.what);
  std::erase_if(*photos, [&](const Photo& photo) { return memory_key(photo.path) == itself; });
  return print_nearest(library, *photos, wanted->front().seen.vector, options, false);
}

// A group of duplicates: the one to keep first.
struct PrintedGroup {
  bool identical = false;
  std::string reason;
  struct Image {
    std::string key;
    std::string name;
    std::uint64_t size = 0;
    int width = 0;
    int height = 0;
    double similarity = 1;
  };
  std::vector<Image> images;
};

json json_of(const PrintedGroup& group) {
  json images = json::array();
  for (const auto& image : group.images) {
    images.push_back({{"key", escape_non_utf8(image.key)},
                      {"size", image.size},
                      {"width", image.width},
                      {"height", image.height},
                      {"similarity", std::round(image.similarity * 1e4) / 1e4}});
  }
  return {{"kind", group.identical ? "identical" : "similar"},
          {"reason", group.reason},
          {"images", std::move(images)}};
}

void print_groups(const std::vector<PrintedGroup>& groups, const std::string& format) {
  if (format == "json") {
    json all = json::array();
    for (const auto& group : groups) all.push_back(json_of(group));
    std::cout << json{{"groups", std::move(all)}}.dump(2, ' ', false,
                                                       json::error_handler_t::replace)
              << "\n";
    return;
  }
  if (format == "keys") {
    // All but the ones to keep: what a cleaning may take.
    for (const auto& group : groups) {
      for (std::size_t i = 1; i < group.images.size(); ++i)
        std::cout << group.images[i].key << "\n";
    }
    return;
  }
  double spare = 0;
  Table table({"", "SIZE", "PIXELS", "ALIKE", "NAME"});
  for (const auto& group : groups) {
    table.add_heading(
        fmt::format("{}; keep {}", group.identical ? "identical" : "similar", group.reason));
    for (std::size_t i = 0; i < group.images.size(); ++i) {
      const auto& image = group.images[i];
      if (i > 0) spare += static_cast<double>(image.size);
      table.add({i == 0 ? "keep" : "", human_bytes(static_cast<double>(image.size)),
                 image.width > 0 ? fmt::format("{} × {}", image.width, image.height) : "",
                 fmt::format("{:.3f}", image.similarity), image.name});
    }
  }
  table.print(std::cout);
  note(fmt::format("{} groups; the copies take {}", groups.size(), human_bytes(spare)));
}

int stored_duplicates(const Config& config, const SearchOptions& options) {
  BackendClient client(config);
  std::vector<PrintedGroup> groups;
  std::string token;
  while (true) {
    HttpClient::Query query{{"min_similarity", short_number(options.min_similarity)}};
    if (!token.empty()) query.emplace_back("next_token", token);
    const auto response = client->get("/duplicates", query);
    if (!response && response.error().code == ErrorCode::kUnavailable &&
        response.error().message.contains("being looked for") && !interrupted()) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      continue;
    }
    const auto page = json_body(response);
    if (!page) return call_failed(page.error());
    for (const auto& group : page->value("groups", json::array())) {
      PrintedGroup& printed = groups.emplace_back();
      printed.identical = group.value("kind", "") == "identical";
      printed.reason = group.value("reason", "");
      for (const auto& image : group.value("images", json::array())) {
        printed.images.push_back({.key = image.value("key", ""),
                                  .name = printable(image.value("name", "")),
                                  .size = image.value("size", std::uint64_t{0}),
                                  .width = image.value("width", 0),
                                  .height = image.value("height", 0),
                                  .similarity = image.value("similarity", 1.0)});
      }
    }
    token = page->value("next_token", "");
    if (token.empty()) break;
  }
  print_groups(groups, options.format);
  return 0;
}

struct FileFacts {
  std::uint64_t bytes = 0;
  int width = 0;
  int height = 0;
};

// Of a file, from its beginning.
FileFacts facts_of(const std::string& path) {
  std::string head(kImageHeaderBytes, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  const ImageFacts facts = read_image_facts(std::as_bytes(std::span(head)));
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return {.bytes = error ? 0 : size, .width = facts.width, .height = facts.height};
}

std::vector<PrintedGroup> duplicates_among(LocalLibrary& library, const std::vector<Photo>& photos,
                                           double min_similarity) {
  std::unordered_map<std::string, std::size_t> numbers;  // of contents
  std::vector<std::vector<const Photo*>> files;
  for (const auto& photo : photos) {
    const auto [place, is_new] = numbers.try_emplace(photo.sha256, files.size());
    if (is_new) files.emplace_back();
    files[place->second].push_back(&photo);
  }
  std::vector<AlikePair> pairs;
  const auto compared = library.index().similar_pairs(
      library.fingerprint(), static_cast<float>(min_similarity) - kCosineSlack,
      [&](const std::string& a, const std::string& b, float cosine) {
        const auto left = numbers.find(a);
        const auto right = numbers.find(b);
        if (left == numbers.end() || right == numbers.end()) return;
        const auto similarity = same_picture(cosine, files[left->second].front()->seen.look,
                                             files[right->second].front()->seen.look,
                                             static_cast<float>(min_similarity));
        if (similarity) pairs.push_back({left->second, right->second, *similarity});
      },
      interrupted);
  if (!compared) warn("only identical files are found: " + compared.error().message);
  std::vector<Picture> pictures;
  std::vector<FileFacts> facts;
  for (const auto& same : files) {
    const FileFacts file = facts_of(file_of(same.front()->path).string());
    facts.push_back(file);
    pictures.push_back({.pixels = std::int64_t{file.width} * file.height,
                        .bytes = file.bytes,
                        .sharpness = same.front()->seen.look.sharpness,
                        .files = same.size()});
  }
  std::vector<PrintedGroup> groups;
  for (const auto& alike : group_alike(pictures, pairs)) {
    PrintedGroup& group = groups.emplace_back();
    const FileFacts& kept = facts[alike.members.front().first];
    group.identical = alike.members.size() == 1;
    group.reason = reason_to_keep(alike.why, kept.width, kept.height);
    for (const auto& [number, similarity] : alike.members) {
      for (const Photo* const photo : files[number]) {
        group.images.push_back({.key = photo->path,
                                .name = printable(photo->path),
                                .size = facts[number].bytes,
                                .width = facts[number].width,
                                .height = facts[number].height,
                                .similarity = similarity});
      }
    }
  }
  return groups;
}

int duplicates(const Config& config, const SearchOptions& options) {
  if (!(options.min_similarity >= 0.8 &&
        options.min_similarity <= 1)) {  // also where it is no number
    return complain({ErrorCode::kInvalidArgument, "--min-similarity must be from 0.8 to 1"},
                    kUsage);
  }
  if (options.within.empty()) return stored_duplicates(config, options);
  LocalLibrary library(config, options);
  if (const int code = library.open(); code != 0) return code;
  const auto photos = library.look_at(options.within);
  if (!photos) return interrupted() ? kInterrupted : complain(photos.error(), kUsage);
  const auto groups = duplicates_among(library, *photos, options.min_similarity);
  if (interrupted()) return kInterrupted;
  print_groups(groups, options.format);
  return library.finish();
}

int index(const Config& config, bool watch, const std::string& format) {
  BackendClient client(config);
  auto state = json_body(client->post_json("/index", "{}"));
  if (!state) return call_failed(state.error());
  ProgressBar bar(state->value("total", 0LL), "images");
  while (watch && state->value("busy", false) && !interrupted()) {
    bar.show(state->value("indexed", 0LL), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    state = json_body(client->get("/index", {}));
    if (!state) return call_failed(state.error());
  }
  bar.clear();
  if (interrupted()) return kInterrupted;
  if (format == "json") {
    std::cout << state->dump(2) << "\n";
  } else {
    std::cout << fmt::format("{} of {} images are indexed, {} wait\n", state->value("indexed", 0LL),
                             state->value("total", 0LL), state->value("pending", 0LL));
  }
  return 0;
}

void add_common(CLI::App& command, SearchOptions& options) {
  command
      .add_option("--within", options.within,
                  "search photos and folders of this machine, without a service")
      ->type_name("PATH");
  command.add_option("--format", options.format, "output format (default: table)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "keys"}));
  add_search_options(command, options.list_passed_over);
}

void add_limit(CLI::App& command, SearchOptions& options) {
  command.add_option("--limit", options.limit, "most results, 1 to 1000 (default: 50)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000));
  command.add_option("--prefix", options.prefix, "only stored images whose key begins with this")
      ->type_name("PREFIX");
}

}  // namespace

void add_search_commands(CLI::App& app, const SetRun& set_run) {
  const auto add = [&](const char* name, const char* help) {
    auto* const command = app.add_subcommand(name, help);
    command->group("Search");
    return command;
  };
  const auto options = std::make_shared<SearchOptions>();
  auto* const find = add("search", "Find photos by what they show");
  find->add_option("TEXT", options->what, "what the photos show")->required();
  add_limit(*find, *options);
  add_common(*find, *options);
  set_help_notes(*find,
                 {.settings_of = kClients | kClassify,
                  .examples = {{"classifier search \"a red car on a beach\"", "Of a service"},
                               {"classifier search \"a dog\" --within ~/Pictures",
                                "Of a folder, without a service"}}});
  find->callback([=] { set_run([=](const Config& config) { return search(config, *options); }); });

  auto* const like = add("similar", "Find photos that look like one");
  like->add_option("KEY|FILE", options->what, "a stored image, or a file")->required();
  add_limit(*like, *options);
  add_common(*like, *options);
  set_help_notes(*like, {.settings_of = kClients | kClassify,
                         .examples = {{"classifier similar photo.jpg", "Stored images like a file"},
                                      {"classifier similar photo.jpg --within ~/Pictures",
                                       "Files of a folder, without a service"}}});
  like->callback([=] { set_run([=](const Config& config) { return similar(config, *options); }); });

  auto* const twice = add("duplicates", "Find identical and nearly identical photos");
  twice
      ->add_option("--min-similarity", options->min_similarity,
                   "how alike photos must be, 0.8 to 1 (default: 0.95)")
      ->type_name("NUMBER");
  add_common(*twice, *options);
  set_help_notes(
      *twice,
      {.settings_of = kClients | kClassify,
       .examples = {
           {"classifier duplicates --within ~/Pictures", "Of a folder, without a service"},
           {"classifier duplicates --format keys", "All but the ones to keep; deletes nothing"}}});
  twice->callback(
      [=] { set_run([=](const Config& config) { return duplicates(config, *options); }); });

  const auto watch = std::make_shared<bool>(false);
  const auto format = std::make_shared<std::string>("text");
  auto* const all = add("index", "Have a service look at all photos, so that search finds them");
  all->add_flag("--watch", *watch, "wait until it is done, and show its progress");
  all->add_option("--format", *format, "output format (default: text)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}));
  set_help_notes(*all, {.settings_of = kClients, .examples = {}});
  all->callback(
      [=] { set_run([=](const Config& config) { return index(config, *watch, *format); }); });
}

}  // namespace classifier
