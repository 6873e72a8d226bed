// A catalogue of CATALOGUE_IMAGES entries (1,000,000): adding, any page of any order, searches, and
// what `OFFSET` on the same index would take for the same pages.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "adapters/embedded/sqlite_catalogue.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

std::int64_t images() {
  const char* const wanted = std::getenv("CATALOGUE_IMAGES");
  return wanted == nullptr ? 1'000'000 : std::atoll(wanted);
}

CatalogueEntry entry(std::int64_t number) {
  static constexpr const char* kPlaces[] = {"beach",  "mountain", "city",  "garden", "harbour",
                                            "forest", "museum",   "party", "river",  "snow"};
  const auto scattered = number * 7'919 % 1'000'003;
  CatalogueEntry made;
  made.key = "uploads/img_" + std::to_string(10'000'000 + number) + ".jpg";
  made.name = "Photos/" + std::to_string(2'000 + scattered % 25) + "/" + kPlaces[scattered % 10] +
              " " + std::to_string(scattered % 500) + "/IMG_" + std::to_string(scattered) + ".jpg";
  made.batch = "upload " + std::to_string(number / 200);
  made.size = static_cast<std::uint64_t>(1'000'000 + scattered);
  made.last_modified = made.uploaded_at = from_ms(1'700'000'000'000 + number * 50);
  made.etag = "abcdef-" + std::to_string(number);
  made.sha256 = std::string(56, 'a') + std::to_string(10'000'000 + number);
  made.facts = {.content_type = "image/jpeg",
                .width = 4'000,
                .height = 3'000,
                .taken_at = from_ms(1'000'000'000'000 + scattered * 600'000)};
  return made;
}

class Library {
 public:
  Library() : folder_(fs::temp_directory_path() / ("catalogue-bench-" + random_hex(8))) {
    fs::create_directories(folder_);
    database_ = SqliteDatabase::open(folder_ / "jobs.sqlite").value();
    catalogue_ = std::make_unique<SqliteCatalogue>(*database_);
    const auto begin = std::chrono::steady_clock::now();
    std::vector<CatalogueEntry> piece;
    for (std::int64_t i = 0; i < images(); ++i) {
      piece.push_back(entry(i));
      if (piece.size() < 500 && i + 1 < images()) continue;
      if (!catalogue_->put(piece)) std::abort();
      piece.clear();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << images() << " entries added in " << took.count() << " s, "
              << fs::file_size(folder_ / "jobs.sqlite") / static_cast<std::uintmax_t>(images())
              << " bytes each\n";
  }
  ~Library() {
    catalogue_.reset();
    database_.reset();
    fs::remove_all(folder_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  SqliteCatalogue& catalogue() { return *catalogue_; }
  SqliteDatabase& database() { return *database_; }

 private:
  fs::path folder_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<SqliteCatalogue> catalogue_;
};

Library& library() {
  static Library the_library;
  return the_library;
}

void page(benchmark::State& state, ImageOrder order, double place, const ImageFilter& filter) {
  auto& catalogue = library().catalogue();
  const auto total = catalogue.list(filter, order, 0, 1).value().total;
  const auto offset = static_cast<std::int64_t>(
      static_cast<double>(std::max<std::int64_t>(total - 200, 0)) * place);
  for (auto _ : state) {
    const auto answer = catalogue.list(filter, order, offset, 200);
    if (!answer) state.SkipWithError("failed");
    benchmark::DoNotOptimize(answer);
  }
  state.counters["total"] = static_cast<double>(total);
}

void offset_of_sqlite(benchmark::State& state, double place) {
  const auto offset = static_cast<std::int64_t>(static_cast<double>(images() - 200) * place);
  for (auto _ : state) {
    const auto answer = library().database().read([&](SqliteConnection& connection) -> Result<int> {
      auto& query = connection.prepare(
          "SELECT id, key, name, size FROM photos ORDER BY uploaded DESC, id DESC LIMIT 200 OFFSET "
          "?");
      query.bind(1, offset);
      int rows = 0;
      while (query.executeStep()) ++rows;
      return rows;
    });
    benchmark::DoNotOptimize(answer);
  }
}

template <class Ask>
void ask(benchmark::State& state, Ask question) {
  for (auto _ : state) {
    const auto answer = question(library().catalogue());
    if (!answer) state.SkipWithError("failed");
    benchmark::DoNotOptimize(answer);
  }
}

void add_and_remove(benchmark::State& state) {
  auto& catalogue = library().catalogue();
  auto made = entry(500'000);
  made.key += "-new";
  const std::vector<std::string> keys{made.key};
  for (auto _ : state) {
    if (!catalogue.put({&made, 1}) || !catalogue.remove(keys)) state.SkipWithError("failed");
  }
}

}  // namespace
}  // namespace classifier

int main(int argc, char** argv) {
  using namespace classifier;  // NOLINT(google-build-using-namespace)
  benchmark::Initialize(&argc, argv);
  const auto add = [](const std::string& name, ImageOrder order, double place, ImageFilter filter) {
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      page(state, order, place, filter);
    })->Unit(benchmark::kMillisecond);
  };
  const std::vector<std::pair<const char*, ImageOrder>> orders{{"key", ImageOrder::kKey},
                                                               {"newest", ImageOrder::kNewest},
                                                               {"name", ImageOrder::kName},
                                                               {"taken", ImageOrder::kTaken},
                                                               {"size", ImageOrder::kSize}};
  const std::vector<std::pair<const char*, double>> places{
      {"first", 0}, {"middle", 0.5}, {"last", 1}};
  for (const auto& [order_name, order] : orders) {
    for (const auto& [place_name, place] : places)
      add(std::string("page/") + order_name + "/" + place_name, order, place, {});
  }
  for (const auto& [place_name, place] : places) {
    benchmark::RegisterBenchmark(
        (std::string("OFFSET/newest/") + place_name).c_str(),
        [place = place](benchmark::State& state) { offset_of_sqlite(state, place); })
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("1,000 batches", [](benchmark::State& state) {
    ask(state, [](SqliteCatalogue& catalogue) { return catalogue.batches({}, 1'000); });
  })->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("months", [](benchmark::State& state) {
    ask(state, [](SqliteCatalogue& catalogue) { return catalogue.months(); });
  })->Unit(benchmark::kMillisecond);
  for (const char* const words :
       {"12345", "12,345", "img 12345", "beach 250", "beach 2", "beach", "img"}) {
    ImageFilter filter;
    filter.words = words;
    add(std::string("search/") + words + "/newest/first", ImageOrder::kNewest, 0, filter);
    add(std::string("search/") + words + "/name/middle", ImageOrder::kName, 0.5, filter);
  }
  for (const char* const folder : {"Photos/2003/beach 250", "Photos/2003"}) {
    ImageFilter filter;
    filter.folder = folder;
    for (const auto& [place_name, place] : places)
      add(std::string("folder/") + folder + "/" + place_name, ImageOrder::kNewest, place, filter);
  }
  ImageFilter year;
  year.taken_from = from_ms(1'200'000'000'000);
  year.taken_to = from_ms(1'230'000'000'000);
  add("taken range/taken/middle", ImageOrder::kTaken, 0.5, year);
  add("taken range/newest/middle", ImageOrder::kNewest, 0.5, year);
  benchmark::RegisterBenchmark("add and remove", add_and_remove)->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
