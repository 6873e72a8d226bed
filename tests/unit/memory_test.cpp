#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/memory_budget.hpp"
#include "support/spool.hpp"
#include "support/temp_dir.hpp"

namespace classifier {
namespace {

using namespace std::chrono_literals;

MemoryBudget::Time at_once() { return MemoryBudget::Time::min(); }

TEST(MemoryBudget, GivesNoMoreThanItHas) {
  MemoryBudget budget(100);
  MemoryShare one(budget);
  EXPECT_TRUE(one.take(60));
  {
    MemoryShare two(budget);
    EXPECT_FALSE(two.take(41));
    EXPECT_TRUE(two.take(40));
    EXPECT_FALSE(one.take(1));
    EXPECT_EQ(budget.used(), 100U);
  }
  EXPECT_EQ(budget.used(), 60U);
  EXPECT_TRUE(one.take(40));
  const MemoryShare moved(std::move(one));
  EXPECT_EQ(budget.used(), 100U);
}

TEST(MemoryBudget, WaitsUntilThereIsEnough) {
  MemoryBudget budget(100);
  std::optional<MemoryShare> holder(budget);
  ASSERT_TRUE(holder->take(60));
  EXPECT_FALSE(MemoryShare(budget).wait_for(50, at_once()));
  auto waiter = std::async(std::launch::async, [&] { return MemoryShare(budget).wait_for(50); });
  // Once it waits, nobody overtakes it, though 40 are left.
  for (bool taken = true; taken; std::this_thread::yield()) taken = MemoryShare(budget).take(1);
  EXPECT_FALSE(MemoryShare(budget).take(40));
  EXPECT_FALSE(MemoryShare(budget).wait_for(40, MemoryBudget::Time::max(), 1));
  holder.reset();
  EXPECT_TRUE(waiter.get());
  EXPECT_EQ(budget.used(), 0U);
}

TEST(MemoryBudget, GivesAllItHasToWhatNeedsMore) {
  MemoryBudget budget(100);
  std::optional<MemoryShare> holder(budget);
  ASSERT_TRUE(holder->take(1));
  MemoryShare large(budget);
  EXPECT_FALSE(large.wait_for(1'000, at_once()));
  holder.reset();
  EXPECT_TRUE(large.wait_for(1'000, at_once()));
  EXPECT_EQ(budget.used(), 100U);
}

TEST(MemoryBudget, ThreadsNeverHoldMoreThanTheLimit) {
  MemoryBudget budget(10);
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const int needed = 1 + i;
        for (int round = 0; round < 200; ++round) {
          MemoryShare share(budget);
          ASSERT_TRUE(share.wait_for(static_cast<std::uint64_t>(needed)));
          const int now = held += needed;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          held -= needed;
        }
      });
    }
  }
  EXPECT_LE(most, 10);
  EXPECT_EQ(budget.used(), 0U);
}

std::string read(const Spool& spool, std::uint64_t from, std::size_t size) {
  std::string bytes(size, 0);
  EXPECT_TRUE(spool.read(from, bytes));
  return bytes;
}

TEST(Spool, ReadsWhatWasWrittenInMemoryAndInAFile) {
  const testing::TempDir folder;
  Spool spool(folder.path());
  std::string all;
  while (all.size() < 3 * Spool::kInMemory) {
    const std::string text = std::to_string(all.size()) + ", ";
    ASSERT_TRUE(spool.append(text));
    all += text;
    ASSERT_EQ(spool.size(), all.size());
    ASSERT_EQ(read(spool, all.size() - text.size(), text.size()), text);
  }
  EXPECT_EQ(read(spool, 0, all.size()), all);
  ASSERT_TRUE(spool.write(5, "overwritten"));
  EXPECT_EQ(read(spool, 0, 20), all.replace(5, 11, "overwritten").substr(0, 20));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Spool, SmallOnesNeedNoFolder) {
  Spool spool("/no such folder");
  EXPECT_TRUE(spool.append(std::string(Spool::kInMemory, 'x')));
  const auto more = spool.append("x");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kExhausted);
  EXPECT_THAT(more.error().message, ::testing::HasSubstr("/no such folder"));
}

}  // namespace
}  // namespace classifier
