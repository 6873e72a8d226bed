#include "support/disk_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/files.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::Optional;

constexpr std::uint64_t kPlenty = 1 << 20;
constexpr std::size_t kChecksum = 64;

class DiskCacheTest : public ::testing::Test {
 protected:
  fs::path file(const std::string& name) const { return folder_ / name.substr(0, 2) / name; }
  static void age(const fs::path& file, std::chrono::minutes by) {
    fs::last_write_time(file, fs::file_time_type::clock::now() - by);
  }
  static std::chrono::minutes age_of(const fs::path& file) {
    return std::chrono::duration_cast<std::chrono::minutes>(fs::file_time_type::clock::now() -
                                                            fs::last_write_time(file));
  }
  static void put(const fs::path& file, const std::string& content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
  std::uint64_t bytes_on_disk() const {
    std::uint64_t total = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      std::error_code gone;
      const auto size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
      if (!gone) total += size;
    }
    return total;
  }

  testing::TempDir temp_;
  fs::path folder_ = temp_.path() / "cache";
};

TEST_F(DiskCacheTest, KeepsValuesByName) {
  DiskCache cache(folder_, kPlenty);
  EXPECT_EQ(cache.find("abc-96"), std::nullopt);
  cache.insert("abc-96", "small");
  cache.insert("abc-256", "");
  EXPECT_THAT(cache.find("abc-96"), Optional(std::string("small")));
  EXPECT_THAT(cache.find("abc-256"), Optional(std::string()));
  cache.insert("abc-96", "other");
  EXPECT_THAT(cache.find("abc-96"), Optional(std::string("other")));
  EXPECT_TRUE(fs::is_regular_file(folder_ / "ab" / "abc-96"));
}

TEST_F(DiskCacheTest, OutlivesTheProcess) {
  DiskCache(folder_, kPlenty).insert("abc", "value");
  DiskCache cache(folder_, kPlenty);
  EXPECT_THAT(cache.find("abc"), Optional(std::string("value")));
  cache.settle();
  EXPECT_EQ(cache.size(), kChecksum + 5);
}

TEST_F(DiskCacheTest, RemovesByNameAndByItsBeginning) {
  DiskCache cache(folder_, kPlenty);
  cache.settle();
  for (const char* name : {"abc-96", "abc-256", "abd-96", "xyz"}) cache.insert(name, "value");
  cache.remove("abc-");
  EXPECT_EQ(cache.find("abc-96"), std::nullopt);
  EXPECT_EQ(cache.find("abc-256"), std::nullopt);
  EXPECT_TRUE(cache.find("abd-96"));
  cache.remove("xyz");
  EXPECT_EQ(cache.find("xyz"), std::nullopt);
  EXPECT_EQ(cache.size(), kChecksum + 5);
  cache.remove("a");  // too short to be meant
  cache.remove("..");
  cache.remove("nothing");
  EXPECT_TRUE(cache.find("abd-96"));
}

TEST_F(DiskCacheTest, NamesAreNoPaths) {
  DiskCache cache(folder_, kPlenty);
  put(temp_.path() / "secret", "secret");
  for (const std::string& name :
       {std::string("../secret"), std::string("ab/cd"), std::string("a.b"), std::string("ab"),
        std::string(), std::string("ab\0c", 4), std::string(201, 'a')}) {
    cache.insert(name, "value");
    EXPECT_EQ(cache.find(name), std::nullopt);
  }
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(DiskCacheTest, NothingDamagedIsServed) {
  DiskCache cache(folder_, kPlenty);
  const std::string value(3'000, 'v');
  cache.insert("abc", value);
  const std::string whole = read_file(file("abc")).value();
  std::vector<std::string> damaged{"",
                                   whole.substr(0, 10),
                                   whole.substr(0, kChecksum),
                                   whole.substr(0, whole.size() - 1),
                                   whole + "x",
                                   std::string(whole.size(), '\0')};
  for (const std::size_t at : {std::size_t{0}, kChecksum - 1, kChecksum, whole.size() - 1}) {
    damaged.push_back(whole);
    damaged.back()[at] ^= 1;
  }
  for (const auto& content : damaged) {
    put(file("abc"), content);
    EXPECT_EQ(cache.find("abc"), std::nullopt);
    EXPECT_FALSE(fs::exists(file("abc")));
    cache.insert("abc", value);
    EXPECT_THAT(cache.find("abc"), Optional(value));
  }
  // Nor is the value of another name.
  put(file("xyz"), whole);
  EXPECT_EQ(cache.find("xyz"), std::nullopt);
}

TEST_F(DiskCacheTest, FoldersInPlaceOfFilesDoNoHarm) {
  fs::create_directories(file("abc"));
  put(folder_ / "xy", "a file");
  DiskCache cache(folder_, kPlenty);
  EXPECT_EQ(cache.find("abc"), std::nullopt);
  cache.insert("abc", "value");
  cache.insert("xyz", "value");
  EXPECT_EQ(cache.find("xyz"), std::nullopt);
  cache.settle();
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(DiskCacheTest, IsBounded) {
  constexpr std::uint64_t kMost = 100'000;
  DiskCache cache(folder_, kMost);
  const std::string value(936, 'v');  // 1,000 bytes with its checksum
  for (int i = 0; i < 400; ++i) {
    cache.insert("name-" + std::to_string(i), value);
    EXPECT_LE(bytes_on_disk(), kMost);
  }
  cache.settle();
  EXPECT_GE(cache.size(), bytes_on_disk());
  EXPECT_GT(bytes_on_disk(), kMost / 2);
  cache.insert("large", std::string(kMost, 'v'));
  EXPECT_EQ(cache.find("large"), std::nullopt);
}

TEST_F(DiskCacheTest, WhatWasNotUsedForTheLongestTimeGoesFirst) {
  constexpr std::uint64_t kMost = 160'000;
  DiskCache cache(folder_, kMost);
  const std::string value(936, 'v');
  for (int i = 100; i < 240; ++i) {
    cache.insert("name-" + std::to_string(i), value);
    cache.settle();
    age(file("name-" + std::to_string(i)), 24h * (400 - i));
  }
  ASSERT_TRUE(cache.find("name-100"));  // the oldest, but it is used
  for (int i = 240; i < 270; ++i) {
    cache.insert("name-" + std::to_string(i), value);
    cache.settle();
  }
  EXPECT_TRUE(cache.find("name-100"));
  EXPECT_FALSE(cache.find("name-101"));
  EXPECT_FALSE(cache.find("name-102"));
  EXPECT_TRUE(cache.find("name-239"));
  EXPECT_TRUE(cache.find("name-269"));
}

TEST_F(DiskCacheTest, TheBoundHoldsAfterARestart) {
  {
    DiskCache cache(folder_, kPlenty);
    cache.settle();
    for (int i = 0; i < 100; ++i) cache.insert("name-" + std::to_string(i), std::string(936, 'v'));
  }
  put(folder_ / "no" / "a.foreign.file", std::string(50'000, 'f'));
  DiskCache smaller(folder_, 50'000);
  smaller.settle();
  EXPECT_LE(smaller.size(), 50'000U);
  EXPECT_GT(smaller.size(), 40'000U);
  EXPECT_TRUE(fs::exists(folder_ / "no" / "a.foreign.file"));
}

TEST_F(DiskCacheTest, AUseIsNotedOnceAnHour) {
  DiskCache cache(folder_, kPlenty);
  cache.insert("abc", "value");
  age(file("abc"), 50min);
  ASSERT_TRUE(cache.find("abc"));
  EXPECT_GE(age_of(file("abc")), 49min);
  for (const auto by : {70min, -70min}) {  // the clock may have been set back
    age(file("abc"), by);
    ASSERT_TRUE(cache.find("abc"));
    EXPECT_LE(std::chrono::abs(age_of(file("abc"))), 1min);
  }
}

TEST_F(DiskCacheTest, RestsOfAnInterruptedWriteGo) {
  put(folder_ / "ab" / ".new-old", "half");
  put(folder_ / "ab" / ".new-young", "half");
  age(folder_ / "ab" / ".new-old", 2h);
  DiskCache cache(folder_, kPlenty);
  cache.settle();
  EXPECT_FALSE(fs::exists(folder_ / "ab" / ".new-old"));
  EXPECT_TRUE(fs::exists(folder_ / "ab" / ".new-young"));
}

TEST_F(DiskCacheTest, TwoProcessesShareAFolder) {
  constexpr std::uint64_t kMost = 160'000;
  DiskCache one(folder_, kMost);
  DiskCache two(folder_, kMost);
  one.insert("abc", "value");
  EXPECT_THAT(two.find("abc"), Optional(std::string("value")));
  for (int i = 0; i < 300; ++i) {
    one.insert("one-" + std::to_string(i), std::string(936, 'v'));
    two.insert("two-" + std::to_string(i), std::string(936, 'v'));
    one.settle();
    two.settle();
    EXPECT_LE(bytes_on_disk(), kMost + kMost / 8);
  }
}

TEST_F(DiskCacheTest, AFolderThatCannotBeWrittenIsNoCache) {
  put(folder_, "a file");
  DiskCache cache(folder_, kPlenty);
  ::testing::internal::CaptureStdout();
  cache.insert("abc", "value");
  cache.insert("abd", "value");
  EXPECT_EQ(cache.find("abc"), std::nullopt);
  cache.remove("abc");
  cache.settle();
  EXPECT_EQ(cache.size(), 0U);
  const std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(log, ::testing::HasSubstr("cannot keep files in"));
  EXPECT_EQ(log.find("cannot keep"), log.rfind("cannot keep")) << log;
}

// As on a full disk, a file cannot be written to its end.
TEST_F(DiskCacheTest, AFullDiskIsNoCache) {
  DiskCache cache(folder_, kPlenty);
  cache.settle();
  cache.insert("abc", "value");
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small{.rlim_cur = 1'000, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  cache.insert("abd", std::string(2'000, 'v'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(cache.find("abd"), std::nullopt);
  EXPECT_THAT(cache.find("abc"), Optional(std::string("value")));
  EXPECT_EQ(cache.size(), bytes_on_disk());  // nothing of it is left
  cache.insert("abd", std::string(2'000, 'v'));
  EXPECT_TRUE(cache.find("abd"));
}

TEST_F(DiskCacheTest, ManyThreadsSeeWholeValues) {
  constexpr std::uint64_t kMost = 60'000;
  DiskCache one(folder_, kMost);
  DiskCache two(folder_, kMost);
  std::atomic<int> found = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      DiskCache& cache = thread % 2 == 0 ? one : two;
      for (int i = 0; i < 300; ++i) {
        const std::string name = "name-" + std::to_string((i * 7 + thread) % 50);
        if (const auto value = cache.find(name)) {
          ++found;
          EXPECT_EQ(value->substr(0, name.size()), name);
          EXPECT_GE(value->size(), 1'000U);
        }
        cache.insert(name, name + std::string(1'000 + static_cast<std::size_t>(i), 'v'));
        if (i % 20 == thread) cache.remove(name);
      }
    });
  }
  threads.clear();
  EXPECT_GT(found, 0);
  one.settle();
  two.settle();
}

}  // namespace
}  // namespace classifier
