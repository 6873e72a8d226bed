// Search among SEARCH_VECTORS remembered images (1,000,000) of 512 numbers: the first search after
// a start, exact searches, how many of the ten nearest are found, what is added and removed, and
// all similar pairs. The vectors lie around 2,000 centres, so that the nearest have cosines of 0.7
// to 0.95, and every hundredth is nearly another one.
#include <benchmark/benchmark.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "adapters/embedded/embedding_index.hpp"
#include "domain/ids.hpp"
#include "domain/text.hpp"
#include "ports/clock.hpp"
#include "support/stopwatch.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDimensions = 512;
constexpr std::size_t kCentres = 2'000;
constexpr const char* kModel = "bench";

std::size_t vectors() {
  const char* const wanted = std::getenv("SEARCH_VECTORS");
  return wanted == nullptr ? 1'000'000 : static_cast<std::size_t>(std::atoll(wanted));
}

std::string content(std::size_t number) { return sha256_hex(std::to_string(number)); }

class Library {
 public:
  Library() : folder_(fs::temp_directory_path() / ("search-bench-" + random_hex(8))) {
    fs::create_directories(folder_);
    for (std::size_t i = 0; i < kCentres; ++i) centres_.push_back(noise(1));
    embeddings_ =
        SqliteEmbeddings::open(folder_ / "seen.sqlite", std::uint64_t{1} << 40, clock_).value();
    open();
    const Stopwatch watch;
    std::vector<Remembered> piece;
    for (std::size_t i = 0; i < vectors(); ++i) {
      Remembered image{.sha256 = content(i), .seen = {}};
      image.seen.vector = i % 100 == 1 ? near(piece.back().seen.vector) : next();
      piece.push_back(std::move(image));
      if (piece.size() < 500 && i + 1 < vectors()) continue;
      if (!embeddings_->put(kModel, piece)) std::abort();
      piece.clear();
    }
    const double put = watch.seconds();
    if (!index().catch_up(kModel)) std::abort();
    std::cout << fmt::format(
        "{} vectors: put in {:.1f} s, index made in {:.1f} s, {} MB and {} MB\n", vectors(), put,
        watch.seconds() - put, fs::file_size(folder_ / "seen.sqlite") >> 20,
        fs::file_size(folder_ / "vectors" / "bench.vectors") >> 20);
  }
  ~Library() { fs::remove_all(folder_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void open() { index_ = std::make_unique<EmbeddingIndex>(*embeddings_, folder_ / "vectors", 2); }
  EmbeddingIndex& index() { return *index_; }
  SqliteEmbeddings& embeddings() { return *embeddings_; }

  std::vector<float> next() {
    const auto& centre = centres_[random_() % kCentres];
    auto vector = noise(0.6F);
    for (std::size_t i = 0; i < kDimensions; ++i) vector[i] += centre[i];
    return unit(std::move(vector));
  }
  std::vector<float> near(std::vector<float> vector) {
    const auto other = noise(0.005F);
    for (std::size_t i = 0; i < kDimensions; ++i) vector[i] += other[i];
    return unit(std::move(vector));
  }

 private:
  static std::vector<float> unit(std::vector<float> vector) {
    double squares = 0;
    for (const float value : vector) squares += static_cast<double>(value) * value;
    for (float& value : vector) value = static_cast<float>(value / std::sqrt(squares));
    return vector;
  }
  std::vector<float> noise(float spread) {
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> vector(kDimensions);
    for (float& value : vector) value = normal(random_);
    return vector;
  }

  std::mt19937 random_{1};
  fs::path folder_;
  SystemClock clock_;
  std::vector<std::vector<float>> centres_;
  std::unique_ptr<SqliteEmbeddings> embeddings_;
  std::unique_ptr<EmbeddingIndex> index_;
};

Library& library() {
  static Library made;
  return made;
}

// Maps the file and checks its rows as well.
void first_search(benchmark::State& state) {
  const auto query = library().next();
  for (auto step : state) {
    state.PauseTiming();
    library().open();
    state.ResumeTiming();
    benchmark::DoNotOptimize(library().index().nearest(kModel, query, 50));
  }
}
BENCHMARK(first_search)->Unit(benchmark::kMillisecond)->Iterations(3)->UseRealTime();

void search(benchmark::State& state) {
  for (auto step : state)
    benchmark::DoNotOptimize(library().index().nearest(kModel, library().next(), 50));
}
BENCHMARK(search)->Unit(benchmark::kMillisecond)->UseRealTime();

// Of the ten nearest by all numbers of 16 bits.
void recall_at_10(benchmark::State& state) {
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (auto step : state) {
    const auto query = library().next();
    std::vector<std::pair<float, std::string>> all;
    for (std::int64_t last = 0;;) {
      const auto rows = library().embeddings().rows_after(kModel, last, 4'096).value();
      if (rows.empty()) break;
      last = rows.back().id;
      for (const auto& row : rows) {
        float product = 0;
        for (std::size_t i = 0; i < kDimensions; ++i) product += row.vector[i] * query[i];
        all.emplace_back(-product, to_hex(row.content));
      }
    }
    std::ranges::partial_sort(all, all.begin() + 10);
    const auto nearest = library().index().nearest(kModel, query, 10).value();
    for (std::size_t i = 0; i < 10; ++i) {
      ++wanted;
      found += std::ranges::count(nearest, all[i].second, &Neighbour::sha256);
    }
  }
  state.counters["recall"] = static_cast<double>(found) / static_cast<double>(wanted);
}
BENCHMARK(recall_at_10)->Unit(benchmark::kMillisecond)->Iterations(10)->UseRealTime();

// One image more, and the search that finds it; the image is gone again afterwards.
void add_and_find(benchmark::State& state) {
  std::size_t number = 1'000'000'000;
  for (auto step : state) {
    Remembered image{.sha256 = content(++number), .seen = {}};
    image.seen.vector = library().next();
    if (!library().embeddings().put(kModel, {&image, 1})) std::abort();
    const auto found = library().index().nearest(kModel, image.seen.vector, 1).value();
    if (found.front().sha256 != image.sha256) state.SkipWithError("it is not found");
    if (!library().embeddings().forget({&image.sha256, 1})) std::abort();
  }
}
BENCHMARK(add_and_find)->Unit(benchmark::kMillisecond)->Iterations(20)->UseRealTime();

void similar_pairs(benchmark::State& state) {
  std::size_t pairs = 0;
  for (auto step : state) {
    pairs = 0;
    const auto done = library().index().similar_pairs(
        kModel, 0.95F, [&](const std::string&, const std::string&, float) { ++pairs; },
        [] { return false; });
    if (!done) state.SkipWithError(done.error().message.c_str());
  }
  state.counters["pairs"] = static_cast<double>(pairs);
  state.counters["planted"] = static_cast<double>(vectors() / 100);
}
BENCHMARK(similar_pairs)->Unit(benchmark::kSecond)->Iterations(1)->UseRealTime();

}  // namespace
}  // namespace classifier

BENCHMARK_MAIN();
