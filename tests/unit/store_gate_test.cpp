// Whose fault a failed call is.
#include "services/store_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace classifier::testing {
namespace {

using std::chrono::milliseconds;

class StoreGateTest : public ::testing::Test {
 protected:
  static Result<int> refuse(ErrorCode code) { return fail(code, "no"); }

  template <class Ready>
  static void wait_until(Ready ready) {
    while (!ready()) std::this_thread::sleep_for(milliseconds(1));
  }

  std::atomic<bool> answers_ = true;
  std::atomic<int> checks_ = 0;
  std::stop_source stop_;
  NoMetrics metrics_;
  StoreGate gate_{"store",
                  [this]() -> Result<void> {
                    ++checks_;
                    if (!answers_) return fail(ErrorCode::kUnavailable, "away");
                    return {};
                  },
                  metrics_,
                  {.first_pause = milliseconds(1), .longest_pause = milliseconds(1)}};
};

TEST_F(StoreGateTest, ErrorsOfTheCallItselfAreReturnedAtOnce) {
  for (const auto code : {ErrorCode::kNotFound, ErrorCode::kTooLarge, ErrorCode::kInvalidArgument,
                          ErrorCode::kConflict, ErrorCode::kUndecodable}) {
    int calls = 0;
    const auto result = gate_.through(
        [&] {
          ++calls;
          return refuse(code);
        },
        stop_.get_token());
    EXPECT_EQ(result.error().code, code);
    EXPECT_EQ(calls, 1);
  }
  EXPECT_EQ(checks_, 0);
}

TEST_F(StoreGateTest, WaitsForAStoreThatIsAwayHoweverLong) {
  for (const auto code : {ErrorCode::kUnavailable, ErrorCode::kExhausted, ErrorCode::kInternal,
                          ErrorCode::kUnauthorized, ErrorCode::kForbidden}) {
    answers_ = false;
    int calls = 0;
    const auto result = gate_.through(
        [&]() -> Result<int> {
          if (++calls < 100) return refuse(code);
          EXPECT_FALSE(gate_.open());
          return calls;
        },
        stop_.get_token());
    EXPECT_EQ(result, 100);
    EXPECT_TRUE(gate_.open());
  }
}

TEST_F(StoreGateTest, WhatFailsWhileOthersSucceedIsItsOwnFault) {
  int calls = 0;
  const auto result = gate_.through(
      [&] {
        ++calls;
        EXPECT_TRUE(gate_.through([]() -> Result<int> { return 1; }, stop_.get_token()));
        return refuse(ErrorCode::kUnavailable);
      },
      stop_.get_token());
  EXPECT_EQ(result.error().message, "no");
  EXPECT_EQ(calls, 4);
  EXPECT_TRUE(gate_.open());
}

TEST_F(StoreGateTest, WhatFailsWhileTheStoreAnswersIsItsOwnFaultAfterLong) {
  int calls = 0;
  const auto result = gate_.through(
      [&] {
        ++calls;
        return refuse(ErrorCode::kUnavailable);
      },
      stop_.get_token());
  EXPECT_FALSE(result);
  EXPECT_EQ(calls, 400);
}

TEST_F(StoreGateTest, AnOutageInBetweenBeginsThePatienceAgain) {
  int calls = 0;
  std::ignore = gate_.through(
      [&] {
        answers_ = ++calls != 300;
        return refuse(ErrorCode::kUnavailable);
      },
      stop_.get_token());
  EXPECT_EQ(calls, 700);
}

TEST_F(StoreGateTest, AStopEndsTheWaitWithATransientError) {
  answers_ = false;
  Result<int> result = 0;
  std::jthread caller([&] {
    result = gate_.through([] { return refuse(ErrorCode::kForbidden); }, stop_.get_token());
  });
  wait_until([&] { return !gate_.open(); });
  std::jthread waiter([&] { EXPECT_FALSE(gate_.wait_until_open(stop_.get_token())); });
  stop_.request_stop();
  waiter.join();
  caller.join();
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().message, "no");
}

// A caller that was interrupted by an exception no longer asks.
TEST_F(StoreGateTest, WhoWaitsAsksItself) {
  answers_ = false;
  int calls = 0;
  const auto call = [&]() -> Result<int> {
    if (++calls == 2) throw std::bad_alloc();
    return refuse(ErrorCode::kUnavailable);
  };
  EXPECT_THROW(std::ignore = gate_.through(call, stop_.get_token()), std::bad_alloc);
  EXPECT_FALSE(gate_.open());
  answers_ = true;
  EXPECT_TRUE(gate_.wait_until_open(stop_.get_token()));
  EXPECT_TRUE(gate_.open());
}

}  // namespace
}  // namespace classifier::testing
