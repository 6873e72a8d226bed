// What was seen, kept and searched on disk: limits, damage, other processes, and the search itself.
#include "adapters/embedded/embedding_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "adapters/embedded/similar_vectors.hpp"
#include "adapters/embedded/vector_kernels.hpp"
#include "domain/half.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_dir.hpp"

namespace classifier::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kDimensions = 100;  // no multiple of any register

std::vector<float> unit(std::vector<float> vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  for (float& value : vector) value = static_cast<float>(value / std::sqrt(squares));
  round_to_half(vector);
  return vector;
}

// Vectors around some centres, as photos of the same things are.
class Library {
 public:
  explicit Library(unsigned seed, std::size_t centres = 20) : random_(seed) {
    for (std::size_t i = 0; i < centres; ++i) centres_.push_back(noise(1));
  }

  std::vector<float> next(float spread = 0.6F) {
    const auto& centre = centres_[random_() % centres_.size()];
    std::vector<float> vector = noise(spread);
    for (std::size_t i = 0; i < vector.size(); ++i) vector[i] += centre[i];
    return unit(std::move(vector));
  }

  std::vector<float> noise(float spread) {
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> vector(kDimensions);
    for (float& value : vector) value = normal(random_);
    return vector;
  }

 private:
  std::mt19937 random_;
  std::vector<std::vector<float>> centres_;
};

std::string content(std::size_t number) { return sha256_hex(std::to_string(number)); }

float cosine(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

class EmbeddingIndexTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  void open(std::uint64_t max_bytes = std::uint64_t{1} << 30) {
    index_.reset();
    store_.reset();
    store_ = SqliteEmbeddings::open(file(), max_bytes, clock_).value();
    index_ = std::make_unique<EmbeddingIndex>(*store_, vectors(), 2);
  }

  // Adds `count` images, and returns their vectors.
  std::vector<std::vector<float>> add(std::size_t from, std::size_t count,
                                      const std::string& model = "model") {
    std::vector<Remembered> images;
    std::vector<std::vector<float>> added;
    for (std::size_t i = from; i < from + count; ++i) {
      added.push_back(library_.next());
      images.push_back({.sha256 = content(i), .seen = {}});
      images.back().seen.vector = added.back();
    }
    for (std::size_t begin = 0; begin < count; begin += 500) {
      EXPECT_TRUE(store_->put(
          model, std::span(images).subspan(begin, std::min<std::size_t>(500, count - begin))));
    }
    return added;
  }

  // What the search has to find, by comparing all.
  static std::vector<std::string> best(const std::vector<std::vector<float>>& vectors,
                                       const std::vector<float>& query, std::size_t count) {
    std::vector<std::size_t> order(vectors.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::greater<>(),
                             [&](std::size_t i) { return cosine(vectors[i], query); });
    std::vector<std::string> contents;
    for (std::size_t i = 0; i < std::min(count, order.size()); ++i)
      contents.push_back(content(order[i]));
    return contents;
  }

  std::vector<std::string> nearest(const std::vector<float>& query, std::size_t count,
                                   const std::string& model = "model") {
    const auto found = index_->nearest(model, query, count);
    EXPECT_TRUE(found) << found.error().message;
    std::vector<std::string> contents;
    if (!found) return contents;
    for (const auto& neighbour : *found) contents.push_back(neighbour.sha256);
    EXPECT_TRUE(std::ranges::is_sorted(*found, std::greater<>(), &Neighbour::similarity));
    return contents;
  }

  fs::path file() const { return dir_.path() / "seen.sqlite"; }
  fs::path vectors() const { return dir_.path() / "vectors"; }
  fs::path vector_file() const { return vectors() / "model.vectors"; }

  TempDir dir_;
  ManualClock clock_;
  Library library_{7};
  std::unique_ptr<SqliteEmbeddings> store_;
  std::unique_ptr<EmbeddingIndex> index_;
};

TEST_F(EmbeddingIndexTest, FindsWhatComparingAllFinds) {
  EXPECT_THAT(nearest(library_.next(), 5), IsEmpty());
  auto all = add(0, 3'000);
  for (int i = 0; i < 20; ++i) {
    const auto query = library_.next();
    EXPECT_EQ(nearest(query, 10), best(all, query, 10));
  }
  EXPECT_EQ(nearest(all[17], 1), (std::vector<std::string>{content(17)}));
  // What comes later is found at once, also by another process, and after a restart.
  const auto more = add(3'000, 2'000);
  all.insert(all.end(), more.begin(), more.end());
  EXPECT_EQ(nearest(more[5], 10), best(all, more[5], 10));
  SqliteEmbeddings& other_store = *store_;
  EmbeddingIndex other(other_store, vectors(), 1);
  EXPECT_EQ(other.nearest("model", more[7], 1).value().front().sha256, content(3'007));
  open();
  const auto query = library_.next();
  EXPECT_EQ(nearest(query, 50), best(all, query, 50));
  // More than there are.
  EXPECT_THAT(nearest(query, 100'000), SizeIs(all.size()));
}

TEST_F(EmbeddingIndexTest, ModelsAreApart) {
  const auto a = add(0, 50, "a");
  const auto b = add(0, 60, "b");
  EXPECT_THAT(nearest(a[0], 100, "a"), SizeIs(50));
  EXPECT_THAT(nearest(a[0], 100, "b"), SizeIs(60));
  EXPECT_THAT(nearest(a[0], 100, "c"), IsEmpty());
  // A question of another model, whose vectors have another length.
  EXPECT_EQ(index_->nearest("a", std::vector<float>(7, 1), 1).error().code, ErrorCode::kInternal);
}

TEST_F(EmbeddingIndexTest, WhatIsForgottenIsNotFound) {
  const auto all = add(0, 400);
  EXPECT_EQ(nearest(all[3], 1), (std::vector<std::string>{content(3)}));
  ASSERT_TRUE(store_->forget(std::vector<std::string>{content(3)}));
  EXPECT_NE(nearest(all[3], 1), (std::vector<std::string>{content(3)}));
  // The numbers are gone from the disk, too, once most of them are.
  std::vector<std::string> most;
  for (std::size_t i = 0; i < 390; ++i) most.push_back(content(i));
  const auto size = fs::file_size(vector_file());
  ASSERT_TRUE(store_->forget(most));
  EXPECT_THAT(nearest(all[3], 400), SizeIs(10));
  EXPECT_LT(fs::file_size(vector_file()), size / 10);
  // A content that comes again is found once.
  add(395, 1);
  EXPECT_THAT(nearest(all[3], 400), SizeIs(10));
}

// Each byte of the file may be lost, or be another one; the answer stays right.
TEST_F(EmbeddingIndexTest, ADamagedFileIsMadeAgain) {
  const auto all = add(0, 300);
  const auto query = library_.next();
  const auto expected = best(all, query, 10);
  ASSERT_EQ(nearest(query, 10), expected);
  const std::string whole = read_file(vector_file()).value();
  const auto damaged = [&](const std::string& what, const std::string& bytes) {
    index_.reset();
    std::ofstream(vector_file(), std::ios::binary | std::ios::trunc) << bytes;
    index_ = std::make_unique<EmbeddingIndex>(*store_, vectors(), 2);
    EXPECT_EQ(nearest(query, 10), expected) << what;
    EXPECT_EQ(read_file(vector_file()).value(), whole) << what;
  };
  damaged("empty", "");
  damaged("half a header", whole.substr(0, 100));
  damaged("no rows", whole.substr(0, 4'096));
  damaged("half a row", whole.substr(0, whole.size() - 37));
  damaged("rows missing at the end", whole.substr(0, whole.size() / 2));
  damaged("zeros", std::string(whole.size(), '\0'));
  damaged("another version", "vectors 2" + whole.substr(9));
  std::string zeros = whole;
  std::fill(zeros.begin() + 8'192, zeros.begin() + 12'288, '\0');
  damaged("a page of zeros", zeros);
  for (const std::size_t at : {4'096UL, 4'100UL, 4'105UL, 4'110UL, 4'115UL, 4'200UL, 20'000UL}) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    damaged("a bit at " + std::to_string(at), flipped);
  }
  damaged("a part twice", whole + whole.substr(4'096));
  index_.reset();
  fs::remove_all(vectors());
  index_ = std::make_unique<EmbeddingIndex>(*store_, vectors(), 2);
  EXPECT_EQ(nearest(query, 10), expected);
}

TEST_F(EmbeddingIndexTest, AFileThatIsCutWhileItIsInUseIsMadeAgain) {
  const auto all = add(0, 300);
  const auto query = library_.next();
  ASSERT_EQ(nearest(query, 10), best(all, query, 10));
  fs::resize_file(vector_file(), 5'000);
  EXPECT_EQ(nearest(query, 10), best(all, query, 10));
}

// Its rows have the same numbers as those of the one before, and are of other contents.
TEST_F(EmbeddingIndexTest, TheFileOfAnotherStoreIsNotTakenForItsOwn) {
  const auto before = add(0, 300);
  ASSERT_THAT(nearest(before[0], 10), SizeIs(10));
  index_.reset();
  store_.reset();
  for (const char* const ending : {"", "-wal", "-shm"}) fs::remove(file().string() + ending);
  open();
  const auto all = add(1'000, 400);
  const auto found = nearest(all[7], 1);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0], content(1'007));
  EXPECT_THAT(nearest(all[7], 1'000), SizeIs(400));
}

// A copy of the store from before the last images, as after a power loss or from a backup.
TEST_F(EmbeddingIndexTest, AnOlderCopyOfTheStoreIsNotMixedWithNewerVectors) {
  const auto first = add(0, 100);
  index_.reset();
  store_.reset();
  fs::copy_file(file(), dir_.path() / "copy");
  open();
  add(100, 60);
  ASSERT_THAT(nearest(first[0], 1'000), SizeIs(160));
  index_.reset();
  store_.reset();
  for (const char* const ending : {"", "-wal", "-shm"}) fs::remove(file().string() + ending);
  fs::copy_file(dir_.path() / "copy", file());
  open();
  // Numbers of rows are given again, to fewer images and to more than before.
  const auto other = add(500, 30);
  EXPECT_EQ(nearest(other[4], 1), (std::vector<std::string>{content(504)}));
  EXPECT_THAT(nearest(first[0], 1'000), SizeIs(130));
  index_.reset();
  store_.reset();
  for (const char* const ending : {"", "-wal", "-shm"}) fs::remove(file().string() + ending);
  fs::copy_file(dir_.path() / "copy", file());
  open();
  const auto more = add(700, 90);
  EXPECT_THAT(nearest(more[4], 1'000), SizeIs(190));
  EXPECT_EQ(nearest(more[4], 1), (std::vector<std::string>{content(704)}));
}

TEST_F(EmbeddingIndexTest, AStoreThatIsDamagedIsBegunAnew) {
  add(0, 300);
  index_.reset();
  store_.reset();
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << std::string(50'000, 'x');
  fs::remove(file().string() + "-wal");
  open();
  EXPECT_EQ(store_->has("model", std::vector<std::string>{content(0)}).value(),
            std::vector<bool>{false});
  // What the vectors say of it is gone as well.
  const auto all = add(1'000, 20);
  EXPECT_THAT(nearest(all[0], 100), SizeIs(20));
}

// Killed at any moment, it has what was put before, or less, and nothing else.
TEST_F(EmbeddingIndexTest, SurvivesProcessesThatAreKilled) {
  add(0, 100);
  index_.reset();
  store_.reset();
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = SqliteEmbeddings::open(file(), std::uint64_t{1} << 30, clock_);
      EmbeddingIndex index(**store, vectors(), 1);
      Library library(static_cast<unsigned>(round));
      for (std::size_t i = 0;; ++i) {
        Remembered image{.sha256 = content(1'000 + static_cast<std::size_t>(round) * 10'000 + i),
                         .seen = {}};
        image.seen.vector = library.next();
        if (!(*store)->put("model", {&image, 1})) ::_exit(2);
        if (!index.nearest("model", image.seen.vector, 1)) ::_exit(3);
      }
    }
    ::usleep(static_cast<useconds_t>(20'000 + 7'000 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  }
  open();
  const auto rows = store_->rows_after("model", 0, 1'000'000).value();
  EXPECT_GT(rows.size(), 100U);
  std::vector<std::string> in_store;
  for (const auto& row : rows) in_store.push_back(to_hex(row.content));
  auto found = nearest(library_.next(), 1'000'000);
  std::ranges::sort(in_store);
  std::ranges::sort(found);
  EXPECT_EQ(found, in_store);
}

TEST_F(EmbeddingIndexTest, TwoWritersShareOneFile) {
  std::vector<std::jthread> writers;
  for (std::size_t writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      const auto store = SqliteEmbeddings::open(file(), std::uint64_t{1} << 30, clock_).value();
      EmbeddingIndex index(*store, vectors(), 1);
      Library library(static_cast<unsigned>(100 + writer));
      for (std::size_t i = 0; i < 60; ++i) {
        Remembered image{.sha256 = content(writer * 1'000 + i), .seen = {}};
        image.seen.vector = library.next();
        ASSERT_TRUE(store->put("model", {&image, 1}));
        const auto found = index.nearest("model", image.seen.vector, 1);
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_EQ(found->front().sha256, image.sha256);
      }
    });
  }
  writers.clear();
  EXPECT_THAT(nearest(library_.next(), 1'000), SizeIs(180));
}

TEST_F(EmbeddingIndexTest, WhatWasNotUsedForLongestGoesFirst) {
  index_.reset();
  // About 1.4 kB each, so two blocks fit.
  constexpr std::uint64_t kLimit = 3'700'000;
  open(kLimit);
  const auto put = [&](std::size_t from, std::size_t count) {
    Remembered image;
    for (std::size_t i = from; i < from + count; ++i) {
      image.sha256 = content(i);
      image.seen.vector.assign(512, 0.5F);
      ASSERT_TRUE(store_->put("model", {&image, 1}));
    }
  };
  const auto has = [&](std::size_t number) -> bool {
    return store_->has("model", std::vector<std::string>{content(number)}).value().front();
  };
  put(0, 1'023);  // rows count from 1
  clock_.advance(std::chrono::days(1));
  put(1'023, 1'024);
  clock_.advance(std::chrono::days(1));
  ASSERT_TRUE(has(0));
  // The first ones are used once more.
  ASSERT_TRUE(store_->get("model", std::vector<std::string>{content(0)}).value().front());
  clock_.advance(std::chrono::days(1));
  put(10'000, 1'000);
  EXPECT_TRUE(has(10'999));
  EXPECT_TRUE(has(10));
  EXPECT_FALSE(has(1'500));
  const auto size = fs::file_size(file());
  EXPECT_LT(size, kLimit + (1 << 20));
}

TEST(VectorKernels, ProductsAreExact) {
  std::mt19937 random(3);
  std::uniform_int_distribution<int> any(-127, 127);
  for (const std::size_t size : {1U, 7U, 16U, 31U, 32U, 64U, 100U, 384U, 512U, 1'280U, 4'099U}) {
    std::vector<std::vector<std::int8_t>> vectors(5, std::vector<std::int8_t>(size));
    for (auto& vector : vectors) {
      for (auto& value : vector) value = static_cast<std::int8_t>(any(random));
    }
    vectors[1].assign(size, -127);
    vectors[2].assign(size, 127);
    std::vector<const std::int8_t*> rows;
    for (const auto& vector : vectors) rows.push_back(vector.data());
    for (const auto& query : vectors) {
      std::vector<std::int32_t> products(rows.size());
      multiply_i8(query.data(), rows, size, products.data());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        std::int32_t expected = 0;
        for (std::size_t k = 0; k < size; ++k) expected += query[k] * vectors[i][k];
        EXPECT_EQ(products[i], expected) << size;
      }
    }
  }
}

TEST(VectorKernels, RoundsToTheWholeRange) {
  std::vector<std::int8_t> rounded(4);
  EXPECT_FLOAT_EQ(round_to_i8(std::vector<float>{0, -2, 1, 2}, rounded.data()), 2.0F / 127);
  EXPECT_THAT(rounded, ElementsAre(0, -127, 64, 127));
  EXPECT_EQ(round_to_i8(std::vector<float>(4, 0), rounded.data()), 0);
  EXPECT_THAT(rounded, ElementsAre(0, 0, 0, 0));
}

// Of few rows exactly what comparing all finds; of many nearly all of it.
TEST_F(EmbeddingIndexTest, SimilarPairsAreFound) {
  for (const std::size_t count : {500UL, kEachWithEach + 5'000}) {
    index_.reset();
    store_.reset();
    fs::remove_all(dir_.path());
    fs::create_directories(dir_.path());
    open();
    Library library(11, 200);
    std::vector<Remembered> images;
    std::set<std::pair<std::string, std::string>> planted;
    for (std::size_t i = 0; i < count; ++i) {
      Remembered image{.sha256 = content(i), .seen = {}};
      if (i % 50 == 1) {
        // Nearly the one before.
        image.seen.vector = images.back().seen.vector;
        const auto noise = library.noise(0.01F);
        for (std::size_t k = 0; k < noise.size(); ++k) image.seen.vector[k] += noise[k];
        image.seen.vector = unit(std::move(image.seen.vector));
        planted.insert(std::minmax(images.back().sha256, image.sha256));
      } else {
        image.seen.vector = library.next(1.5F);
      }
      images.push_back(std::move(image));
    }
    for (std::size_t begin = 0; begin < count; begin += 1'000) {
      ASSERT_TRUE(store_->put(
          "model", std::span(images).subspan(begin, std::min<std::size_t>(1'000, count - begin))));
    }
    std::map<std::pair<std::string, std::string>, int> found;
    ASSERT_TRUE(index_->similar_pairs(
        "model", 0.95F,
        [&](const std::string& a, const std::string& b, float similarity) {
          EXPECT_GE(similarity, 0.95F);
          ++found[std::minmax(a, b)];
        },
        [] { return false; }));
    std::size_t missed = 0;
    for (const auto& pair : planted) missed += found.contains(pair) ? 0 : 1;
    EXPECT_LE(missed * 100, planted.size()) << "of " << planted.size();
    for (const auto& [pair, times] : found) {
      EXPECT_EQ(times, 1);
      EXPECT_TRUE(planted.contains(pair));
    }
  }
  int pairs = 0;
  ASSERT_TRUE(index_->similar_pairs(
      "model", 0, [&](const std::string&, const std::string&, float) { ++pairs; },
      [] { return true; }));
  EXPECT_EQ(pairs, 0);
}

}  // namespace
}  // namespace classifier::testing
