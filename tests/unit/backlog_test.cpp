// The limit on waiting images, while the queue is slow to count them or does not answer.
#include "services/backlog.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "contract/embedded_stores.hpp"
#include "support/faulty_stores.hpp"

namespace classifier::testing {
namespace {

using namespace std::chrono_literals;

// The embedded queue, which does not say how long it is before release().
class SlowQueue final : public FaultyWorkQueue {
 public:
  using FaultyWorkQueue::FaultyWorkQueue;

  Result<QueueDepth> depth() override {
    ++asked;
    const int now = ++asking;
    most = std::max(most.load(), now);
    released_.wait(false);
    --asking;
    return FaultyWorkQueue::depth();
  }
  void release() {
    released_ = true;
    released_.notify_all();
  }

  std::atomic<int> asked{0};
  std::atomic<int> asking{0};
  std::atomic<int> most{0};  // at once

 private:
  std::atomic<bool> released_{false};
};

class BacklogTest : public ::testing::Test {
 protected:
  EmbeddedStores stores_;
  Faults faults_;
  SlowQueue queue_{stores_.queue(), faults_};
};

TEST_F(BacklogTest, SlowCountDelaysNoSubmission) {
  Backlog backlog(queue_, 3, {.fresh = 5min, .patience = 1ms});
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < 8; ++i) askers.emplace_back([&] { EXPECT_TRUE(backlog.check()); });
  }  // all have returned, though the queue has not answered
  while (queue_.asked == 0) std::this_thread::yield();  // it is asked by a thread of its own
  EXPECT_EQ(queue_.most, 1);
  EXPECT_EQ(queue_.asked, 1);
  // What is accepted meanwhile counts, even once the queue, which does not have it yet, answers.
  backlog.add(3);
  EXPECT_FALSE(backlog.check());
  EXPECT_EQ(queue_.asked, 1);
  queue_.release();
  while (queue_.asking > 0) std::this_thread::yield();
  EXPECT_FALSE(backlog.check());
}

TEST_F(BacklogTest, QueueThatFailsIsNotAskedAgainAtOnce) {
  faults_.inject({.operation = "WorkQueue.depth", .call = 1, .mode = FaultMode::kFailAlways});
  queue_.release();
  Backlog backlog(queue_, 3, {.fresh = 5min, .patience = 5min});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(backlog.check());
  EXPECT_EQ(queue_.asked, 1);
}

}  // namespace
}  // namespace classifier::testing
